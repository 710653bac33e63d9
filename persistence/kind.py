"""The parts of a kind of thing that usage, limits, export, erasure and timers use.

A package makes one `Kind` from its store, and `persistence/__init__.py` lists them. Code that goes through the
kinds imports only this file.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from persistence.limits import Counted, CountedBytes
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Item

TimerName = Literal["mark_deleted_snapshot_logs", "sweep_sessions", "purge_stale_drafts"]
"""Every timer. `functions/timers.py` sets the schedule of each."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One line of an export.

    kind        the type of the line
    fields      texts, and documents that have a view, by name
    mark        where an export continues in the same item after this line
    content     UTF-8, or None if the line has no content
    unreadable  True if the item, or its content, is damaged
    """

    kind: str
    fields: Mapping[str, object]
    mark: str
    content: bytes | None = None
    unreadable: bool = False


def damaged(id: str, mark: str = "0") -> Exported:
    """Returns the line of a damaged item."""
    return Exported("damaged", {"id": id}, mark, unreadable=True)


@dataclass(frozen=True, slots=True)
class Export:
    """One phase of an export: the documents of a person, by id. Ids have only characters of A-Za-z0-9_~-.

    phase      the name in cursors, which must not change
    documents  what is paged; items come without content
    lines      yields the lines of an item for its owner, after a mark of an earlier call or "" for all
    marks      a pattern that all marks match, and ""
    """

    phase: str
    documents: DocumentSet[Any]
    lines: Callable[[str, Item, str], AsyncGenerator[Exported, None]]
    marks: str = "[0-9]{0,18}"


@dataclass(frozen=True, slots=True)
class Erased:
    """A thing that was just removed: its number of stored items, and the names in `Erase.counts` that count it."""

    items: int = 1
    counts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Erase:
    """Removes all things of a person.

    counts  the names of the numbers that are returned, with descriptions
    run     yields what was removed, one thing after the other. It may be closed after each. The next call then
            removes the rest.
    """

    run: Callable[[str], AsyncGenerator[Erased, None]]
    counts: Mapping[str, str] = field(default_factory=dict)


class Counts:
    """What one run of a timer did, by name. `skipped` items were not changed, because they are damaged, or
    lack what their owner has no room for.

    backlog  items that are due, but were left to the next run, because this one had processed its most
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._numbers = dict.fromkeys((*names, "skipped"), 0)
        self.backlog = 0

    def add(self, name: str) -> None:
        """Counts one more."""
        self._numbers[name] += 1

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def __str__(self) -> str:
        return ", ".join(f"{name} {number}" for name, number in self._numbers.items())

    def as_dict(self) -> dict[str, int]:
        """All numbers by name, zeros too."""
        return dict(self._numbers)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a timer's run. It processes at most a number of items, and can be repeated.

    counts  the names that it counts, in the order of the log line
    run     does the work that is due at a moment. It is the same moment for all steps of a run.
    """

    counts: tuple[str, ...]
    run: Callable[[datetime, Counts], Awaitable[None]]

    @property
    def name(self) -> str:
        """What the log calls the step."""
        return f"{self.run.__qualname__} ({', '.join(self.counts)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing. Every part may be empty.

    counted      what is counted in the usage, and can be limited
    stored       what adds to sums of bytes: current contents to the stored ones, and all to the kept ones
    timer_steps  the steps that each timer takes for this kind, in order
    unsettled    documents with `unsettled_at`, which the steps complete
    """

    counted: Sequence[Counted] = ()
    stored: Sequence[CountedBytes] = ()
    export: Export | None = None
    erase: Erase | None = None
    timer_steps: Mapping[TimerName, Sequence[Step]] = field(default_factory=dict)
    unsettled: Sequence[DocumentSet[Any]] = ()
