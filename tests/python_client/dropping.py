"""A server that keeps connections open, and drops each when it is used again, as those that were idle for long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.browser.line import Line, Sent


@contextmanager
def dropping(line: Line, *, applied: bool) -> Iterator[str]:
    """Yields its origin. `applied`: the request that meets a dropped connection is done, without a response."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        is_used = False

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = Sent(self.command, self.path, dict(self.headers.items()), body)
            if self.is_used:
                if applied:
                    line.carry(sent)
                self.close_connection = True
                return
            self.is_used = True
            answer = line.carry(sent)
            assert answer
            self.send_response_only(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

    Handler.log_message = lambda *_: None  # type: ignore[method-assign]
    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
