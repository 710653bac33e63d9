"""What follows from how an endpoint is registered: the statuses that it can give, the headers that it takes and
gives, and what may stand in its path. Each rule stands here once, for all endpoints."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from functions.http.bodies import ANY_TYPE, HTML, RawContent
from functions.http.call import CONDITION_MAX_CHARACTERS, KEY_MAX_CHARACTERS
from functions.http.endpoint import Endpoint
from functions.http.problems import TABLE
from functions.identity.settings import AuthMode
from persistence.documents import ID_LENGTH, SNAPSHOT_ID_MAX_LENGTH

Json = dict[str, Any]

_ID_PATTERN = f"^[A-Za-z0-9_-]{{{ID_LENGTH}}}$"
_SNAPSHOT_ID_PATTERN = f"^[A-Za-z0-9_-]{{{ID_LENGTH},{SNAPSHOT_ID_MAX_LENGTH}}}$"
_CONDITION = {"type": "string", "maxLength": CONDITION_MAX_CHARACTERS}
_TAG = '(W/)?"[!#-~]*"'

PATH_PARAMETERS: Mapping[str, Json] = {
    "session_id": {"type": "string", "pattern": _ID_PATTERN},
    "draft_id": {"type": "string", "pattern": _ID_PATTERN, "description": "Made by the client."},
    "snapshot_id": {"type": "string", "pattern": _SNAPSHOT_ID_PATTERN},
    "version": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999},
}

REQUEST_HEADERS: Mapping[str, Json] = {
    "If-Match": {
        "description": "ETags, separated by commas, of which one has to hold; `*` for whatever is there. "
        "Where none holds, the answer is 412 and nothing was written.",
        "schema": {**_CONDITION, "pattern": rf"^(\*|{_TAG}( ?, ?{_TAG})*)$"},
        "example": "*",
    },
    "If-None-Match": {
        "description": "On GET, ETags of what you have: 304 where one still holds. On PUT, 412 where one holds: "
        "`*` only makes what is not there.",
        "schema": _CONDITION,
        "example": '"3-9f86d081884c7d65"',
    },
    "Idempotency-Key": {
        "description": "Names this attempt, so that sent again it is done once: what makes something, within a "
        "day; what changes a session or draft, until ten more changes were made to it. Another request under the "
        "same key is refused. What changed nothing is not remembered: repeat it with `If-Match`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS},
    },
    "Prefer": {
        "description": "`return=representation` for all that a POST made, `return=minimal` for no body after a "
        "PUT or PATCH (RFC 7240). Anything else is not honoured.",
        "schema": {"type": "string"},
        "examples": {
            "representation": {"value": "return=representation"},
            "minimal": {"value": "return=minimal"},
        },
    },
    "Savepoint-Confirm": {
        "description": "Your `ownerId` once more, because nothing brings back what this deletes.",
        "required": True,
        "schema": {"type": "string"},
    },
}

_HEADERS_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    ANY_TYPE: ("Content-Security-Policy", "Vary", "Content-Encoding"),
    HTML: ("Content-Security-Policy",),
}

ANSWER_HEADERS: Mapping[str, Json] = {
    "Content-Encoding": {"description": "`gzip` where that was welcome."},
    "Content-Security-Policy": {
        "description": "What a browser may do with it: next to nothing.",
        "required": True,
    },
    "Vary": {"description": "By which headers of the request the answer differs.", "required": True},
    "ETag": {"description": "What this is at present, for If-Match and If-None-Match.", "required": True},
    "Location": {"description": "The path of what was made.", "required": True},
    "Preference-Applied": {"description": "What of `Prefer` was honoured."},
    "Retry-After": {"description": "After how many seconds to try again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to say who you are."},
    "Savepoint-Request-Charge": {"description": "What the answer cost, in request units.", "required": True},
}

_REFUSABLE_HEADERS = frozenset({"If-Match", "If-None-Match", "Idempotency-Key"})


def _keeps_content(endpoint: Endpoint) -> bool:
    body = endpoint.body
    return body is not None and (body is RawContent or "content" in body.model_fields)


Rule = tuple[Callable[[Endpoint], bool], Collection[int]]

STATUS_RULES: tuple[Rule, ...] = (
    # 422 for all: no endpoint takes query parameters that it does not know.
    (lambda it: True, (422, 500)),
    # An identity and a store are asked.
    (lambda it: not it.public, (401, 429, 503)),
    (lambda it: "{session_id}" in it.route or "{draft_id}" in it.route, (404, 409, 410)),
    (lambda it: "{snapshot_id}" in it.route, (404, 410)),
    (lambda it: "cursor" in it.query.model_fields, (400,)),
    # Of conditions that an endpoint does not read, too.
    (lambda it: it.method != "GET" or not _REFUSABLE_HEADERS.isdisjoint(it.reads), (400,)),
    (lambda it: it.body is not None, (411, 413, 415)),
    (lambda it: it.body is RawContent, (400,)),
    (lambda it: _keeps_content(it), (507,)),
    (lambda it: "If-Match" in it.reads, (412,)),
    (lambda it: "If-None-Match" in it.reads and it.method == "GET", (304,)),
    (lambda it: "Prefer" in it.reads and it.representation is None, (204,)),
    (lambda it: "Savepoint-Confirm" in it.reads, (428,)),
)


def statuses(endpoint: Endpoint, auth_mode: AuthMode) -> list[int]:
    """Every status that the endpoint can give, in ascending order."""
    found = {endpoint.status, *endpoint.statuses}
    for applies, given in STATUS_RULES:
        if applies(endpoint):
            found.update(given)
    if auth_mode is AuthMode.LOCAL and not endpoint.public:
        found.add(403)  # pages of other origins
    return sorted(found)


def success_headers(endpoint: Endpoint, status: int) -> list[str]:
    """The headers of a success, less those that every answer carries."""
    conditional = endpoint.method != "DELETE" and not {"If-Match", "If-None-Match"}.isdisjoint(endpoint.reads)
    names = ["ETag"] if endpoint.has_etag or conditional else []
    if status == 201 and endpoint.method == "POST":
        names.append("Location")
    if "Prefer" in endpoint.reads and status in (201, 204):
        names.append("Preference-Applied")
    if endpoint.answer is bytes:
        names += _HEADERS_BY_TYPE.get(endpoint.produces, ())
    return names


def problem_headers(status: int) -> list[str]:
    """The headers that problems of a status can have."""
    return sorted({name for row in TABLE.values() if row.status == status for name in row.headers})


def problem_titles(status: int) -> str:
    """What a problem of a status can be."""
    return "; ".join(dict.fromkeys(row.title for row in TABLE.values() if row.status == status))


def security(auth_mode: AuthMode) -> tuple[str, Json, list[Json]]:
    """How a caller says who they are: the name of the scheme, the scheme, and what an endpoint asks for."""
    match auth_mode:
        case AuthMode.LOCAL:
            scheme = {
                "type": "apiKey",
                "in": "header",
                "name": "X-User-Id",
                "description": "Whoever you say you are, on this machine alone; `local-user` without it.",
            }
            return "localUser", scheme, [{"localUser": []}, {}]
        case AuthMode.JWT:
            scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            return "bearerToken", scheme, [{"bearerToken": []}]
        case AuthMode.EASYAUTH:
            cookie = "AppServiceAuthSession"
        case AuthMode.SWA:
            cookie = "StaticWebAppsAuthCookie"
    scheme = {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Set by signing in."}
    return "signedIn", scheme, [{"signedIn": []}]
