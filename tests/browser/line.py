"""The line between a browser and a real server: it records, delays, holds, loses, doubles and replaces.

A proxy in this process, not the interception of the browser's own requests: that does not see what a page sends
while it closes. Every response closes its connection, because a browser repeats requests on connections it reuses.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = 20
_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Sent:
    """A request that a page sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def is_like(self, method: str, path: str) -> bool:
        return re.fullmatch(method, self.method) is not None and re.search(path, self.path) is not None


@dataclass(frozen=True)
class Answer:
    """A response, of the server or made up."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Forward = Callable[[], Answer]
Fault = Callable[[Sent, Forward], Answer | None]
"""Returns the response, or None for a connection that breaks."""


class Held:
    """Requests that wait, before they reach the server or before their responses go back."""

    def __init__(self, *, answered: bool) -> None:
        self._answered = answered
        self._arrived, self._released = threading.Event(), threading.Event()

    def __call__(self, sent: Sent, forward: Forward) -> Answer | None:
        answer = forward() if self._answered else None
        self._arrived.set()
        assert self._released.wait(SECONDS), "nobody released the request"
        return answer or forward()

    def wait(self) -> None:
        """Returns once a request waits here."""
        assert self._arrived.wait(SECONDS), "no such request came"

    def release(self) -> None:
        self._released.set()


def never_arrives(sent: Sent, forward: Forward) -> None:
    """The connection breaks before the server has the request."""


def answer_is_lost(sent: Sent, forward: Forward) -> None:
    """The server does it, and the page never learns that."""
    forward()


def passes(sent: Sent, forward: Forward) -> Answer:
    """Nothing happens to it."""
    return forward()


def arrives_twice(sent: Sent, forward: Forward) -> Answer:
    """The page gets the second response."""
    forward()
    return forward()


def answers(status: int, body: bytes | str = b"", media_type: str = "text/html", **headers: str) -> Fault:
    """Something else responds, such as a portal."""
    raw = body.encode() if isinstance(body, str) else body
    answer = Answer(status, raw, {"Content-Type": media_type, **headers})
    return lambda sent, forward: answer


class Line:
    """Passes on what no fault is for. The newest fault that fits has precedence."""

    def __init__(self, origin: str, pages: Mapping[str, str]) -> None:
        self._server_port = int(origin.rpartition(":")[2])
        self.pages = pages
        self.sent: list[Sent] = []
        self._faults: list[tuple[str, str, Fault]] = []

    def breaks(self, fault: Fault, method: str = ".*", path: str = "/api/persistence") -> None:
        """From now on, requests of this kind meet the fault."""
        self._faults.insert(0, (method, path, fault))

    def works(self) -> None:
        """From now on, nothing meets a fault. What is held stays held."""
        self._faults.clear()

    def holds(
        self, method: str = "PUT|PATCH|POST", path: str = "/api/persistence", *, answered: bool = False
    ) -> Held:
        """From now on, requests of this kind wait; `answered`: their responses."""
        held = Held(answered=answered)
        self.breaks(held, method, path)
        return held

    def writes(self, path: str = "/api/persistence") -> list[Sent]:
        """Returns the writes that pages have sent."""
        return [each for each in self.sent if each.is_like("PUT|PATCH|POST|DELETE", path)]

    def carry(self, sent: Sent) -> Answer | None:
        self.sent.append(sent)
        fault = next((fault for method, path, fault in self._faults if sent.is_like(method, path)), None)
        return self._forward(sent) if fault is None else fault(sent, lambda: self._forward(sent))

    def _forward(self, sent: Sent) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._server_port, timeout=SECONDS)
        try:
            headers = {k: v for k, v in sent.headers.items() if k.lower() not in _OF_THE_CONNECTION}
            connection.request(sent.method, sent.path, sent.body or None, headers)
            response: HTTPResponse = connection.getresponse()
            kept = {k: v for k, v in response.getheaders() if k.lower() not in _OF_THE_CONNECTION}
            return Answer(response.status, response.read(), kept)
        finally:
            connection.close()


@contextmanager
def line_to(origin: str, pages: Mapping[str, str]) -> Iterator[tuple[str, Line]]:
    """Yields the origin of a line to a server. `pages` are served by the line itself."""
    line = Line(origin, pages)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            page = line.pages.get(self.path.partition("?")[0])
            if page is not None:
                type_ = "text/javascript" if self.path.endswith(".js") else "text/html; charset=utf-8"
                return self._respond(Answer(200, page.encode(), {"Content-Type": type_}))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = line.carry(Sent(self.command, self.path, dict(self.headers.items()), body))
            if answer is not None:
                self._respond(answer)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = handle_any

        def _respond(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Pages that are closed break their connections."""

    server = Quiet(("127.0.0.1", 0), Handler)
    Handler.log_message = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", line
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
