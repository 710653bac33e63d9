"""A fast HTTP client: it parses only the parts of a response that a measurement needs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Response:
    """One response. The pieces of its body are joined only on access."""

    status: int
    head: bytes
    pieces: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def etag(self) -> str:
        return _field(self.head, b"etag").decode()


class Connection(asyncio.Protocol):
    """A keep-alive connection for one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._response: asyncio.Future[Response]
        self._head = b""
        self._pieces: list[bytes] = []
        self._missing: int | None = None

    async def send(self, request: bytes) -> Response:
        """Returns the whole response. Raises ConnectionError if the server closes the connection too early."""
        self._response = asyncio.get_running_loop().create_future()
        self._head, self._pieces, self._missing = b"", [], None
        self._transport.write(request)
        return await self._response

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = head
            self._missing = int(_field(head, b"content-length") or 0)
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._response.set_result(Response(int(self._head[9:12]), self._head, tuple(self._pieces)))

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "_response") and not self._response.done():
            self._response.set_exception(ConnectionError("the server closed the connection"))


async def connect(port: int) -> Connection:
    """Returns a connection to a server on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def encoded(method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """Returns the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if "Content-Type" not in headers:
            lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def _field(head: bytes, name: bytes) -> bytes:
    """Returns the value of a header, or b"" if it is missing."""
    # Both servers send lower-case header names.
    _, found, rest = head.partition(b"\r\n" + name + b": ")
    return rest.partition(b"\r\n")[0] if found else b""
