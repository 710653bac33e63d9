"""The events that the state machine of a document takes, and the effects that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from savepoint_client.model import Base, Rename, Timer


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    `lost`: nobody knows, or later. `again`: not in this form. The rest is as in the table of states.
    """

    kind: Literal[
        "ok",
        "copied",
        "lost",
        "stale",
        "gone",
        "missing",
        "out",
        "again",
        "same",
        "moved",
        "big",
        "full",
        "refused",
    ]
    meta: Mapping[str, Any] = field(default_factory=dict)
    of: Mapping[str, Any] | None = None
    """Of a copy: what the server has. None if it is deleted."""
    after: float | None = None
    version: int = 0
    status: str = ""
    size: int = 0
    limit: int = 0
    error: str = ""
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What time and chance bring to an event, so that the machine has neither."""

    now: float
    random: float


@dataclass(frozen=True)
class Edited:
    """`text` is None if it is read later."""

    text: str | None = None


@dataclass(frozen=True)
class Read:
    """The text as it was after so many edits."""

    text: str
    edits: int


@dataclass(frozen=True)
class Unread:
    """The text could not be read."""

    error: str


@dataclass(frozen=True)
class Failed:
    """A function of the app failed. Nothing depends on it."""

    error: str


@dataclass(frozen=True)
class Due:
    timer: Timer


@dataclass(frozen=True)
class Kept:
    edits: int
    key: str | None
    ok: bool
    error: str = ""


@dataclass(frozen=True)
class Answered:
    key: str
    answer: Answer
    by: Outcome


@dataclass(frozen=True)
class Loaded:
    """`id` is a new one, for a copy that may be needed."""

    answer: Answer
    text: str
    id: str
    by: Outcome


@dataclass(frozen=True)
class Polled:
    answer: Answer


@dataclass(frozen=True)
class Unapplied:
    """A text was not shown. `error` is empty if an edit was faster. `base` is what to return to."""

    text: str
    base: Base | None
    error: str = ""


@dataclass(frozen=True)
class Who:
    result: Literal["same", "other", "lost"]


@dataclass(frozen=True)
class News:
    """Another document of this process has saved."""

    version: int


@dataclass(frozen=True)
class Online:
    """Another try may help: there are other headers, or somebody asks for it."""


@dataclass(frozen=True)
class Flush:
    ending: bool = False


@dataclass(frozen=True)
class Save:
    rename: Rename | None = None


@dataclass(frozen=True)
class RenameTo:
    rename: Rename


@dataclass(frozen=True)
class Restore:
    version: int


@dataclass(frozen=True)
class Resolve:
    """`how` is mine, theirs or copy. With `text`, that is the result."""

    how: str
    id: str
    text: str | None = None


@dataclass(frozen=True)
class Replace:
    base: Base
    kind: str


@dataclass(frozen=True)
class Fork:
    id: str
    title: str


Event = (
    Edited | Read | Unread | Failed | Due | Kept | Answered | Loaded | Polled | Unapplied | Who | News | Online
    | Flush | Save | RenameTo | Restore | Resolve | Replace | Fork
)  # fmt: skip


@dataclass(frozen=True)
class SetTimer:
    """Restarts a timer, at most until `most` after its first start. 0 s stops it."""

    timer: Timer
    seconds: float
    most: float = float("inf")


@dataclass(frozen=True)
class Keep:
    """Writes the state to the journal, then `Kept`."""


@dataclass(frozen=True)
class Drop:
    """Removes the entry of the journal, or that of another id."""

    id: str | None = None


@dataclass(frozen=True)
class Aside:
    """Keeps a text aside in the journal."""

    text: str


@dataclass(frozen=True)
class Send:
    """Sends the attempt, then `Answered`."""


@dataclass(frozen=True)
class Ask:
    """`load` reads the document, `poll` whether it changed, `who` who is signed in."""

    what: Literal["load", "poll", "who"]


@dataclass(frozen=True)
class Apply:
    """Shows a text, unless it was edited since. `base` is what to return to then."""

    text: str
    base: Base | None


@dataclass(frozen=True)
class Tell:
    """Tells other documents of this process what was saved."""


Effect = SetTimer | Keep | Drop | Aside | Send | Ask | Apply | Tell
