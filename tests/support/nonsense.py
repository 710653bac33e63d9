"""A server that does not speak HTTP as it should."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

NONSENSE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "nothing": b"",
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<ht>",
}


@contextmanager
def speaking(reply: bytes) -> Iterator[str]:
    """Yields the address of a server that sends these bytes to everybody, and closes."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
