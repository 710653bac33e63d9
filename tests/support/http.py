"""Calls the triggers of an app in this process, as the Functions host would."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from azure.functions import HttpResponse
from azure.functions.http import HttpRequest

from devhost.http import query_parameters
from functions.app import build_app
from persistence import Stores
from settings import Settings
from tests.support.described import Described, Recorded

JSON = "application/json"
SESSIONS = "persistence/sessions"
NEW: Mapping[str, Any] = {"title": "First", "description": None, "content": "one"}
# Words of drivers, files and tracebacks. None of them may be in a response.
INTERNAL = re.compile(
    r"traceback|sqlite|cosmos|azure|pydantic|orjson|exception|\.py\b|\bline \d+, in\b|\bfile \"|/tmp/|"
    r"select .* from|errors\.|0x[0-9a-f]{6}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Response:
    """A response as it leaves the worker. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class Client:
    """Calls the app as one person, with `X-User-Id: user` by default.

    Every response is checked against the API description.
    """

    def __init__(self, stores: Stores, settings: Settings, user: str = "ann") -> None:
        self._triggers = _triggers(stores, settings)
        self._says = (settings.auth_mode, settings.expose_charge)
        self.user = user

    def of(self, user: str) -> "Client":
        """Returns a client of another person for the same app."""
        other = object.__new__(Client)
        other._triggers, other._says, other.user = self._triggers, self._says, user
        return other

    async def head(self, path: str, headers: Mapping[str, str] | None = None, /, **query: str) -> Response:
        return await self.call("HEAD", path, headers=headers, query=query)

    async def get(self, path: str, headers: Mapping[str, str] | None = None, /, **query: str) -> Response:
        return await self.call("GET", path, headers=headers, query=query)

    async def get_raw(self, path: str, query: str) -> Response:
        """Sends a query as it is. The host joins the values of a repeated parameter."""
        parameters = query_parameters(query.encode())
        return await self.call("GET", path, query=parameters, raw_query=query)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Response:
        return await self.call("POST", path, body, headers)

    async def put(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Response:
        return await self.call("PUT", path, body, headers)

    async def delete(self, path: str, headers: Mapping[str, str] | None = None, /, **query: str) -> Response:
        return await self.call("DELETE", path, headers=headers, query=query)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        raw_query: str = "",
    ) -> Response:
        """Calls a path below `/api/`, not encoded. Bytes are sent as they are, other values as JSON."""
        route, parameters, trigger = self._match(method, path)
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        sent = {"host": "localhost:7071", "x-user-id": self.user}
        if body is not None:
            sent |= {"content-type": JSON, "content-length": str(len(raw))}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        url = f"http://localhost:7071/api/{quote(path)}"
        if query:
            url += "?" + (raw_query or urlencode(query, errors="replace"))
        request = _Request(
            method,
            url,
            headers=sent,
            params=query or {},
            route_params=parameters,
            body_type="bytes",
            body=raw,
        )
        answer = await trigger(request)
        assert isinstance(answer, HttpResponse), f"{route} returned {type(answer).__name__}"
        names = {"content-type": answer.mimetype} | {name.lower(): value for name, value in answer.headers.items()}
        response = Response(answer.status_code, names, answer.get_body() or b"")
        template = "/api/" + route.rpartition(" ")[2]
        if "{*" not in route:  # the last function is not described
            described = await self._described()
            described.check(method, template, response.status, names, response.body, request.headers.read)
        return response

    async def _described(self) -> Described:
        """Kept for each variant, because making the description takes time."""
        if self._says not in _described:
            trigger = self._match("GET", "openapi.json")[2]
            url = "http://localhost:7071/api/openapi.json"
            request = HttpRequest("GET", url, headers={}, params={}, route_params={}, body_type="bytes", body=b"")
            answer = await trigger(request)
            _described[self._says] = Described(orjson.loads(answer.get_body()))
        return _described[self._says]

    def _match(self, method: str, path: str) -> tuple[str, dict[str, str], Any]:
        for route, (methods, pattern, trigger) in self._triggers.items():
            if method in methods and (found := pattern.fullmatch(path)):
                return route, {name: value for name, value in found.groupdict().items() if value}, trigger
        raise LookupError(f"no function for {method} {path}")


_described: dict[Any, Described] = {}


class _Request(HttpRequest):
    """Remembers which headers were read."""

    _recorded: Recorded | None = None

    @property
    def headers(self) -> Recorded:
        if self._recorded is None:
            self._recorded = Recorded(super().headers)
        return self._recorded


def _triggers(stores: Stores, settings: Settings) -> dict[str, Any]:
    found = {}
    # The host tries functions in the order of their names.
    functions = build_app(stores, settings.app_rules()).get_functions()
    for function in sorted(functions, key=lambda one: str(one.get_function_name()).upper()):
        trigger: Any = function.get_trigger()
        if trigger.get_binding_name() != "httpTrigger":
            continue
        names = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", trigger.route)
        pattern = re.compile(re.sub(r"/\{\*(\w+)\}", r"(?:/(?P<\1>.*))?", names), re.DOTALL | re.IGNORECASE)
        methods = {str(getattr(method, "value", method)) for method in trigger.methods}
        found[f"{sorted(methods)} {trigger.route}"] = (methods, pattern, function.get_user_function())
    return found


def assert_always(response: Response) -> None:
    """Checks the headers of every response."""
    assert response.headers["cache-control"] == "no-store, private"
    assert response.headers["x-content-type-options"] == "nosniff"


def assert_problem(response: Response, status: int, code: str) -> dict[str, Any]:
    """Returns an RFC 9457 problem that existing clients can read, too. It must show nothing internal."""
    assert response.status == status, (response.status, response.body[:500])
    assert_always(response)
    assert response.headers["content-type"].split(";")[0] == "application/problem+json"
    problem: dict[str, Any] = response.json
    assert problem["type"] == f"urn:savepoint:problem:{code}"
    assert problem["status"] == status
    assert problem["title"] and isinstance(problem["title"], str)
    assert problem["detail"] and isinstance(problem["detail"], str)
    assert problem["error"] == {"type": code, "message": problem["detail"]}
    for fault in problem.get("errors", ()):
        assert fault["detail"] and len(fault.keys() & {"pointer", "parameter", "header"}) == 1, fault
        assert fault.get("pointer", "#").startswith("#")
    said = response.body.decode().replace("application/problem+json", "")
    assert not INTERNAL.search(said), INTERNAL.search(said)
    assert len(said) < 10_000
    return problem


def assert_ok(response: Response, status: int = 200) -> Response:
    """Checks a success and the headers of every response."""
    assert response.status == status, (response.status, response.body[:500])
    assert_always(response)
    return response


async def made(client: Client, **fields: Any) -> tuple[str, str]:
    """Creates a session. Returns its path and ETag."""
    response = assert_ok(await client.post(SESSIONS, {**NEW, **fields}), 201)
    return f"{SESSIONS}/{response.json}", response.etag


def metadata_path(path: str) -> str:
    """Returns the path of the metadata of the session at `path`."""
    return path.replace(SESSIONS, f"{SESSIONS}/metadata")
