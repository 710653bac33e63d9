"""HTTP connections with limits, which uvicorn's lack: the size of a head, and the time that it may take.

A head is the request line with the headers. Without limits, a client could fill the memory with one, or hold
connections open with many that never end.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_MAX_BYTES = 64 * 1024
"""More than Kestrel reads, the server of the Azure Functions host: 8 KiB of a request line, 32 KiB of headers."""
HEAD_SECONDS = 30
"""Kestrel's default."""

LINGER_SECONDS = 2
"""How long what a refused client still sends is read and thrown away."""

_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Timed(asyncio.Protocol):
    """Closes the connection if a head is not complete in time. The first one counts from the start."""

    transport: asyncio.Transport
    _deadline: asyncio.TimerHandle | None = None
    _is_refused = False

    def in_head(self) -> bool:
        """Returns whether a head was begun and is not complete."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._limit(is_waiting=True)

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)
            self._limit(is_waiting=self.in_head())

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit(is_waiting=False)
        super().connection_lost(exc)

    def refuse(self, response: bytes) -> None:
        """Sends a response without a body, and closes the connection.

        Closes it only after a while: a connection with unread bytes is reset, and the client loses the response.
        """
        if not self._is_refused and not self.transport.is_closing():
            self._is_refused = True
            self._limit(is_waiting=False)
            self.transport.write(response)
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def _limit(self, *, is_waiting: bool) -> None:
        if not is_waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif is_waiting and self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.refuse, _TIMEOUT)


class TimedH11(_Timed, H11Protocol):
    """Pure Python. It has a limit for the size itself: `h11_max_incomplete_event_size`."""

    def in_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])


def http_protocol() -> type[asyncio.Protocol]:
    """Returns the faster protocol, if its parser is installed."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return TimedH11

    class TimedHttpTools(_Timed, HttpToolsProtocol):
        """Counts the bytes of a head that comes in pieces. The app checks those that come at once."""

        _in_head, _head_bytes = False, 0

        def in_head(self) -> bool:
            return self._in_head

        def data_received(self, data: bytes) -> None:
            # A piece in which a head begins can hold the end of a body, too.
            self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
            super().data_received(data)
            if not self._is_refused and self._in_head and self._head_bytes > HEAD_MAX_BYTES:
                self.refuse(_TOO_LARGE)

        def on_message_begin(self) -> None:
            self._in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

    return TimedHttpTools
