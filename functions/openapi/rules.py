"""What follows from the declaration of an endpoint: its statuses and its headers.

Each rule is written once, for all endpoints.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from functions.http.bodies import ANY_TYPE, HTML, JAVASCRIPT, NDJSON, RAW_BODIES, RawContent, RawDelta
from functions.http.call import CONDITION_MAX_CHARACTERS, KEY_MAX_CHARACTERS, NOT_MODIFIED
from functions.http.digests import DIGEST_MAX_CHARACTERS, PATCHED_DIGEST, REPR_DIGEST, SHA_256_PATTERN
from functions.http.endpoint import Endpoint
from functions.http.problems import PROBLEM_TYPES
from functions.identity.settings import AuthMode

Json = dict[str, Any]

_CONDITION = {"type": "string", "maxLength": CONDITION_MAX_CHARACTERS}
_TAG = '(W/)?"[!#-~]*"'

REQUEST_HEADERS: Mapping[str, Json] = {
    "If-Match": {
        "description": "ETags, separated by commas; `*` for any. If none is current, the response is 412 and "
        "nothing is written.",
        "schema": {**_CONDITION, "pattern": rf"^(\*|{_TAG}( ?, ?{_TAG})*)$"},
        "example": "*",
    },
    "If-None-Match": {
        "description": "On GET: the ETags that you have; if one is current, the response is 304. On PUT: if one "
        "is current, the response is 412. `*`: create only; 412 if it exists.",
        "schema": _CONDITION,
        "example": '"3-9f86d081884c7d65"',
    },
    "Idempotency-Key": {
        "description": "A name for this request, so that a retry has no second effect. A retry of a create is "
        "recognised for a day. A retry of a change is recognised until ten later changes of the session or draft. "
        "Another request with the same key is refused. A request that changed nothing is not recognised: retry it "
        "with `If-Match`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS},
    },
    "Prefer": {
        "description": "`return=representation`: a POST returns everything that it created. `return=minimal`: a "
        "PUT or PATCH returns no body (RFC 7240). Other preferences are ignored.",
        "schema": {"type": "string"},
        "examples": {
            "representation": {"value": "return=representation"},
            "minimal": {"value": "return=minimal"},
        },
    },
    REPR_DIGEST: {
        "description": "The SHA-256 of the body as it is sent, after gzip (RFC 9530). If another body arrives, "
        "the response is 422 and nothing is written. Digests of other algorithms are ignored.",
        "schema": {"type": "string", "maxLength": DIGEST_MAX_CHARACTERS, "pattern": SHA_256_PATTERN},
        "example": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
    },
    PATCHED_DIGEST: {
        "description": "The SHA-256 of the whole content that the delta makes, without gzip. If the delta makes "
        "another content, the response is 422 and nothing is written.",
        "required": True,
        "schema": {"type": "string", "maxLength": DIGEST_MAX_CHARACTERS, "pattern": SHA_256_PATTERN},
        "example": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
    },
    "Savepoint-Device": {
        "description": "A label for the device that saves it, as `deviceInfo` in JSON: percent-encoded UTF-8. If "
        "it is malformed, it is kept as well as possible. If it has more than 255 characters, it is cut.",
        "schema": {"type": "string"},
        "example": "Ann%E2%80%99s%20tablet",
    },
    "Savepoint-Confirm": {
        "description": "Your `ownerId`, to confirm the deletion. It cannot be undone.",
        "required": True,
        "schema": {"type": "string"},
    },
}

BASE_ETAG: Json = {
    "description": "The ETag of the version that the delta was made from: exactly one, not `*`. If it is not "
    "current, the response is 412 and nothing is written.",
    "required": True,
    "schema": {**_CONDITION, "pattern": f"^{_TAG}$"},
    "example": '"3-9f86d081884c7d65"',
}
"""If-Match where an endpoint needs a base."""

_HEADERS_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    ANY_TYPE: ("Content-Security-Policy", "Cross-Origin-Resource-Policy", "Vary", "Content-Encoding"),
    HTML: ("Content-Security-Policy",),
    JAVASCRIPT: ("Vary", "Content-Encoding", "Cross-Origin-Resource-Policy"),
    NDJSON[0]: ("Content-Disposition",),
}

RESPONSE_HEADERS: Mapping[str, Json] = {
    "Content-Encoding": {"description": "`gzip` if the caller accepts it."},
    "Content-Security-Policy": {
        "description": "What a browser may do with the content. It may run no script.",
        "required": True,
    },
    "Cross-Origin-Resource-Policy": {
        "description": "Pages of other origins may read the response. They may embed it only if `cross-origin`.",
        "required": True,
    },
    "Vary": {"description": "The request headers that change the response.", "required": True},
    REPR_DIGEST: {"description": "The SHA-256 of the body as it is sent (RFC 9530).", "required": True},
    "ETag": {"description": "The current ETag, for If-Match and If-None-Match.", "required": True},
    "Content-Disposition": {"description": "The name of the file.", "required": True},
    "Location": {"description": "The path of what was created.", "required": True},
    "Preference-Applied": {"description": "The preference in `Prefer` that was applied."},
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to authenticate.", "required": True},
    "Accept": {"description": "The media types that are supported."},
    "Accept-Patch": {"description": "The media types that PATCH supports."},
    "Accept-Encoding": {"description": "The content codings that are supported."},
    "Savepoint-Request-Charge": {
        "description": "The cost of the request, in request units of the database.",
        "required": True,
    },
}

_ACCEPTED: Mapping[int, tuple[str, ...]] = {415: ("Accept", "Accept-Patch")}
"""Headers of problems that depend on the endpoint."""

_REFUSABLE_HEADERS = frozenset({"If-Match", "If-None-Match", "Idempotency-Key"})


def _keeps_content(endpoint: Endpoint) -> bool:
    body = endpoint.body
    return body is not None and (body in (RawContent, RawDelta) or "content" in body.model_fields)


def _is_sync(endpoint: Endpoint) -> bool:
    return endpoint.body is not None and "items" in endpoint.body.model_fields


def _refuses_headers(endpoint: Endpoint) -> bool:
    # Writes refuse conditions that they do not read, too.
    return endpoint.route.method != "GET" or not _REFUSABLE_HEADERS.isdisjoint(endpoint.route.reads)


def _reads(endpoint: Endpoint, header: str) -> bool:
    return header in endpoint.route.reads


Rule = tuple[Callable[[Endpoint], bool], Collection[int]]

STATUS_RULES: tuple[Rule, ...] = (
    # 422 for all: every endpoint refuses unknown query parameters.
    (lambda it: True, (422, 500)),
    # An identity is checked and a store is asked.
    (lambda it: not it.route.public, (401, 403, 429, 503)),
    # Browsers that would run raw content, or frame it.
    (lambda it: it.route.produces == ANY_TYPE, (403,)),
    (lambda it: "cursor" in it.query.model_fields, (400,)),
    (_refuses_headers, (400,)),
    (lambda it: it.body is not None, (400, 411, 413, 415)),
    # Every write can find the disk full.
    (lambda it: it.route.method != "GET" or _keeps_content(it), (507,)),
    (lambda it: _reads(it, "If-Match"), (412,)),
    (lambda it: _reads(it, "If-None-Match") and it.route.method == "GET", (NOT_MODIFIED,)),
    (lambda it: _reads(it, "Prefer") and len(it.models) == 1, (204,)),
    (lambda it: _reads(it, "Savepoint-Confirm") or it.route.needs_base, (428,)),
)


def statuses(endpoint: Endpoint) -> list[int]:
    """Returns every possible status of the endpoint, in ascending order."""
    found = {endpoint.status, *endpoint.route.statuses, *endpoint.route.other_successes}
    for parameter in endpoint.parameters:
        found.update(parameter.statuses)
    for applies, possible in STATUS_RULES:
        if applies(endpoint):
            found.update(possible)
    return sorted(found)


def success_headers(endpoint: Endpoint, status: int) -> list[str]:
    """Returns the headers of a success, without those of every response."""
    route = endpoint.route
    conditional = route.method != "DELETE" and not {"If-Match", "If-None-Match"}.isdisjoint(route.reads)
    names = ["ETag"] if route.has_etag or conditional else []
    if status == 201:
        names.append("Location")
    if "Prefer" in route.reads and status in (201, 204):
        names.append("Preference-Applied")
    if endpoint.models == (bytes,):
        names += _HEADERS_BY_TYPE.get(route.produces, ())
        if route.produces == ANY_TYPE and status != NOT_MODIFIED:
            names.append(REPR_DIGEST)
    return names


def problem_headers(status: int) -> list[str]:
    """Returns the headers that problems of a status can have."""
    kinds = (kind for kind in PROBLEM_TYPES.values() if kind.status == status)
    return sorted({name for kind in kinds for name in kind.headers}.union(_ACCEPTED.get(status, ())))


def problem_titles(status: int) -> str:
    """Returns the titles of all problems of a status."""
    return "; ".join(dict.fromkeys(kind.title for kind in PROBLEM_TYPES.values() if kind.status == status))


_POSSIBLE: Mapping[str, Callable[[Endpoint, AuthMode], bool]] = {
    "invalid_body": lambda it, mode: it.body in RAW_BODIES,
    "invalid_delta": lambda it, mode: it.body is RawDelta,
    "delta_too_large": lambda it, mode: it.body is RawDelta,
    "base_gone": lambda it, mode: it.body is RawDelta,
    "condition_required": lambda it, mode: it.route.needs_base,
    "confirmation_required": lambda it, mode: _reads(it, "Savepoint-Confirm"),
    "invalid_header": lambda it, mode: _refuses_headers(it),
    "invalid_cursor": lambda it, mode: "cursor" in it.query.model_fields,
    "forbidden": lambda it, mode: 403 in it.route.statuses,
    "not_a_subresource": lambda it, mode: it.route.produces == ANY_TYPE,
    "forbidden_origin": lambda it, mode: mode is not AuthMode.JWT and not it.route.public,
    "forbidden_token": lambda it, mode: mode is AuthMode.JWT and not it.route.public,
    "illegal_move": lambda it, mode: it.route.method != "GET",
    "items_stale": lambda it, mode: _is_sync(it),
    "items_refused": lambda it, mode: _is_sync(it),
    "too_large_together": lambda it, mode: _is_sync(it),
    "changed": lambda it, mode: not _is_sync(it),
    "key_reused": lambda it, mode: _reads(it, "Idempotency-Key"),
    "too_many": lambda it, mode: it.route.method != "GET",
    "unfinished": lambda it, mode: it.tag == "import",
    "identity_unavailable": lambda it, mode: mode is AuthMode.JWT,
}
"""Where a problem is possible, by its code. A problem that is not here is possible wherever its status is."""


def titles_at(endpoint: Endpoint, status: int, auth_mode: AuthMode) -> str:
    """Returns the titles of the problems of a status that are possible at an endpoint."""
    kinds = (kind for kind in PROBLEM_TYPES.values() if kind.status == status)
    possible = (kind for kind in kinds if kind.code not in _POSSIBLE or _POSSIBLE[kind.code](endpoint, auth_mode))
    return "; ".join(dict.fromkeys(kind.title for kind in possible))


def security(auth_mode: AuthMode) -> tuple[str, Json, list[Json]]:
    """Returns how callers authenticate: the name of the scheme, the scheme, and what endpoints require."""
    match auth_mode:
        case AuthMode.LOCAL:
            scheme = {
                "type": "apiKey",
                "in": "header",
                "name": "X-User-Id",
                "description": "Any user id, on this machine only. Without it you are `local-user`.",
            }
            return "localUser", scheme, [{"localUser": []}, {}]
        case AuthMode.JWT:
            scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            return "bearerToken", scheme, [{"bearerToken": []}]
        case AuthMode.EASYAUTH:
            cookie = "AppServiceAuthSession"
        case AuthMode.SWA:
            cookie = "StaticWebAppsAuthCookie"
    scheme = {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Set when you sign in."}
    return "signedIn", scheme, [{"signedIn": []}]
