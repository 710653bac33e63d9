"""No request queries more than one partition. Calls every endpoint and records all its queries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.deltas import delta_of
from functions.http.bodies import NDJSON
from functions.http.digests import repr_digest
from persistence import Stores, stores_over
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Asks
from tests.support.http import NEW, Client, Response
from tests.support.imports import ndjson, session_line, version_line
from tests.support.routes import endpoints
from tests.support.sessions import sha256
from tests.support.timers import clean_up

# Every limit is set, because the check of a limit may query too.
LIMITS = ("sessions_max", "drafts_max", "snapshots_max", "stored_bytes_max", "kept_bytes_max")
DRIVEN = SETTINGS.model_copy(update={"show_visitors": True, **dict.fromkeys(LIMITS, 10**9)})
LIST: Mapping[str, str] = {"page_size": "1", "app": "map"}
CREATED = {"filter_created_from": "2020-01-01T00:00:00Z", "filter_created_to": "2099-01-01T00:00:00Z"}
DRAFT = "draft-000001"


@dataclass(frozen=True)
class Step:
    """A call that succeeds. If it is a list with a next page, that page is read too."""

    method: str
    route: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    # The name under which later steps use the id in the response, in braces.
    makes: str = ""
    by: str = "ann"


S, P, D, L = (f"persistence/{name}" for name in ("sessions", "snapshots", "drafts", "snapshot_access_logs"))
ONE_S, ONE_P, ONE_D = S + "/{session_id}", P + "/{snapshot_id}", D + "/{draft_id}"
T = "persistence/trash"
LABELLED = {**NEW, "app": "map", "description": "About"}
FROM_FOUR = {
    "Content-Type": "application/x-fossil-delta",
    "If-Match": f'"5-{sha256("four")[:16]}"',
    "Patched-Digest": repr_digest(bytes.fromhex(sha256("five"))),
}
IMPORTED = ndjson([session_line(), version_line()])
SYNCED = [
    {"op": "create", "id": "draft-000003", "status": "draft", "title": "Draft", "content": "one"},
    {"op": "create", "id": "session-0003", "title": "Third", "content": "one"},
    {"op": "rename", "id": DRAFT, "title": "Renamed"},
]
STEPS = [
    Step("GET", "health/live"),
    Step("GET", "health/ready"),
    Step("GET", "health/timers"),
    Step("GET", "openapi.json"),
    Step("GET", "docs"),
    Step("GET", "persistence/me"),
    Step("POST", S, LABELLED, headers={"Idempotency-Key": "one"}),
    Step("POST", S, LABELLED, headers={"Idempotency-Key": "one"}),
    Step("POST", S, LABELLED, makes="session_id"),
    Step("GET", S, query={**LIST, **CREATED, "filter_title": "f", "filter_description": "a"}),
    Step("GET", S, query={"status": "active,deleted", "sort_by": "metadata.title", "sort_lowercase": "true"}),
    Step("GET", ONE_S),
    Step("GET", S + "/metadata/{session_id}"),
    Step("PUT", ONE_S, {"content": "two"}, headers={"Idempotency-Key": "two"}),
    Step("PUT", ONE_S, {"content": "three"}, query={"autosave": "true"}),
    Step("PATCH", ONE_S, {"title": "Second"}),
    Step("PUT", ONE_S + "/content", b"four", headers={"Content-Type": "text/plain"}),
    Step("PATCH", ONE_S + "/content", delta_of(b"five", (1, 0), b"ive"), headers=FROM_FOUR),
    Step("GET", ONE_S + "/content"),
    Step("GET", ONE_S + "/revisions"),
    Step("GET", ONE_S + "/revisions/1"),
    Step("PUT", ONE_S + "/revisions/1/name", {"name": "First"}),
    Step("DELETE", ONE_S + "/revisions/1/name"),
    Step("POST", ONE_S + "/revisions/1/restore"),
    Step("GET", ONE_S + "/validate"),
    Step("PUT", ONE_S + "/touch"),
    Step("POST", ONE_S + "/close"),
    Step("POST", ONE_S + "/reopen"),
    Step("POST", ONE_S + "/copy", {}, headers={"Idempotency-Key": "copy"}),
    Step("POST", ONE_S + "/copy", {"version": 1, "status": "draft"}),
    *2
    * [
        Step(
            "PUT",
            ONE_S,
            {"content": "five"},
            {"on_conflict": "copy"},
            {"Idempotency-Key": "stale", "If-Match": '"1-0123456789abcdef"'},
        )
    ],
    Step("PUT", ONE_D, {"title": "Draft", "content": "one", "app": "map"}),
    Step("PUT", ONE_D, {"content": "two"}),
    Step("GET", D, query=LIST),
    Step("GET", D + "/latest", query={"app": "map"}),
    Step("GET", ONE_D),
    Step("GET", "persistence/restore", query={"app": "map"}),
    Step("POST", ONE_D + "/promote"),
    Step("PUT", D + "/draft-000002", {"content": "one"}),
    Step("DELETE", D + "/draft-000002"),
    Step("POST", T + "/draft-000002/restore"),
    Step("DELETE", D + "/draft-000002"),
    Step("POST", "persistence/sync", {"mode": "atomic", "items": SYNCED}, headers={"Idempotency-Key": "four"}),
    Step("POST", "persistence/sync", {"mode": "independent", "items": SYNCED}),
    Step("GET", ONE_S + "/export"),
    Step("POST", "persistence/import", IMPORTED, {"import_id": "import-00001"}, {"Content-Type": NDJSON[0]}),
    Step("POST", "persistence/import", IMPORTED, {"import_id": "import-00001"}, {"Content-Type": NDJSON[0]}),
    Step("POST", P, {"sessionId": "{session_id}", "app": "map"}, headers={"Idempotency-Key": "three"}),
    Step("POST", P, {"sessionId": "{session_id}", "app": "map"}, headers={"Idempotency-Key": "three"}),
    Step("POST", P, LABELLED, makes="snapshot_id"),
    Step("GET", P, query={**LIST, **CREATED, "filter_title": "s"}),
    Step("GET", P, query={"sort_by": "title_lower", "page_size": "1"}),
    Step("GET", ONE_P),
    Step("GET", ONE_P, by="ben"),
    Step("GET", ONE_P + "/content", by="ben"),
    Step("GET", ONE_P + "/stats"),
    Step("GET", ONE_P + "/visitors", query={"page_size": "1"}),
    Step("GET", L, query={**LIST, **CREATED, "filter_owner_id": "ann", "filter_snapshot_deleted": "false"}),
    Step("GET", L, query={"sort_by": "visits", "filter_last_visited_from": "2020-01-01T00:00:00Z"}),
    Step("GET", "persistence/activity", query={"page_size": "1"}),
    Step("GET", "persistence/activity", query={**LIST, "action": "saved"}),
    Step("GET", "persistence/usage"),
    Step("GET", "persistence/export"),
    Step("DELETE", L + "/{snapshot_id}", by="ben"),
    Step("DELETE", L + "/{snapshot_id}"),
    Step("DELETE", ONE_P),
    Step("DELETE", ONE_P),
    Step("DELETE", L + "/{snapshot_id}"),
    Step("DELETE", ONE_S),
    Step("GET", T, query=LIST),
    Step("DELETE", T + "/{session_id}"),
    Step("DELETE", T),
    Step("DELETE", "persistence/me", headers={"Savepoint-Confirm": "ann"}),
    Step("DELETE", "persistence/me", headers={"Savepoint-Confirm": "ann"}),
]


class Driver:
    """Takes the steps. Remembers the created ids and the endpoints that were called."""

    def __init__(self, stores: Stores) -> None:
        self._client = Client(stores, DRIVEN)
        self._endpoints = endpoints(stores, DRIVEN)
        self._ids = {"draft_id": DRAFT}
        self.driven: set[tuple[str, str]] = set()

    async def take(self, step: Step) -> None:
        response = await self._send(step, step.query)
        if step.makes:
            self._ids[step.makes] = response.json
        if response.headers.get("content-type", "").startswith("application/json") and response.body:
            token = response.json.get("pageToken") if isinstance(response.json, dict) else None
            if token is not None:
                await self._send(step, {**step.query, "cursor": token})

    async def _send(self, step: Step, query: Mapping[str, str]) -> Response:
        path, body = step.route.format(**self._ids), step.body
        if isinstance(body, dict):
            body = {name: self._filled(value) for name, value in body.items()}
        for method in ("HEAD", "GET") if step.method == "GET" else (step.method,):
            response = await self._client.of(step.by).call(method, path, body, step.headers, query)
            assert response.status < 400, (step, response.status, response.body)
            self.driven.add((method, self._endpoint_of(method, path)))
        return response

    def _filled(self, value: Any) -> Any:
        return value.format(**self._ids) if isinstance(value, str) else value

    def _endpoint_of(self, method: str, path: str) -> str:
        """Returns the route that serves a path: the one with the fewest parameters."""
        matching = [
            route
            for known, route in self._endpoints
            if known == method and re.fullmatch(route.replace("{}", "[^/]+"), path)
        ]
        return min(matching, key=lambda route: route.count("{}"))

    @property
    def left(self) -> set[tuple[str, str]]:
        return self._endpoints - self.driven


async def test_no_request_asks_more_than_one_partition(engine: Engine) -> None:
    asks = Asks(engine)
    stores = stores_over(asks, DRIVEN.store_rules())
    driver = Driver(stores)
    for step in STEPS:
        asks.asked.clear()
        await driver.take(step)
        await stores.access_logs.drain()
        crossing = [query for _, query in asks.asked if query.partition is None]
        assert not crossing, f"{step.method} {step.route} queries every partition: {crossing}"
    assert not driver.left, "no step calls these endpoints"


async def test_the_recorder_sees_what_a_timer_asks_of_every_partition(engine: Engine) -> None:
    asks = Asks(engine)
    await clean_up(stores_over(asks, DRIVEN.store_rules()))
    assert [query for _, query in asks.asked if query.partition is None]
