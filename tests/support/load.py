"""People who save, read and fail in many ways, and a count of what they did."""

import gzip
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any, Self

import httpx
import orjson

from benchmarks.deltas import delta_of
from functions.http.digests import repr_digest

SESSION = "/persistence/sessions/{session_id}"
DRAFT = "/persistence/drafts/{draft_id}"
SNAPSHOT = "/persistence/snapshots/{snapshot_id}"
RAW = {"Content-Type": "text/plain"}


class Done:
    """What was done: requests by route, method and status, request units by route, saves by kind, outcome and
    form, and the bytes of these by form."""

    def __init__(self) -> None:
        self.requests = Counter[tuple[str, str, str]]()
        self.charges = defaultdict[str, float](float)
        self.saves = Counter[tuple[str, str, str]]()
        self.saved_bytes = Counter[str]()

    def add(self, other: "Done") -> None:
        self.requests += other.requests
        self.saves += other.saves
        self.saved_bytes += other.saved_bytes
        for route, units in other.charges.items():
            self.charges[route] += units


class Person:
    """Somebody at one server, with a session, a draft and a connection of their own."""

    def __init__(self, url: str, name: str) -> None:
        headers = {"X-User-Id": name}
        self._http = httpx.Client(base_url=f"{url}/api", headers=headers, trust_env=False, timeout=60)
        self._random, self.name, self.done = Random(name), name, Done()
        self._snapshots: list[str] = []
        self._session = self._etag = ""
        self._content = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        route: str,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        save: tuple[str, str, str] | None = None,
        size: int | None = None,
        query: str = "",
        **ids: str,
    ) -> httpx.Response:
        """Sends a request and counts it. Asserts its status. `size` is that of the body without its coding."""
        content = body if isinstance(body, bytes | None) else orjson.dumps(body)
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        path = route.format(**ids, **{"*rest": "none/such"})
        response = self._http.request(method, path + query, content=content, headers=sent)
        assert response.status_code == status, (method, path, response.status_code, response.text[:500])
        self.done.requests[route, method, str(status)] += 1
        self.done.charges[route] += float(response.headers["savepoint-request-charge"].partition(";")[0])
        if save is not None:
            self.done.saves[save] += 1
            self.done.saved_bytes[save[2]] += len(content or b"") if size is None else size
        return response

    def act(self) -> None:
        """Does one of everything, in another order each time."""
        self.begin()
        acts = [self.save, self.read, self.conflict, self.fail, self.save_raw, self.draft, self.share]
        for act in self._random.sample(acts, len(acts)):
            act()

    def begin(self) -> None:
        self._content = self._text()
        body = {"title": "One", "description": None, "content": self._content.decode()}
        created = ("session", "created", "json")
        response = self.call("POST", "/persistence/sessions", 201, body, save=created)
        self._session, self._etag = response.json(), response.headers["etag"]

    def save(self) -> None:
        self._content = self._text()
        for outcome in ("changed", "unchanged"):
            body, save = {"content": self._content.decode()}, ("session", outcome, "json")
            self._etag = self._on_session("PUT", 200, body, self._etag, save=save).headers["etag"]
        self._on_session("PUT", 200, {"title": "Renamed"}, None)
        self._etag = self._on_session("GET", 200).headers["etag"]

    def save_raw(self) -> None:
        self._content, content = self._text(), f"{SESSION}/content"
        sent = {**RAW, "Content-Encoding": "gzip"}
        packed, save = gzip.compress(self._content), ("session", "changed", "raw")
        size = len(self._content)
        self.call("PUT", content, 200, packed, sent, save=save, size=size, session_id=self._session)
        base, self._content = self._content, b"*" + self._content[1:]
        delta = delta_of(self._content, b"*", (len(base) - 1, 1))
        digest = repr_digest(hashlib.sha256(self._content).digest())
        headers = {
            "Content-Type": "application/x-fossil-delta",
            "Patched-Digest": digest,
            "If-Match": self._head(),
        }
        save = ("session", "changed", "delta")
        patched = self.call("PATCH", content, 200, delta, headers, save=save, session_id=self._session)
        self._etag = patched.headers["etag"]

    def read(self) -> None:
        response = self._on_session("GET", 200)
        assert response.json()["content"] == self._content.decode()
        self._on_session("GET", 304, None, None, {"If-None-Match": response.headers["etag"]})
        self.call("GET", "/persistence/sessions", 200)

    def conflict(self) -> None:
        stale, body = '"9-0123456789abcdef"', {"content": "stale"}
        self._on_session("PUT", 412, body, stale, save=("session", "conflict", "json"))
        key = {"Idempotency-Key": f"{self._session}-copy"}
        save, query = ("session", "conflict", "json"), "?on_conflict=copy"
        self._on_session("PUT", 201, body, stale, key, save=save, query=query)

    def fail(self) -> None:
        self.call("GET", SESSION, 404, session_id="none-000000000")
        self.call("GET", "/persistence/{*rest}", 404)
        refused = ("session", "refused", "raw")
        self.call("PUT", f"{SESSION}/content", 422, b"\xff", RAW, save=refused, session_id=self._session)
        self._on_session("PUT", 422, {"content": 7}, None, save=("session", "refused", "json"))

    def save_in_vain(self) -> None:
        self._on_session("PUT", 503, {"content": "lost"}, save=("session", "refused", "json"))

    def draft(self) -> None:
        id = f"{self._random.getrandbits(48):012x}"
        for status, outcome in ((201, "created"), (200, "changed")):
            body, save = {"content": self._text().decode()}, ("draft", outcome, "json")
            self.call("PUT", DRAFT, status, body, save=save, draft_id=id)
        self.call("DELETE", DRAFT, 204, draft_id=id)

    def share(self) -> None:
        body = {"title": "Shared", "description": None, "content": self._text().decode()}
        save = ("snapshot", "created", "json")
        snapshot = self.call("POST", "/persistence/snapshots", 201, body, save=save).json()
        self._snapshots.append(snapshot)
        self.call("GET", SNAPSHOT, 200, snapshot_id=snapshot)

    def shared(self) -> str:
        """Returns the id of a snapshot that this person has shared."""
        return self._snapshots[-1]

    def _on_session(
        self,
        method: str,
        status: int,
        body: Any = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        conditions = {"If-Match": if_match} if if_match else {}
        sent = {**conditions, **(headers or {})}
        return self.call(method, SESSION, status, body, sent, session_id=self._session, **options)

    def _head(self) -> str:
        return self._on_session("GET", 200).headers["etag"]

    def _text(self) -> bytes:
        return b'{"random": "%x"}' % self._random.getrandbits(8 * self._random.randrange(200, 4_000))
