"""The requests. Each operation is an endless conversation: a request may depend on the response before it."""

import gzip
import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import cycle

from benchmarks.client import Response, encoded
from benchmarks.seed import Seeded, creator_of, owner_of
from benchmarks.states import State, edited, new_session, session_update
from functions.http.digests import repr_digest

SESSIONS = "/api/persistence/sessions"
Conversation = Generator[bytes, Response, None]


@dataclass(frozen=True, slots=True)
class Operation:
    """`start` begins the conversation of one client. Each client has a separate session. `recorded` names the
    response of the bare app. None if the bare app does not have the operation. `measured_every` is 2 if only every
    second request is measured: those between prepare it."""

    name: str
    status: int
    start: Callable[[int], Conversation]
    recorded: str | None = None
    measured_every: int = 1


def operations(state: State, seeded: Seeded) -> list[Operation]:
    """Returns the operations on sessions of one size."""
    owner, heads = owner_of(state), seeded.sessions[state.label]
    # Polled sessions are never saved, so that their ETags stay.
    saved, polled = heads[: len(heads) // 2], heads[len(heads) // 2 :]

    def operation(name: str, status: int, start: Callable[[int, dict[str, str]], Conversation]) -> Operation:
        recorded = f"{name}-{state.key}"
        headers = {"X-User-Id": owner, "X-Recorded": recorded}
        return Operation(name, status, lambda client: start(client, headers), recorded)

    def create(client: int, headers: dict[str, str]) -> Conversation:
        headers = headers | {"X-User-Id": creator_of(state)}
        return _repeated(encoded("POST", SESSIONS, headers, new_session(state.content)))

    def get(client: int, headers: dict[str, str]) -> Conversation:
        return _repeated(encoded("GET", f"{SESSIONS}/{polled[client].id}", headers))

    def metadata(client: int, headers: dict[str, str]) -> Conversation:
        return _repeated(encoded("GET", f"{SESSIONS}/metadata/{polled[client].id}", headers))

    def poll(client: int, headers: dict[str, str]) -> Conversation:
        head = polled[client]
        known = {"If-None-Match": head.metadata.etag}
        return _repeated(encoded("GET", f"{SESSIONS}/metadata/{head.id}", headers | known))

    def list_(client: int, headers: dict[str, str]) -> Conversation:
        return _repeated(encoded("GET", f"{SESSIONS}?page_size=20", headers))

    def save(client: int, headers: dict[str, str]) -> Conversation:
        bodies = [session_update(state.variant(10_000 + number)) for number in range(2)]
        path, etag = f"{SESSIONS}/{saved[client].id}", "*"
        for body in cycle(bodies):
            etag = (yield encoded("PUT", path, headers | {"If-Match": etag}, body)).etag

    def content(client: int, headers: dict[str, str]) -> Conversation:
        path = f"{SESSIONS}/{polled[client].id}/content"
        return _repeated(encoded("GET", path, headers | {"Accept-Encoding": "gzip"}))

    def save_content(client: int, headers: dict[str, str]) -> Conversation:
        bodies = [gzip.compress(state.variant(20_000 + number).encode(), 6) for number in range(2)]
        path, etag = f"{SESSIONS}/{saved[client].id}/content", "*"
        headers = headers | {"Content-Encoding": "gzip"}
        for body in cycle(bodies):
            etag = (yield encoded("PUT", path, headers | {"If-Match": etag}, body)).etag

    return [
        operation("create", 201, create),
        operation("get", 200, get),
        operation("poll", 304, poll),
        operation("metadata", 200, metadata),
        operation("list", 200, list_),
        operation("save", 200, save),
        operation("content", 200, content),
        operation("save-content", 200, save_content),
    ]


def save_same(state: State, seeded: Seeded) -> Operation:
    """Saves one session that all clients share, without If-Match."""
    path, headers = f"{SESSIONS}/{seeded.sessions[state.label][-1].id}", {"X-User-Id": owner_of(state)}

    def start(client: int) -> Conversation:
        for number in cycle(range(2)):
            yield encoded("PUT", path, headers, session_update(state.variant(30_000 + 2 * client + number)))

    return Operation("save-same", 200, start)


def open_snapshot(seeded: Seeded) -> Operation:
    """Opens one snapshot. Each client is another person, and a known visitor after the first time."""

    def start(client: int) -> Conversation:
        headers = {"X-User-Id": f"visitor-{client}"}
        return _repeated(encoded("GET", f"/api/persistence/snapshots/{seeded.snapshot}", headers))

    return Operation("snapshot", 200, start)


def raw_save(state: State, seeded: Seeded) -> Operation:
    """Saves the content alone, gzipped, as a browser would send it. `save` sends it in JSON."""
    # Not the sessions that `save` saves at the same time.
    saved = seeded.sessions[state.label][len(seeded.sessions[state.label]) // 2 :]
    bodies = [gzip.compress(state.variant(20_000 + number).encode(), 6) for number in range(2)]

    def start(client: int) -> Conversation:
        path, etag = f"{SESSIONS}/{saved[client].id}/content", "*"
        headers = {
            "X-User-Id": owner_of(state),
            "Content-Encoding": "gzip",
            "Prefer": "return=minimal",
        }
        for body in cycle(bodies):
            etag = (yield encoded("PUT", path, headers | {"If-Match": etag}, body)).etag

    return Operation("raw save", 204, start)


def delta_save(state: State, seeded: Seeded) -> Operation:
    """Saves six scattered edits of the content as a delta, there and back. The first request saves the content."""
    saved = seeded.sessions[state.label][: len(seeded.sessions[state.label]) // 2]
    edit = edited(state.content)
    both = [(edit.there, edit.content), (edit.back, state.content.encode())]
    # Not within a conversation: that would be measured, too.
    steps = [(delta, repr_digest(hashlib.sha256(content).digest())) for delta, content in both]

    def start(client: int) -> Conversation:
        path = f"{SESSIONS}/{saved[client].id}/content"
        headers = {"X-User-Id": owner_of(state), "Prefer": "return=minimal"}
        zipped = gzip.compress(state.content.encode(), 6)
        etag = (yield encoded("PUT", path, headers | {"Content-Encoding": "gzip", "If-Match": "*"}, zipped)).etag
        headers |= {"Content-Type": "application/x-fossil-delta"}
        for delta, digest in cycle(steps):
            sent = headers | {"If-Match": etag, "Patched-Digest": digest}
            etag = (yield encoded("PATCH", path, sent, delta)).etag

    return Operation("delta save", 204, start)


def validate(state: State, seeded: Seeded) -> Operation:
    """Validates a session within TOUCH_INTERVAL_SECONDS, in which no access is recorded."""
    polled = seeded.sessions[state.label][len(seeded.sessions[state.label]) // 2 :]

    def start(client: int) -> Conversation:
        path = f"{SESSIONS}/{polled[client].id}/validate"
        return _repeated(encoded("GET", path, {"X-User-Id": owner_of(state)}))

    return Operation("validate", 200, start)


def list_of(owner: str) -> Operation:
    """Lists the sessions of a user who has 20."""
    request = encoded("GET", f"{SESSIONS}?page_size=20", {"X-User-Id": owner})
    return Operation("list", 200, lambda client: _repeated(request))


def scrape() -> Operation:
    """Reads what was counted, as Prometheus does."""
    return Operation("scrape", 200, lambda client: _repeated(encoded("GET", "/metrics", {})))


def named(all_: Sequence[Operation], name: str) -> Operation:
    """Returns the operation of that name."""
    return next(one for one in all_ if one.name == name)


def _repeated(request: bytes) -> Conversation:
    while True:
        yield request
