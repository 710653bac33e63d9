"""HTTP triggers: the ASGI app that calls the handlers and treats requests and responses as the Azure host does."""

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from azure.functions import HttpResponse
from azure.functions.http import HttpRequest
from starlette.types import Receive, Scope, Send

from devhost.host import HttpFunction
from devhost.limits import BODY_SECONDS, CLOSE, MAX_BODY_BYTES, BodyBudget, NoRoom
from devhost.routes import Match, RouteTable

TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

Fields = list[tuple[bytes, bytes]]

log = logging.getLogger(__name__)


class FunctionsApp:
    """Calls the function that the route table finds. If there is none: *Not found* without a body, as on Azure.

    If the app has a page `workbench`, `/` leads there.
    """

    def __init__(self, routes: RouteTable) -> None:
        self._routes = routes
        pages = [f"/{each.template}" for each in routes.routes if each.function.route.strip("/") == "workbench"]
        self._home = pages[0].encode() if pages else None
        self._budget = BodyBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            path = decoded_path(scope["raw_path"])
            headers = request_headers(scope["headers"])
            length = int(headers.get("content-length") or 0)
        except ValueError:
            await respond(send, 400)
            return
        match = self._routes.match(scope["method"], path)
        if match is None:
            home = self._home if path == "/" and scope["method"] in ("GET", "HEAD") else None
            await (respond(send, 302, [(b"location", home)]) if home else respond(send, 404))
            return
        if length > MAX_BODY_BYTES:
            # Without `close`, the server would go on to read the body.
            await respond(send, 413, [CLOSE])
            return
        with self._budget.body() as take:
            await self._serve(match, scope, headers, receive, send, take)

    async def _serve(
        self,
        match: Match,
        scope: Scope,
        headers: dict[str, str],
        receive: Receive,
        send: Send,
        take: Callable[[int], None],
    ) -> None:
        # Like the worker: a body without Content-Length, such as a chunked one, is empty.
        body: bytes | None = b""
        if headers.get("content-length", "0") != "0":
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await read_body(receive, take)
            except TimeoutError:
                await respond(send, 408, [CLOSE])
                return
            except NoRoom:
                await respond(send, 503, [(b"retry-after", b"1"), CLOSE])
                return
        if body is None:
            return
        function, route_parameters = match
        request = HttpRequest(
            scope["method"],
            _url(scope, headers),
            headers=headers,
            params=query_parameters(scope["query_string"]),
            route_params=route_parameters,
            body_type="bytes",
            body=body,
        )
        status, fields, answer = await invoke(function, request)
        await respond(send, status, fields, answer, is_head=scope["method"] == "HEAD")


async def invoke(function: HttpFunction, request: HttpRequest) -> tuple[int, Fields, bytes]:
    """Calls the function. If it fails or returns no response, logs why and returns a 500 without a body."""
    try:
        return encode_result(await function.call(request))
    except Exception:
        log.exception("function %s failed", function.name)
        return 500, [], b""


async def respond(
    send: Send, status: int, fields: Fields | None = None, body: bytes = b"", *, is_head: bool = False
) -> None:
    """Sends a response. To HEAD, a handler may name the length of the body that GET would return."""
    fields = fields or []
    if not is_head or body:
        fields = [field for field in fields if field[0] != b"content-length"]
    if status in (204, 304):
        body = b""
    elif not is_head or body:
        fields.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, take: Callable[[int], None]) -> bytes | None:
    """Returns the whole body, or None if the client disconnected first. Calls `take` for each piece."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def decoded_path(raw: bytes) -> str:
    """Returns the path as ASP.NET Core routes it: decoded once, except %2F, and without dot segments.

    A segment that does not decode to UTF-8 stays encoded. Raises ValueError if the path contains NUL, or
    characters that are not ASCII.
    """
    path = raw.decode("ascii")
    if "%" in path:
        path = "/".join(map(_decoded_segment, path.split("/")))
        if "\0" in path:
            raise ValueError("a path must not contain NUL")
    return _without_dot_segments(path) if "/." in path else path


def _decoded_segment(segment: str) -> str:
    try:
        return unquote(segment.replace("%2F", "%252F").replace("%2f", "%252f"), errors="strict")
    except UnicodeDecodeError:
        return segment


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def request_headers(raw: Fields) -> dict[str, str]:
    """Returns the headers by lower-case name. Values of a repeated header are joined with a comma.

    Raises ValueError if a value is not UTF-8.
    """
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("ascii"), value.decode()
        headers[key] = _joined(headers[key], text) if key in headers else text
    return headers


def query_parameters(query: bytes) -> dict[str, str]:
    """Returns the parameters without empty values.

    Names are compared without case. Repeated values are joined with a comma, under the first spelling.
    """
    if not query:
        return {}
    parameters: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("utf-8", "replace")):
        name = spellings.setdefault(name.lower(), name)
        parameters[name] = _joined(parameters.get(name, ""), value)
    return parameters


def _joined(first: str, second: str) -> str:
    return f"{first},{second}" if first and second else first or second


def _url(scope: Scope, headers: dict[str, str]) -> str:
    query = scope["query_string"]
    url = f"{scope['scheme']}://{headers.get('host', '')}{scope['raw_path'].decode()}"
    return f"{url}?{query.decode('utf-8', 'replace')}" if query else url


def encode_result(result: object) -> tuple[int, Fields, bytes]:
    """Returns status, headers and body of a handler's result.

    The last one of duplicate headers is kept, because the worker sends headers as a dictionary. Cookies are all
    kept. Raises TypeError unless the result is an HttpResponse or a string, and ValueError for headers that
    HTTP does not allow.
    """
    if isinstance(result, str):
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], result.encode()
    if not isinstance(result, HttpResponse):
        raise TypeError(f"an HTTP trigger must return an HttpResponse, not {type(result).__name__}")
    fields: dict[bytes, bytes] = {}
    cookies: Fields = []
    for name, value in result.headers:
        key = _field_name(name)
        if key == b"set-cookie":
            cookies.append((key, _field_value(value)))
        elif key != b"transfer-encoding":
            fields[key] = _field_value(value)
    if b"content-type" not in fields:
        mimetype = result.mimetype
        text = f"{mimetype}; charset={result.charset}" if mimetype.startswith("text/") else mimetype
        fields[b"content-type"] = _field_value(text)
    return int(result.status_code), [*fields.items(), *cookies], result.get_body()


@lru_cache(maxsize=512)
def _field_name(name: str) -> bytes:
    lowered = name.lower()
    if not lowered or not TOKEN.issuperset(lowered):
        raise ValueError(f"{name!r} is not a header name")
    return lowered.encode("ascii")


def _field_value(value: str) -> bytes:
    if not value.replace("\t", " ").isprintable():
        raise ValueError("a header value must not contain control characters")
    return value.encode("ascii")
