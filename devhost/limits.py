"""Refuses requests that no server of HTTP/1.1 may serve, and bounds what all bodies together take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from devhost.protocol import HEAD_MAX_BYTES

MAX_BODY_BYTES = 100 * 1024 * 1024
BODIES_MAX_BYTES = 2 * MAX_BODY_BYTES
BODY_SECONDS = 120
CLOSE = (b"connection", b"close")


class WellFormed:
    """ASGI middleware. Refuses a request without exactly one Host, or with too large a head."""

    def __init__(self, next_app: ASGIApp) -> None:
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _refusal(scope)
        if status is None:
            await self._next_app(scope, receive, send)
            return
        headers = [(b"content-length", b"0"), CLOSE]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _refusal(scope: Scope) -> int | None:
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (hosts == 0 and scope["http_version"] != "1.0"):
        return 400  # RFC 9112, section 3.2
    size = len(scope["raw_path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return 431 if size > HEAD_MAX_BYTES else None


class NoRoom(Exception):
    """The bodies in memory have all the bytes that they may have together."""


class BodyBudget:
    """The bytes that all bodies in memory may have together. A body counts with what has arrived of it."""

    def __init__(self) -> None:
        self._left = BODIES_MAX_BYTES

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Yields what takes bytes for one body, and raises NoRoom if there are not enough. They come back after
        the block."""
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if size > self._left:
                raise NoRoom
            self._left -= size
            taken += size

        try:
            yield take
        finally:
            self._left += taken
