"""Errors as RFC 9457 problem+json, and the only table of status codes.

Nothing but our own words reaches the caller: what is unforeseen is logged with its traceback and answered by
a reference to that log line.
"""

import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
import orjson
from pydantic import ValidationError

from functions.identity.errors import ForbiddenOrigin, IdentityUnavailable, InvalidToken, Unauthenticated
from functions.sessions.views import session_metadata
from persistence import errors
from persistence.sessions.documents import SessionHead

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:savepoint:problem:"

_POINTER_MAX_CHARACTERS = 200
_FAULTS_MAX = 20
_RETRY_AFTER_SECONDS = 1
_log = logging.getLogger(__name__)


class RequestError(Exception):
    """A fault of the request itself, found before any store was asked."""


class UnsupportedMediaType(RequestError):
    """A body of another type than the one that is read here."""


class LengthRequired(RequestError):
    """A body without a Content-Length, of which nothing arrives here."""


class BodyTooLarge(RequestError):
    """More bytes than any valid body could have."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The body has {size:,} bytes; at most {limit:,} are read.")
        self.size, self.limit = size, limit


class InvalidBody(RequestError):
    """A body that is not in the coding that it claims."""


class ConfirmationRequired(RequestError):
    """Something that cannot be undone, asked for without saying it twice."""


class TooFast(RequestError):
    """More calls than one person may make in so short a time."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("You open snapshots faster than is allowed here; please wait a moment.")
        self.retry_after_seconds = retry_after_seconds


class InvalidHeader(RequestError):
    """A header that is not of its own grammar."""


class InvalidRequest(RequestError):
    """A body or a query that is not what the endpoint takes. Each fault names a field and says why."""

    def __init__(self, faults: Sequence[Mapping[str, str]]) -> None:
        first = faults[0]
        where = first.get("parameter") or first.get("pointer", "#").removeprefix("#/")
        super().__init__(f"{where}: {first['detail']}" if where != "#" else first["detail"])
        self.faults = list(faults[:_FAULTS_MAX])

    @classmethod
    def of_body(cls, exc: ValidationError) -> "InvalidRequest":
        """Faults with JSON pointers into the body."""
        return cls([{"pointer": _pointer(e["loc"]), "detail": _words(e)} for e in _faults(exc)])

    @classmethod
    def of_query(cls, exc: ValidationError) -> "InvalidRequest":
        """Faults with the names of query parameters."""
        return cls(
            [
                {"parameter": _cut(str(e["loc"][0]) if e["loc"] else "query"), "detail": _words(e)}
                for e in _faults(exc)
            ]
        )


@dataclass(frozen=True, slots=True)
class Row:
    """What a class of errors means over HTTP. `code` is the stable name that clients can tell it by."""

    status: int
    code: str
    title: str
    headers: Mapping[str, str] = field(default_factory=dict)


_RETRY = {"Retry-After": str(_RETRY_AFTER_SECONDS)}

TABLE: Mapping[type[Exception], Row] = {
    Unauthenticated: Row(401, "unauthenticated", "Who is calling is not known"),
    InvalidToken: Row(401, "unauthenticated", "Who is calling is not known", {"WWW-Authenticate": "Bearer"}),
    IdentityUnavailable: Row(
        503, "identity_unavailable", "Who is calling cannot be checked", {"Retry-After": "5"}
    ),
    ForbiddenOrigin: Row(403, "forbidden_origin", "Not served to this origin"),
    UnsupportedMediaType: Row(415, "unsupported_media_type", "Unsupported media type"),
    LengthRequired: Row(411, "length_required", "The length of the body is required"),
    BodyTooLarge: Row(413, "body_too_large", "The body is too large"),
    InvalidBody: Row(400, "invalid_body", "The body is malformed"),
    ConfirmationRequired: Row(428, "confirmation_required", "To be confirmed"),
    TooFast: Row(429, "too_fast", "Too many requests"),
    InvalidHeader: Row(400, "invalid_header", "A header is malformed"),
    InvalidRequest: Row(422, "invalid_request", "The request is not valid"),
    errors.NotFound: Row(404, "not_found", "Not found"),
    errors.Forbidden: Row(403, "forbidden", "Not allowed"),
    errors.Gone: Row(410, "gone", "Gone"),
    errors.Changed: Row(412, "changed", "Changed by someone else"),
    errors.LimitReached: Row(429, "too_many", "A limit is reached"),
    errors.StorageFull: Row(507, "storage_full", "The storage limit is reached"),
    errors.KeyReused: Row(422, "key_reused", "The key was used before"),
    errors.IllegalMove: Row(409, "illegal_move", "Not in this state"),
    errors.Contended: Row(409, "contended", "Too many writers at once"),
    errors.InvalidField: Row(422, "invalid_request", "The request is not valid"),
    errors.InvalidCursor: Row(400, "invalid_cursor", "The cursor is not valid"),
    errors.ContentTooLarge: Row(413, "content_too_large", "The content is too large"),
    errors.CorruptItem: Row(500, "content_corrupt", "Stored in a form that cannot be read"),
    errors.ItemTooLarge: Row(413, "content_too_large", "The content is too large"),
    errors.StoreUnavailable: Row(503, "store_unavailable", "The store does not answer", _RETRY),
    errors.Throttled: Row(429, "throttled", "Too many requests", _RETRY),
    # Stores turn these into what they mean; one that gets here was not foreseen.
    errors.EngineError: Row(500, "internal", "Something went wrong"),
    errors.PersistenceError: Row(500, "internal", "Something went wrong"),
    Exception: Row(500, "internal", "Something went wrong"),
}


_WORDS = {"extra_forbidden": "is not known here", "missing": "is required"}


def problem(exc: Exception) -> func.HttpResponse:
    """The answer for an error: the most specific row along its class's ancestors."""
    row = next(TABLE[cls] for cls in type(exc).__mro__ if cls in TABLE)
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + row.code,
        "title": row.title,
        "status": row.status,
        "detail": str(exc),
    }
    if row.code == "internal":
        reference = secrets.token_hex(6)
        _log.error("Unforeseen (reference %s)", reference, exc_info=exc)
        body["detail"] = f"Something went wrong here. The reference {reference} helps to find out what."
        body["reference"] = reference
    elif isinstance(exc, errors.CorruptItem):
        _log.error("The %s %s cannot be read (reference %s)", exc.kind, exc.id, exc.reference)
        body["reference"] = exc.reference
    elif isinstance(exc, errors.EngineError):
        _log.warning("%s: %r", row.code, exc.__cause__ or exc)
    body |= _extras(exc)
    body["error"] = {"type": row.code, "message": body["detail"]}
    headers = dict(row.headers)
    if isinstance(exc, errors.Throttled | TooFast):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_seconds)))
    return func.HttpResponse(orjson.dumps(body), status_code=row.status, mimetype=PROBLEM_JSON, headers=headers)


def _extras(exc: Exception) -> dict[str, Any]:
    """What a caller can act on beside the words."""
    if isinstance(exc, InvalidRequest):
        return {"errors": exc.faults}
    if isinstance(exc, errors.InvalidMember):
        return {"errors": [{"pointer": _pointer([exc.field]), "detail": exc.reason}]}
    if isinstance(exc, errors.InvalidField):
        return {"errors": [{"parameter": _cut(exc.field), "detail": exc.reason}]}
    if isinstance(exc, errors.ContentTooLarge | BodyTooLarge):
        return {"limit": exc.limit} if exc.size is None else {"size": exc.size, "limit": exc.limit}
    if isinstance(exc, errors.LimitReached):
        return {"what": exc.what, "used": exc.used, "limit": exc.limit}
    if isinstance(exc, errors.IllegalMove):
        return {"sessionStatus": exc.status, "legal": exc.legal}
    if isinstance(exc, errors.Changed) and isinstance(exc.current, SessionHead):
        return {"current": session_metadata(exc.current).model_dump(mode="json", by_alias=True)}
    return {}


def _faults(exc: ValidationError) -> list[Any]:
    return list(exc.errors(include_url=False, include_context=False, include_input=False))[:_FAULTS_MAX]


def _words(fault: Mapping[str, Any]) -> str:
    """Pydantic's own but where those are for programmers."""
    words: str = fault["msg"]
    return _WORDS.get(fault["type"]) or words.removeprefix("Value error, ")


def _pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer in URI fragment form (RFC 6901), cut where a client sent an endless name."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return _cut("#" + "".join(f"/{step}" for step in steps))


def _cut(text: str) -> str:
    return text if len(text) <= _POINTER_MAX_CHARACTERS else text[:_POINTER_MAX_CHARACTERS] + "…"
