"""Changes of several sessions that are committed together, and what comes of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from persistence.conditions import Conditions
from persistence.content import Packed
from persistence.errors import (
    Changed,
    EngineError,
    FailedItem,
    ItemsRefused,
    ItemsStale,
    KeyReused,
    PersistenceError,
)
from persistence.sessions.commits import Plan
from persistence.sessions.documents import SessionHead
from persistence.sessions.edits import Edit
from persistence.sessions.history import find_base
from persistence.sessions.patches import SaveDelta
from persistence.sessions.write_queue import Committed
from persistence.storage.document_set import Versioned
from persistence.storage.engine import Create, Item, Replace


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a session that exists."""

    session_id: str
    edit: Edit | SaveDelta
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Creation:
    """A new session: its first head, which names no content yet, and its content."""

    first: SessionHead
    content: Packed

    @property
    def session_id(self) -> str:
        """The id that the client made."""
        return self.first.id


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that was refused before its session was read."""

    session_id: str
    error: PersistenceError


JointChange = Change | Creation | Refusal


@dataclass(frozen=True, slots=True)
class Step:
    """What one change makes of its session. The outcome holds once all steps are written.

    stored  the head that was read; None for a new session
    head    the head to write; None if nothing is written
    plan    None for a new session
    """

    outcome: Committed | PersistenceError
    stored: Versioned[SessionHead] | None = None
    head: SessionHead | None = None
    plan: Plan | None = None
    contents: Sequence[Item] = ()
    lines: Sequence[Item] = ()

    @property
    def before(self) -> SessionHead | None:
        """The head that was read, without its etag."""
        return None if self.stored is None else self.stored.document

    @property
    def write(self) -> Create | Replace | None:
        """The write of the head. None if nothing is written."""
        if self.head is None:
            return None
        item = self.head.to_item()
        return Create(item) if self.stored is None else Replace(item, self.stored.etag)


def outcomes_of(changes: Sequence[JointChange], steps: Sequence[Step]) -> list[Committed]:
    """Returns the outcome of each step. Raises ItemsStale, ItemsRefused, KeyReused and EngineError.

    If a change is a retry, an earlier try has committed all of them together. A change that changed nothing then
    is not recognised by its save id. It is not refused now because its session was changed since.
    """
    is_retry = any(isinstance(one.outcome, Committed) and one.outcome.retried for one in steps)
    outcomes: list[Committed] = []
    failed: list[FailedItem] = []
    for index, (change, step) in enumerate(zip(changes, steps, strict=True)):
        outcome = step.outcome
        if is_retry and isinstance(outcome, Changed):
            outcome = _as_it_was(change, step) or outcome
        match outcome:
            case Committed():
                outcomes.append(outcome)
            case KeyReused() | EngineError():
                raise outcome
            case _:
                failed.append(FailedItem(index, change.session_id, outcome))
    if failed:
        is_stale = all(isinstance(one.error, Changed) for one in failed)
        raise (ItemsStale if is_stale else ItemsRefused)(failed)
    return outcomes


def _as_it_was(change: JointChange, step: Step) -> Committed | None:
    """Returns the session in the version of the caller's ETag, or as it was created. Never its current ETag: the
    caller would overwrite what it has not seen. None if that version is no longer known."""
    head = step.before
    if head is None or isinstance(change, Refusal):
        return None
    if isinstance(change, Creation):
        return Committed(change.first, change.first)
    revision = next(filter(None, (find_base(head, tag) for tag in change.conditions.if_match or ())), None)
    return None if revision is None else Committed(head, head, revision)
