"""HTTP without a client library, for requests that none would send."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.devhost.server import DevhostServer, exchange
from tests.support.http import INTERNAL

Headers = Sequence[tuple[str | bytes, str | bytes]]


@dataclass(frozen=True)
class RawAnswer:
    """The first response on a connection, and all bytes that came."""

    status: int
    headers: dict[str, str]
    body: bytes
    everything: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: DevhostServer,
    method: str,
    target: str | bytes,
    headers: Headers = (),
    body: bytes = b"",
    user: str | None = "ann",
) -> RawAnswer:
    """Sends one request, byte for byte. Adds only Host, Connection, X-User-Id and a missing Content-Length."""
    names = {_bytes(name).lower() for name, _ in headers}
    lines = [_bytes(method) + b" " + _bytes(target) + b" HTTP/1.1", b"Connection: close"]
    if b"host" not in names:
        lines.append(b"Host: localhost")
    if user is not None and b"x-user-id" not in names:
        lines.append(b"X-User-Id: " + user.encode())
    if body and not names & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in headers]
    return answered(exchange(server, b"\r\n".join(lines) + b"\r\n\r\n" + body))


def answered(received: bytes) -> RawAnswer:
    """Parses what came back."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return RawAnswer(int(first.split()[1]), headers, body, received)


def assert_refused(answer: RawAnswer, *statuses: int) -> None:
    """Checks for a problem of ours or a short refusal of the host, which shows nothing internal."""
    assert answer.status in (statuses or range(400, 500)), answer.everything[:500]
    if answer.headers.get("content-type") == "application/problem+json":
        assert answer.json["status"] == answer.status and answer.json["error"]["message"]
        assert len(answer.body) < 10_000
    else:
        assert len(answer.body) < 100, answer.everything[:500]
    said = answer.body.decode("latin-1").replace("application/problem+json", "")
    assert not INTERNAL.search(said), INTERNAL.search(said)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
