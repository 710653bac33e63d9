"""A time limit for a whole request. The timeouts of the client start anew with each byte that comes or goes."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx2

PIECE_BYTES = 65_536

_end: ContextVar[float] = ContextVar("savepoint_client_end", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Requests in this block raise ReadTimeout once the time is over."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def limit(client: httpx2.Client) -> None:
    """Lets `within` hold for a client. httpx2 has no public way to watch each read of a connection."""
    for transport in (client._transport, *client._mounts.values()):
        if transport is not None:
            pool = transport._pool  # type: ignore[attr-defined]
            pool._network_backend = _Backend(pool._network_backend)


def _left(timeout: float | None) -> float | None:
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise httpx2.ReadTimeout("The request takes too long.")
    if timeout is None:
        return None if left == math.inf else left
    return min(timeout, left)


class _Backend:
    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *given: Any, **named: Any) -> Any:
        return _Stream(self._backend.connect_tcp(host, port, _left(timeout), *given, **named))


class _Stream:
    """A connection, or the encrypted one over it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found: bytes = self._stream.read(max_bytes, _left(timeout))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE_BYTES):
            self._stream.write(buffer[start : start + PIECE_BYTES], _left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str, timeout: float | None = None) -> "_Stream":
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
