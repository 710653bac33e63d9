"""Everything that can go wrong in here, as classes with data. What each means over HTTP stands in
`functions/http/problems.py` alone.

Messages are written for the person at the other end: they name the field and the limit and never
carry text from a driver, which stays in the exception's `__cause__` for the log.
"""

import secrets
from collections.abc import Sequence


class PersistenceError(Exception):
    """Anything that this package raises on purpose."""


class NotFound(PersistenceError):
    """There is none by that id that the caller may know of."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"There is no such {kind}.")
        self.kind, self.id = kind, id


class Gone(PersistenceError):
    """It was deleted, or its time is over."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"This {kind} has been deleted.")
        self.kind, self.id = kind, id


class Forbidden(PersistenceError):
    """It is another's, and this is for its owner alone."""

    def __init__(self, kind: str, id: str, why: str | None = None) -> None:
        super().__init__(why or f"Only the owner of this {kind} may do that.")
        self.kind, self.id = kind, id


class Changed(PersistenceError):
    """The caller's ETag is stale; `current` is the document as it is now."""

    def __init__(self, kind: str, id: str, current: object) -> None:
        super().__init__(f"This {kind} was changed since you read it; nothing was written.")
        self.kind, self.id, self.current = kind, id, current


class IllegalMove(PersistenceError):
    """Something that is not done to a session of that status; `legal` is what can be done to it."""

    def __init__(self, kind: str, id: str, status: str, move: str, legal: Sequence[str]) -> None:
        allowed = " or ".join(legal)
        super().__init__(f"This {kind} is {status}: it cannot be {move}, but it can be {allowed}.")
        self.kind, self.id, self.status, self.move, self.legal = kind, id, status, move, tuple(legal)


class KeyReused(PersistenceError):
    """An Idempotency-Key that was sent with another body before."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for something else before; nothing was written.")


class LimitReached(PersistenceError):
    """A person keeps as much as the operator allows; `used` and `limit` are in units of `what`."""

    def __init__(self, what: str, used: int, limit: int) -> None:
        super().__init__(f"You keep {used:,} of at most {limit:,} {what}; with this it would be more.")
        self.what, self.used, self.limit = what, used, limit


class TooMany(LimitReached):
    """Of things that are counted."""


class StorageFull(LimitReached):
    """Of bytes."""


class Contended(PersistenceError):
    """Others wrote the same item at every one of our attempts."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"This {kind} is being changed by others all the time; please try again.")
        self.kind, self.id = kind, id


class InvalidField(PersistenceError):
    """A value that breaks a rule of the field it was given for."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class InvalidMember(InvalidField):
    """The same of a member of what was sent, by its name in JSON."""


class InvalidCursor(PersistenceError):
    """A cursor that is malformed, or was made for another query or owner."""

    def __init__(self) -> None:
        super().__init__("This cursor does not belong to this list; start again without one.")


class ContentTooLarge(PersistenceError):
    """Content over the limit, before packing (`what` "content") or after ("packed content"); in bytes."""

    def __init__(self, what: str, size: int | None, limit: int) -> None:
        has = "too many" if size is None else f"{size:,}"
        super().__init__(f"The {what} has {has} bytes; at most {limit:,} can be kept.")
        self.what, self.size, self.limit = what, size, limit


class CorruptItem(PersistenceError):
    """A stored item that is not what it should be: our fault, never the caller's. By `reference` it is found
    in the log."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"This {kind} is stored in a form that cannot be read.")
        self.kind, self.id = kind, id
        self.reference = secrets.token_hex(6)


class EngineError(PersistenceError):
    """What an engine reports of an item or of itself."""


class ItemExists(EngineError):
    """The id is taken in its partition."""

    def __init__(self) -> None:
        super().__init__("The id is taken.")


class ItemNotFound(EngineError):
    """No such id in that partition."""

    def __init__(self) -> None:
        super().__init__("There is no such item.")


class ItemChanged(EngineError):
    """The item has another etag than the one expected; nothing was written."""

    def __init__(self) -> None:
        super().__init__("The item was changed meanwhile.")


class ItemTooLarge(EngineError):
    """More bytes than one item, or one commit, can hold."""

    def __init__(self, size: int | None, limit: int) -> None:
        has = "too many" if size is None else f"{size:,}"
        super().__init__(f"The item has {has} bytes; at most {limit:,} can be kept.")
        self.size, self.limit = size, limit


class StoreUnavailable(EngineError):
    """The database did not answer, or not in time. Whether a write was applied is not known."""

    def __init__(self) -> None:
        super().__init__("The store does not answer; please try again.")


class Throttled(StoreUnavailable):
    """The database asks for fewer requests."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class InvalidSettings(Exception):
    """Settings that the app refuses to start with; says which and where to set them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            "\n".join(["The settings are not usable:", *(f"  {p}" for p in problems)])
            + "\nSet them in the environment, in local.settings.json or in the function app's settings."
        )
        self.problems = tuple(problems)
