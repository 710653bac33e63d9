"""What devhost refuses before a function is called: heads and bodies without end, and what a proxy passed on."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from devhost import http, limits, protocol
from devhost.host import HttpFunction
from devhost.http import FunctionsApp
from devhost.limits import BodyBudget, NoRoom, WellFormed
from devhost.protocol import HEAD_MAX_BYTES, TimedH11
from devhost.routes import RouteTable
from devhost.serving import server_config
from tests.devhost.server import DevhostServer, exchange, run_devhost
from tests.support.proxies import KINDS

APP = """
import azure.functions as func
app = func.FunctionApp()
@app.route(methods=["POST", "GET"])
async def hello(req): return f"{len(req.get_body())} bytes"
"""
PARSERS = pytest.mark.parametrize("parser", [None, TimedH11], ids=["as it is", "without httptools"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "function_app.py").write_text(APP)
    with run_devhost(folder) as running:
        yield running


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /api/hello HTTP/1.1\r\nHost: localhost\r\nConnection: close", 200),
        (b"GET /api/hello HTTP/1.0", 200),
        (b"GET /api/hello HTTP/1.1", 400),
        (b"GET /admin/functions HTTP/1.1", 400),
        (b"OPTIONS /api/hello HTTP/1.1\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: PUT", 400),
        (b"GET /api/hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        (b"GET /api/hello HTTP/1.0\r\nHost: localhost\r\nHost: evil.example", 400),
    ],
)
def test_a_request_of_http_1_1_names_exactly_one_host(server: DevhostServer, head: bytes, expected: int) -> None:
    assert status(exchange(server, head + b"\r\n\r\n")) == expected


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded: for=192.0.2.1",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "X-Forwarded-Anything: 1",
        "Via: 1.1 proxy",
        "X-Real-IP: 127.0.0.1",
        "CF-Connecting-IP: 127.0.0.1",
    ],
)
def test_admin_is_refused_to_what_a_proxy_passed_on(server: DevhostServer, header: str) -> None:
    for method, target in (("GET", "/admin/functions"), ("POST", "/admin/functions/hello")):
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n"
        assert status(exchange(server, f"{head}{header}\r\n\r\n".encode())) == 403
        assert status(exchange(server, f"{head}\r\n".encode())) != 403
    head = f"GET /api/hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
    assert status(exchange(server, head.encode())) == 200


@pytest.mark.parametrize("name", ["apache-deflate", "nginx-gzip", "caddy-gzip"])
def test_admin_is_refused_behind_a_real_proxy(server: DevhostServer, tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    if reason := kind.missing_here():
        pytest.skip(reason)
    with kind.before(server.base_url, tmp_path / "proxy", is_plain=True) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
            head = f"GET /admin/functions HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            assert status(connection.recv(65_536)) == 403


@asynccontextmanager
async def serving(app: ASGIApp, parser: type[asyncio.Protocol] | None = None) -> AsyncIterator[int]:
    """Serves an app in this process. Yields the port."""
    settings = server_config(app)
    if parser is not None:
        settings.http = parser
    settings.timeout_graceful_shutdown = 1
    server = uvicorn.Server(settings)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server._serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Returns what came until the server closed the connection."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""


@PARSERS
async def test_a_head_that_does_not_end_in_time_is_refused(
    parser: type[asyncio.Protocol] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with serving(ok, parser) as port:
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            assert status(await read_all(reader)) == 408
            writer.close()
        # The next head of a connection, too, but not the time between two requests.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status(await reader.readuntil(b"\r\n\r\n")) == 200
            await asyncio.sleep(0.4)
        writer.write(b"GET / HTTP/1.1\r\nHost")
        assert status(await read_all(reader)) == 408
        writer.close()


@PARSERS
async def test_a_head_without_end_is_refused_whether_it_comes_at_once_or_in_pieces(
    parser: type[asyncio.Protocol] | None,
) -> None:
    async with serving(WellFormed(ok), parser) as port:
        start, piece = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 1_024
        for pieces, pause in ((HEAD_MAX_BYTES // 1_024 + 2, 0), (HEAD_MAX_BYTES // 1_024 + 2, 0.001), (8, 0)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            for _ in range(pieces):
                writer.write(piece)
                await asyncio.sleep(pause)
            if pieces == 8 or not pause:
                writer.write(b"\r\nConnection: close\r\n\r\n")
            answer = await read_all(reader)
            if pieces == 8:
                assert status(answer) == 200
            else:
                assert not answer or status(answer) in (400, 431)
            writer.close()


@PARSERS
async def test_a_body_that_does_not_end_in_time_is_refused(
    parser: type[asyncio.Protocol] | None, monkeypatch: pytest.MonkeyPatch, app: FunctionsApp
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.2)
    async with serving(WellFormed(app), parser) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert status(await read_all(reader)) == 408
        writer.close()


async def test_bodies_share_one_budget_which_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODIES_MAX_BYTES", 10)
    app = function_app()
    async with serving(WellFormed(app)) as port:
        writers: list[asyncio.StreamWriter] = []

        async def post(body: bytes, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(b"POST /api/hello HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + body)
            return reader, writer

        slow, slow_writer = await post(b"abcdefgh", 9)
        for _ in range(3):
            await post(b"", 10)  # what is declared and not sent takes nothing
        await asyncio.sleep(0.1)
        refused, _ = await post(b"abc", 3)
        answer = await read_all(refused)
        assert status(answer) == 503 and b"retry-after: 1" in answer
        small, _ = await post(b"ab", 2)
        assert status(await small.readuntil(b"bytes")) == 200
        slow_writer.write(b"i")
        assert status(await slow.readuntil(b"9 bytes")) == 200
        again, _ = await post(b"0123456789", 10)
        assert status(await again.readuntil(b"10 bytes")) == 200
        for each in writers:
            each.close()


def test_a_body_that_fails_gives_its_bytes_back() -> None:
    budget = BodyBudget()
    with pytest.raises(ZeroDivisionError), budget.body() as take:
        take(limits.BODIES_MAX_BYTES - 1)
        with pytest.raises(NoRoom), budget.body() as take_more:
            take_more(1)
            take_more(1)
        take(1)
        raise ZeroDivisionError
    with budget.body() as take:
        take(limits.BODIES_MAX_BYTES)


@pytest.fixture
def app() -> FunctionsApp:
    return function_app()


def function_app() -> FunctionsApp:
    async def hello(req):
        return f"{len(req.get_body())} bytes"

    function = HttpFunction("hello", hello, "req", True, "hello", frozenset({"POST"}))
    return FunctionsApp(RouteTable([function], "api"))
