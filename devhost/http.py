"""HTTP triggers: the ASGI app between the server and the handlers, with the host's own ways in between."""

import logging
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from azure.functions import HttpResponse
from azure.functions.http import HttpRequest
from starlette.types import Receive, Scope, Send

from devhost.host import HttpFunction
from devhost.routes import RouteTable

MAX_BODY_BYTES = 100 * 1024 * 1024
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

Fields = list[tuple[bytes, bytes]]

log = logging.getLogger(__name__)


class FunctionsApp:
    """Answers what the route table knows; everything else is a 404 without a body, as the host's is."""

    def __init__(self, routes: RouteTable) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            path = decoded_path(scope["raw_path"])
            headers = request_headers(scope["headers"])
            length = int(headers.get("content-length") or 0)
        except ValueError:
            await answer(send, 400)
            return
        match = self._routes.match(scope["method"], path)
        if match is None:
            await answer(send, 404)
            return
        if length > MAX_BODY_BYTES:
            # Without the close the server would go on to read what is not wanted.
            await answer(send, 413, [(b"connection", b"close")])
            return
        # Only a declared length brings the body to the worker: what comes chunked arrives empty there.
        body = await read_body(receive) if length > 0 else b""
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
        await answer(send, *await invoke(function, request))


async def invoke(function: HttpFunction, request: HttpRequest) -> tuple[int, Fields, bytes]:
    """What the function answers; a bare 500 where it fails or its result is no answer, the reason logged."""
    try:
        return encoded(await function.call(request))
    except Exception:
        log.exception("function %s failed", function.name)
        return 500, [], b""


async def answer(send: Send, status: int, fields: Fields | None = None, body: bytes = b"") -> None:
    fields = fields or []
    if status in (204, 304):
        body = b""
    else:
        fields.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None where the client left before its end."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def decoded_path(raw: bytes) -> str:
    """The path as ASP.NET Core hands it to routing: decoded once, %2F left as it is, dot segments removed.

    What does not decode to UTF-8 stays encoded too. ValueError for a NUL and for what is not ASCII.
    """
    path = raw.decode("ascii")
    if "%" in path:
        path = "/".join(map(_decoded_segment, path.split("/")))
        if "\0" in path:
            raise ValueError("a path may not hold NUL")
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
    """Lower-case names; values of a repeated header joined with a comma. ValueError for what is not UTF-8."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("ascii"), value.decode()
        headers[key] = _joined(headers[key], text) if key in headers else text
    return headers


def query_parameters(query: bytes) -> dict[str, str]:
    """Without empty values, repeated ones joined with a comma under the first spelling of the name."""
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


def encoded(result: object) -> tuple[int, Fields, bytes]:
    """Status, headers and body of a handler's result.

    The worker sends headers as a dictionary, so that of duplicates the last one stays; cookies travel apart.
    TypeError for anything but an HttpResponse or a string, ValueError for headers that HTTP cannot carry.
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
        elif key not in (b"content-length", b"transfer-encoding"):
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
        raise ValueError(f"{name!r} is no header name")
    return lowered.encode("ascii")


def _field_value(value: str) -> bytes:
    if not value.replace("\t", " ").isprintable():
        raise ValueError("a header value may not hold control characters")
    return value.encode("ascii")
