"""What can be wrong with a request, before any store is asked.

    RequestError
    ├── UnsupportedMediaType
    │   └── UnsupportedCoding
    ├── LengthRequired
    ├── BodyTooLarge
    ├── InvalidBody
    ├── ConditionRequired
    ├── ConfirmationRequired
    ├── NotASubresource
    ├── UnknownPath
    ├── MethodNotAllowed
    ├── TooFast
    ├── InvalidHeader
    └── InvalidRequest

Messages are for the caller. `problems.py` has the status of each error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

_POINTER_MAX_CHARACTERS = 200
_FAULTS_MAX = 20
_MESSAGES = {"extra_forbidden": "is not known here", "missing": "is required"}


class RequestError(Exception):
    """The request is at fault. No store was asked yet."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What a caller can act on besides the message, as in `PersistenceError.facts`."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response that the table of problems cannot know."""
        return {}


class UnsupportedMediaType(RequestError):
    """The media type of the body is not supported. `accepted` are those that are, if they are few."""

    def __init__(self, message: str, method: str = "", accepted: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.method, self.accepted = method, accepted

    @property
    def headers(self) -> Mapping[str, str]:
        if not self.accepted:
            return {}
        return {"Accept-Patch" if self.method == "PATCH" else "Accept": ", ".join(self.accepted)}


class UnsupportedCoding(UnsupportedMediaType):
    """The content coding of the body is not supported."""


class LengthRequired(RequestError):
    """The body has no Content-Length, so the host did not forward it."""


class BodyTooLarge(RequestError):
    """The body has more bytes than any valid body. `size` is None if unpacking stopped at the limit."""

    def __init__(self, size: int | None, limit: int) -> None:
        has = "too many" if size is None else f"{size:,}"
        super().__init__(f"The body has {has} bytes; at most {limit:,} are read.")
        self.size, self.limit = size, limit

    @property
    def facts(self) -> Mapping[str, object]:
        return {"limit": self.limit} if self.size is None else {"size": self.size, "limit": self.limit}


class InvalidBody(RequestError):
    """The body is not in its declared content coding."""


class ConditionRequired(RequestError):
    """The request needs If-Match with exactly one ETag."""


class ConfirmationRequired(RequestError):
    """The request cannot be undone, and was not confirmed."""


class NotASubresource(RequestError):
    """A page wants to run stored content, to style itself with it, or to frame it."""

    def __init__(self, use: str) -> None:
        super().__init__(f"Stored content cannot be used as {use}. Read it with fetch().")


class UnknownPath(RequestError):
    """No endpoint has this path."""


class MethodNotAllowed(RequestError):
    """Endpoints have this path, but with other methods."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"This path has no {method}, only {', '.join(allowed)}.")
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class TooFast(RequestError):
    """One person made more calls than allowed in a short time."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("This is faster than is allowed here; please wait a moment.")
        self.retry_after_seconds = retry_after_seconds


class StillAway(Exception):
    """The database did not respond a moment ago. It is not asked again yet, and the log has the reason already."""

    def __init__(self) -> None:
        super().__init__("The store did not respond a moment ago; please try again.")


class StillThrottled(StillAway):
    """The database was too busy a moment ago, but it responded."""


class InvalidHeader(RequestError):
    """A header is malformed, or not supported here."""


class InvalidRequest(RequestError):
    """The body, the query or a header is invalid. Each fault names a field and says why."""

    def __init__(self, faults: Sequence[Mapping[str, str]]) -> None:
        first = faults[0]
        place = first.get("parameter") or first.get("header") or first.get("pointer", "#").removeprefix("#/")
        super().__init__(f"{place}: {first['detail']}" if place != "#" else first["detail"])
        self.faults = list(faults[:_FAULTS_MAX])

    @property
    def facts(self) -> Mapping[str, object]:
        return {"errors": self.faults}

    @classmethod
    def of_body(cls, exc: ValidationError, body: object) -> "InvalidRequest":
        """Names each fault by a JSON pointer into the body."""
        return cls([{"pointer": pointer(_place(e["loc"], body)), "detail": _message(e)} for e in _faults(exc)])

    @classmethod
    def of_query(cls, exc: ValidationError) -> "InvalidRequest":
        """Names each fault by its query parameter."""
        return cls(
            [
                {"parameter": cut(str(e["loc"][0]) if e["loc"] else "query"), "detail": _message(e)}
                for e in _faults(exc)
            ]
        )


def _faults(exc: ValidationError) -> list[Any]:
    return list(exc.errors(include_url=False, include_input=False))[:_FAULTS_MAX]


def _message(fault: Mapping[str, Any]) -> str:
    """Returns pydantic's message, or ours if pydantic's is for programmers."""
    match fault["type"]:
        case "union_tag_invalid":  # pydantic's message repeats what was sent
            return f"{fault['ctx']['discriminator']} must be one of {fault['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"{fault['ctx']['discriminator']} is required"
    message: str = fault["msg"]
    return _MESSAGES.get(fault["type"]) or message.removeprefix("Value error, ")


def _place(location: Sequence[str | int], body: object) -> Sequence[str | int]:
    """Returns a location without the names of models, which pydantic adds for each union."""
    place: list[str | int] = []
    for index, step in enumerate(location):
        if isinstance(body, dict) and step not in body and index < len(location) - 1:
            continue
        place.append(step)
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
    return place


def pointer(location: Sequence[str | int]) -> str:
    """Returns a JSON pointer as a URI fragment (RFC 6901), cut if the client sent a very long name."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return cut("#" + "".join(f"/{step}" for step in steps))


def cut(text: str) -> str:
    """Returns a name that a client sent, cut to a length that can be sent back."""
    return text if len(text) <= _POINTER_MAX_CHARACTERS else text[:_POINTER_MAX_CHARACTERS] + "…"
