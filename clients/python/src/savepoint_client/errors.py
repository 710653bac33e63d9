"""What can go wrong.

SavepointError
├── Offline       no response, or the server cannot do it now: try again later
├── SignedOut     the server does not know the person
├── NotFound      unknown, or another person's
├── Gone          deleted elsewhere
├── Conflict      changed elsewhere
├── ReadOnly      closed
├── TooLarge      over the limit for one document
├── NoRoom        over the limit for one person
└── Refused       anything else that the server does not take
"""

from collections.abc import Mapping
from typing import Any

Problem = Mapping[str, Any]


class SavepointError(Exception):
    """A request failed. `problem` is what the server sent, or None if it sent nothing."""

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status. 0 if there is none."""
        return int((self.problem or {}).get("status", 0))

    @property
    def type(self) -> str:
        """The stable name of what is wrong, as in the API description. Empty if the server sent none."""
        return type_of(self.problem)


class Offline(SavepointError):
    """No response, or the server cannot do it now. Nobody knows whether it was done."""


class SignedOut(SavepointError):
    """The server does not know the person."""


class NotFound(SavepointError):
    """Unknown, or another person's."""


class Gone(SavepointError):
    """Deleted elsewhere."""


class Conflict(SavepointError):
    """Changed elsewhere since it was read."""


class ReadOnly(SavepointError):
    """The session is closed."""


class TooLarge(SavepointError):
    """The content is over the limit."""


class NoRoom(SavepointError):
    """All that the person keeps is over the limit."""


class Refused(SavepointError):
    """The server does not take it as it is."""


_OF_TROUBLE: Mapping[str, tuple[type[SavepointError], str]] = {
    "offline": (Offline, "The server could not be reached. It is tried again."),
    "conflict": (Conflict, "It was changed elsewhere. See resolve()."),
    "gone": (Gone, "It was deleted elsewhere. save_as() goes on under a new id."),
    "too_large": (TooLarge, "The content is too large."),
    "no_room": (NoRoom, "There is no room left for this person."),
    "read_only": (ReadOnly, "The session is closed."),
    "signed_out": (SignedOut, "Sign in to save."),
    "refused": (Refused, "The server refused it."),
}

_OF_TYPE: Mapping[str, type[SavepointError]] = {
    "contended": Offline,
    "too_many": NoRoom,
    "storage_full": NoRoom,
    "illegal_move": ReadOnly,
}
_OF_STATUS: Mapping[int, type[SavepointError]] = {
    0: Offline,
    401: SignedOut,
    404: NotFound,
    408: Offline,
    409: Conflict,
    410: Gone,
    412: Conflict,
    413: TooLarge,
    429: Offline,
    507: Offline,
}


def type_of(problem: object) -> str:
    """Returns the stable name of a problem. Empty if the body is none."""
    words = problem.get("error") if isinstance(problem, Mapping) else None
    found = words.get("type") if isinstance(words, Mapping) else None
    return found if isinstance(found, str) else ""


def of_trouble(trouble: str, problem: Problem | None, error: str = "") -> SavepointError:
    """Returns the error of a document in trouble. `error` is why it was refused."""
    kind, words = _OF_TROUBLE[trouble]
    return kind(error if trouble == "refused" and error else words, problem)


def error_of(status: int, body: object) -> SavepointError:
    """Returns the error of a response that is no success."""
    problem = body if isinstance(body, Mapping) else None
    name = type_of(problem)
    kind = _OF_TYPE.get(name) or _OF_STATUS.get(status) or (Offline if status > 499 else Refused)
    message = str(problem["detail"]) if problem and "detail" in problem else _WORDS.get(status, "No response.")
    return kind(message, problem or ({"status": status} if status else None))


_WORDS = {401: "Sign in to go on."}
