"""Errors as RFC 9457 problem+json, and the only table of status codes.

Callers see our own words only. An unexpected error is logged with its traceback; its response has a reference to
that log line.
"""

import logging
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
import orjson
from pydantic.alias_generators import to_camel

from functions.http.errors import (
    BodyTooLarge,
    ConditionRequired,
    ConfirmationRequired,
    InvalidBody,
    InvalidHeader,
    InvalidRequest,
    LengthRequired,
    MethodNotAllowed,
    NotASubresource,
    RequestError,
    StillAway,
    StillThrottled,
    TooFast,
    UnknownPath,
    UnsupportedCoding,
    UnsupportedMediaType,
    cut,
    pointer,
)
from functions.http.traces import trace_id
from functions.http.views import view_of
from functions.identity.errors import (
    ForbiddenOrigin,
    ForbiddenToken,
    IdentityUnavailable,
    InvalidToken,
    InvalidUserId,
    Unauthenticated,
)
from persistence import errors
from persistence.documents import Document
from persistence.faults import named, traced

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:savepoint:problem:"

_RETRY_AFTER_SECONDS = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What a class of errors is over HTTP. `code` is a stable name, by which clients can tell it."""

    status: int
    code: str
    title: str
    headers: Mapping[str, str] = field(default_factory=dict)


_RETRY = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
_INTERNAL = ProblemType(500, "internal", "Internal error")
_UNAUTHENTICATED = "Not authenticated"

PROBLEM_TYPES: Mapping[type[Exception], ProblemType] = {
    # Browsers and programs read it, people do not: it names what an identity is read from.
    Unauthenticated: ProblemType(401, "unauthenticated", _UNAUTHENTICATED, {"WWW-Authenticate": "Cookie"}),
    InvalidUserId: ProblemType(401, "unauthenticated", _UNAUTHENTICATED, {"WWW-Authenticate": "X-User-Id"}),
    InvalidToken: ProblemType(401, "unauthenticated", _UNAUTHENTICATED, {"WWW-Authenticate": "Bearer"}),
    IdentityUnavailable: ProblemType(
        503, "identity_unavailable", "The identity cannot be checked", {"Retry-After": "5"}
    ),
    ForbiddenToken: ProblemType(403, "forbidden_token", "Token not admitted"),
    ForbiddenOrigin: ProblemType(403, "forbidden_origin", "Origin not allowed"),
    UnsupportedMediaType: ProblemType(415, "unsupported_media_type", "Unsupported media type"),
    UnsupportedCoding: ProblemType(
        415, "unsupported_media_type", "Unsupported media type", {"Accept-Encoding": "gzip, identity"}
    ),
    LengthRequired: ProblemType(411, "length_required", "Length required"),
    BodyTooLarge: ProblemType(413, "body_too_large", "Body too large"),
    InvalidBody: ProblemType(400, "invalid_body", "Malformed body"),
    ConditionRequired: ProblemType(428, "condition_required", "Precondition required"),
    ConfirmationRequired: ProblemType(428, "confirmation_required", "Confirmation required"),
    NotASubresource: ProblemType(403, "not_a_subresource", "Not for use by a page"),
    UnknownPath: ProblemType(404, "unknown_path", "Not found"),
    MethodNotAllowed: ProblemType(405, "method_not_allowed", "Method not allowed"),
    StillAway: ProblemType(503, "store_unavailable", "Store unavailable", {"Retry-After": "5"}),
    StillThrottled: ProblemType(429, "throttled", "Too many requests", {"Retry-After": "5"}),
    TooFast: ProblemType(429, "too_fast", "Too many requests"),
    InvalidHeader: ProblemType(400, "invalid_header", "Invalid header"),
    InvalidRequest: ProblemType(422, "invalid_request", "Invalid request"),
    errors.NotFound: ProblemType(404, "not_found", "Not found"),
    errors.Forbidden: ProblemType(403, "forbidden", "Forbidden"),
    errors.Gone: ProblemType(410, "gone", "Gone"),
    errors.Changed: ProblemType(412, "changed", "Precondition failed"),
    errors.BaseGone: ProblemType(412, "base_gone", "The base of the delta is gone"),
    errors.LimitReached: ProblemType(429, "too_many", "Limit reached"),
    errors.TooManyNamed: ProblemType(409, "too_many_named", "Too many versions have names"),
    errors.StorageFull: ProblemType(507, "storage_full", "Storage limit reached"),
    errors.KeyReused: ProblemType(422, "key_reused", "Idempotency key already used"),
    errors.ItemsStale: ProblemType(412, "items_stale", "Precondition of some items failed"),
    errors.ItemsRefused: ProblemType(422, "items_refused", "Some items cannot be applied"),
    errors.TooLargeTogether: ProblemType(413, "too_large_together", "Too large to be changed together"),
    errors.NotAtomicHere: ProblemType(501, "not_atomic_here", "Not supported by the database"),
    errors.IllegalMove: ProblemType(409, "illegal_move", "Not allowed in this state"),
    errors.Contended: ProblemType(409, "contended", "Too many writers at once"),
    errors.InvalidField: ProblemType(422, "invalid_request", "Invalid request"),
    errors.InvalidCursor: ProblemType(400, "invalid_cursor", "Invalid cursor"),
    errors.ContentTooLarge: ProblemType(413, "content_too_large", "Content too large"),
    errors.DeltaTooLarge: ProblemType(413, "delta_too_large", "Delta too large"),
    errors.InvalidDelta: ProblemType(422, "invalid_delta", "Invalid delta"),
    errors.Unfinished: ProblemType(503, "unfinished", "Not finished yet", _RETRY),
    errors.TimersLate: ProblemType(503, "timers_late", "Timers are late", {"Retry-After": "60"}),
    errors.CorruptItem: ProblemType(500, "content_corrupt", "Stored data is damaged"),
    errors.OwnerFull: ProblemType(507, "storage_full", "Storage limit reached"),
    errors.ItemTooLarge: ProblemType(413, "content_too_large", "Content too large"),
    errors.StoreUnavailable: ProblemType(503, "store_unavailable", "Store unavailable", _RETRY),
    errors.StorageExhausted: ProblemType(507, "storage_exhausted", "The store has no room", {"Retry-After": "30"}),
    errors.IndexBuilding: ProblemType(503, "index_building", "An index is being built", {"Retry-After": "60"}),
    errors.Maintenance: ProblemType(503, "maintenance", "In maintenance", {"Retry-After": "30"}),
    errors.Throttled: ProblemType(429, "throttled", "Too many requests", _RETRY),
    # Stores turn these into the errors above. One that gets here is unexpected.
    errors.EngineError: _INTERNAL,
    errors.PersistenceError: _INTERNAL,
    Exception: _INTERNAL,
}


def problem(exc: Exception) -> func.HttpResponse:
    """Returns the response for an error, by the type of its nearest class in the table."""
    kind = _kind(exc)
    body = orjson.dumps(problem_members(exc))
    return func.HttpResponse(body, status_code=kind.status, mimetype=PROBLEM_JSON, headers=_headers(kind, exc))


def problem_members(exc: Exception) -> dict[str, Any]:
    """Returns the members of a problem. Logs what its caller cannot know."""
    kind = _kind(exc)
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + kind.code,
        "title": kind.title,
        "status": kind.status,
        "detail": str(exc),
    }
    if kind is _INTERNAL:
        reference = trace_id() or secrets.token_hex(6)
        _log.error("Unexpected error (reference %s): %s", reference, traced(exc))
        body["detail"] = f"Something went wrong here. The operator can find out more by the reference {reference}."
        body["reference"] = reference
    elif isinstance(exc, errors.CorruptItem):
        _log.error("The %s %s cannot be read (reference %s)", exc.kind, exc.id, exc.reference)
        body["reference"] = exc.reference
    elif isinstance(exc, errors.EngineError) and not isinstance(exc, errors.Maintenance):
        _log.warning("%s: %s", kind.code, named(exc.__cause__ or exc))
    if isinstance(exc, errors.InvalidField):
        body |= _invalid_field(exc)
    elif isinstance(exc, errors.ItemsRefused):
        body["items"] = [
            {"index": one.index, "id": one.id, "problem": problem_members(one.error)} for one in exc.failed
        ]
    elif isinstance(exc, RequestError | errors.PersistenceError):
        body |= _members(exc.facts)
    if (seconds := _headers(kind, exc).get("Retry-After")) is not None:
        # Pages of other origins may not see the header.
        body["retryAfter"] = int(seconds)
    body["error"] = {"type": kind.code, "message": body["detail"]}
    return body


def _kind(exc: Exception) -> ProblemType:
    return next(PROBLEM_TYPES[cls] for cls in type(exc).__mro__ if cls in PROBLEM_TYPES)


def _headers(kind: ProblemType, exc: Exception) -> dict[str, str]:
    headers = dict(kind.headers)
    if isinstance(exc, RequestError):
        headers |= exc.headers
    if isinstance(exc, errors.Throttled | TooFast):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_seconds)))
    return headers


def _invalid_field(exc: errors.InvalidField) -> dict[str, Any]:
    """Returns `errors` and `detail`. A member is named as in JSON, a query parameter as it is."""
    if not isinstance(exc, errors.InvalidMember):
        return {"errors": [{"parameter": cut(exc.field), "detail": exc.reason}]}
    name = to_camel(exc.field)
    return {
        "errors": [{"pointer": pointer([name]), "detail": exc.reason}],
        "detail": f"{name}: {exc.reason}",
    }


def _members(facts: Mapping[str, object]) -> dict[str, Any]:
    """Returns the facts of an error as JSON. A document becomes its view; one without a view is left out."""
    members: dict[str, Any] = {}
    for name, fact in facts.items():
        if isinstance(fact, Document):
            if (view := view_of(fact)) is not None:
                members[to_camel(name)] = view.model_dump(mode="json")
        else:
            members[to_camel(name)] = fact
    return members
