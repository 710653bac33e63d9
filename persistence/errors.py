"""Everything that can go wrong in this package, as classes with data.

    PersistenceError
    ├── NotFound
    ├── Gone
    │   └── Trashed
    ├── Forbidden
    ├── Changed
    ├── BaseGone
    ├── IllegalMove
    ├── KeyReused
    ├── ItemsRefused
    │   └── ItemsStale
    ├── TooLargeTogether
    ├── NotAtomicHere
    ├── LimitReached
    │   ├── TooMany
    │   └── StorageFull
    ├── Contended
    ├── InvalidField
    │   └── InvalidMember
    ├── InvalidCursor
    ├── ContentTooLarge
    ├── DeltaTooLarge
    ├── InvalidDelta
    ├── Unfinished
    ├── TimersLate
    ├── CorruptItem
    └── EngineError
        ├── ItemExists
        ├── ItemNotFound
        ├── ItemChanged
        ├── ItemTooLarge
        ├── OwnerFull
        └── StoreUnavailable
            ├── StorageExhausted
            ├── IndexBuilding
            ├── Maintenance
            └── Throttled

Messages are written for users: they name the field and the limit, and never contain a driver's text. That text
stays in the exception's `__cause__`, for the log.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class PersistenceError(Exception):
    """Anything that this package raises on purpose."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What a caller can act on besides the message, by name in snake_case."""
        return {}


class NotFound(PersistenceError):
    """There is no such item, or the caller may not see it."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"There is no such {kind}.")
        self.kind, self.id = kind, id


class Gone(PersistenceError):
    """The item was deleted or has expired."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"This {kind} has been deleted.")
        self.kind, self.id = kind, id


class Trashed(Gone):
    """The item is in the trash. It can be restored until `purges_at`, as text in the stored form."""

    def __init__(self, kind: str, id: str, purges_at: str) -> None:
        super().__init__(kind, id)
        self.args = (f"This {kind} is in the trash. It can be restored until {purges_at}.",)
        self.purges_at = purges_at

    @property
    def facts(self) -> Mapping[str, object]:
        return {"trashed": True, "purges_at": self.purges_at}


class Forbidden(PersistenceError):
    """The item belongs to someone else, and only its owner may do this."""

    def __init__(self, kind: str, id: str, why: str | None = None) -> None:
        super().__init__(why or f"Only the owner of this {kind} may do that.")
        self.kind, self.id = kind, id


class Changed(PersistenceError):
    """The caller's ETag is stale. Nothing was written. `current` is the document as it is now."""

    def __init__(self, kind: str, id: str, current: object) -> None:
        super().__init__(f"This {kind} was changed since you read it; nothing was written.")
        self.kind, self.id, self.current = kind, id, current

    @property
    def facts(self) -> Mapping[str, object]:
        return {"current": self.current}


class BaseGone(PersistenceError):
    """The content that a delta was made from is no longer stored. Nothing was written. `current` is the document
    as it is now. None if it is deleted."""

    def __init__(self, kind: str, id: str, current: object) -> None:
        super().__init__(
            f"The content of this {kind} that the delta was made from is gone: send the whole content."
        )
        self.kind, self.id, self.current = kind, id, current

    @property
    def facts(self) -> Mapping[str, object]:
        return {} if self.current is None else {"current": self.current}


class IllegalMove(PersistenceError):
    """The status of a session does not allow this action. `legal` lists the actions that it allows."""

    def __init__(self, kind: str, id: str, status: str, move: str, legal: Sequence[str]) -> None:
        allowed = " or ".join(legal)
        super().__init__(f"This {kind} is {status}: it cannot be {move}, but it can be {allowed}.")
        self.kind, self.id, self.status, self.move, self.legal = kind, id, status, move, tuple(legal)

    @property
    def facts(self) -> Mapping[str, object]:
        return {"session_status": self.status, "legal": self.legal}


class KeyReused(PersistenceError):
    """The idempotency key was used before, for a different request. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before, for a different request; nothing was written.")


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item of an atomic sync that cannot be applied: its place, the id of its session, and the reason."""

    index: int
    id: str
    error: PersistenceError


class ItemsRefused(PersistenceError):
    """Some items of an atomic sync cannot be applied, so nothing was written."""

    def __init__(self, failed: Sequence[FailedItem]) -> None:
        places = ", ".join(str(one.index) for one in failed)
        super().__init__(f"Nothing was written, because these items cannot be applied: {places}.")
        self.failed = tuple(failed)


class ItemsStale(ItemsRefused):
    """As ItemsRefused, if the only reason is that sessions were changed since the caller read them."""


class TooLargeTogether(PersistenceError):
    """The sessions of an atomic sync do not fit into one commit. Only the first `fits` items would."""

    def __init__(self, size: int, limit: int, fits: int) -> None:
        super().__init__(
            f"These items change {size:,} bytes besides contents; at most {limit:,} can be changed together. "
            f"Nothing was written. Send at most the first {fits} items in one call."
        )
        self.size, self.limit, self.fits = size, limit, fits

    @property
    def facts(self) -> Mapping[str, object]:
        return {"size": self.size, "limit": self.limit, "fits": self.fits}


class NotAtomicHere(PersistenceError):
    """The database cannot change several sessions at once, all or none."""

    def __init__(self) -> None:
        super().__init__("The database of this server cannot change several sessions at once; sync independently.")


class LimitReached(PersistenceError):
    """The owner already keeps as much as the operator allows. `used` and `limit` are in units of `what`."""

    def __init__(self, what: str, used: int, limit: int) -> None:
        super().__init__(f"You keep {used:,} of at most {limit:,} {what}; this would exceed the limit.")
        self.what, self.used, self.limit = what, used, limit

    @property
    def facts(self) -> Mapping[str, object]:
        return {"what": self.what, "used": self.used, "limit": self.limit}


class TooMany(LimitReached):
    """The limit is a number of things."""


class TooManyNamed(LimitReached):
    """The limit is the number of versions of one session that have a name."""


class StorageFull(LimitReached):
    """The limit is in bytes. `trash_bytes` of the used ones are in the trash. None if the limit does not count
    the trash."""

    def __init__(self, what: str, used: int, limit: int, trash_bytes: int | None = None) -> None:
        super().__init__(what, used, limit)
        self.trash_bytes = trash_bytes
        if trash_bytes:
            self.args = (f"{self} {trash_bytes:,} of them are in the trash: purging it frees them.",)

    @property
    def facts(self) -> Mapping[str, object]:
        return super().facts if self.trash_bytes is None else {**super().facts, "trash_bytes": self.trash_bytes}


class Contended(PersistenceError):
    """Other writers changed the item between each of our reads and writes. We stopped retrying."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"Too many writers are changing this {kind}. Try again.")
        self.kind, self.id = kind, id


class InvalidField(PersistenceError):
    """The value of a field breaks one of its rules."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class InvalidMember(InvalidField):
    """As InvalidField, for a member of a JSON document. `field` is its name there."""


class InvalidCursor(PersistenceError):
    """The cursor is malformed, or belongs to another query or owner."""

    def __init__(self) -> None:
        super().__init__("This cursor does not belong to this list; start again without one.")


class ContentTooLarge(PersistenceError):
    """The content exceeds the limit: as text (`what` is "content") or gzipped ("packed content").

    Sizes are in bytes. `size` is None if it is not known, because unpacking stopped at the limit.
    """

    def __init__(self, what: str, size: int | None, limit: int) -> None:
        has = "too many" if size is None else f"{size:,}"
        super().__init__(f"The {what} has {has} bytes; at most {limit:,} can be kept.")
        self.what, self.size, self.limit = what, size, limit

    @property
    def facts(self) -> Mapping[str, object]:
        return {"limit": self.limit} if self.size is None else {"size": self.size, "limit": self.limit}


class DeltaTooLarge(PersistenceError):
    """The delta has more of `what`, bytes or commands, than any useful delta."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"The delta has too many {what}: at most {limit:,} are read. Send the whole content.")
        self.what, self.limit = what, limit

    @property
    def facts(self) -> Mapping[str, object]:
        return {"limit": self.limit}


class DeltaRule(StrEnum):
    """A rule that a delta can break."""

    WELL_FORMED = "well_formed"
    WITHIN_BASE = "within_base"
    SIZE = "size"
    CHECKSUM = "checksum"
    DIGEST = "digest"
    UTF8 = "utf8"


class InvalidDelta(PersistenceError):
    """The delta breaks a rule, or was made from another content. Nothing was written."""

    def __init__(self, rule: DeltaRule, why: str) -> None:
        super().__init__(f"The delta {why}; nothing was written.")
        self.rule = rule

    @property
    def facts(self) -> Mapping[str, object]:
        return {"rule": self.rule}


class Unfinished(PersistenceError):
    """The time of a call is over, and a part of it is done. The same call continues."""

    def __init__(self) -> None:
        super().__init__("A part is done. Send the same call again: it continues.")


class CorruptItem(PersistenceError):
    """A stored item is damaged and cannot be read. It is never the caller's fault. The log has the `reference`."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"This {kind} is stored in a form that cannot be read.")
        self.kind, self.id = kind, id
        self.reference = secrets.token_hex(6)


@dataclass(frozen=True, slots=True)
class LateTimer:
    """A timer that no run of which has succeeded since `due_at`. Times are texts in the stored form, or None."""

    name: str
    due_at: str
    ended_at: str | None
    outcome: str | None


class TimersLate(PersistenceError):
    """Timers have not succeeded for longer than their schedules allow."""

    def __init__(self, late: Sequence[LateTimer]) -> None:
        super().__init__(f"No run has succeeded in time: {', '.join(one.name for one in late)}.")
        self.late = late

    @property
    def facts(self) -> Mapping[str, object]:
        return {
            "late": [
                {"timer": one.name, "dueAt": one.due_at, "endedAt": one.ended_at, "outcome": one.outcome}
                for one in self.late
            ]
        }


class EngineError(PersistenceError):
    """What an engine raises. Stores handle it or turn it into a class above, except for StoreUnavailable."""


class ItemExists(EngineError):
    """The id is taken in its partition."""

    def __init__(self) -> None:
        super().__init__("The id is taken.")


class ItemNotFound(EngineError):
    """The partition has no item with this id."""

    def __init__(self) -> None:
        super().__init__("There is no such item.")


class ItemChanged(EngineError):
    """The item has another etag than the expected one. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("The item was changed meanwhile.")


class ItemTooLarge(EngineError):
    """One item, or one commit, has too many bytes. `size` is None if the database did not say how many."""

    def __init__(self, size: int | None, limit: int) -> None:
        has = "too many" if size is None else f"{size:,}"
        super().__init__(f"The item has {has} bytes; at most {limit:,} can be kept.")
        self.size, self.limit = size, limit


class OwnerFull(EngineError):
    """All items of this owner together fill a partition of the database. Nothing was written. Other owners are not
    affected. Deleting works, and makes room."""

    def __init__(self) -> None:
        super().__init__(
            "All that you keep has reached the limit of the database; nothing was written. Delete some."
        )


class StoreUnavailable(EngineError):
    """The database did not respond in time, or failed. A write may have been applied or not."""

    def __init__(self) -> None:
        super().__init__("The store does not respond; please try again.")


class StorageExhausted(StoreUnavailable):
    """The database has no room left. Nothing was written. Deleting may still work, and makes room."""

    def __init__(self) -> None:
        super().__init__()
        self.args = ("The store has no room left; nothing was written. Please try again later.",)


class IndexBuilding(StoreUnavailable):
    """The database still builds the index that this query needs, after an update."""

    def __init__(self) -> None:
        super().__init__()
        self.args = ("The store is being updated; please try again in some minutes.",)


class Maintenance(StoreUnavailable):
    """The operator has forbidden to write for a while. Nothing was written. `sentence` is the operator's."""

    def __init__(self, sentence: str | None) -> None:
        super().__init__()
        self.args = (sentence or "This server is in maintenance: saves must wait.",)


class Throttled(StoreUnavailable):
    """The database received too many requests and asks to wait."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
