"""No request looks through what it does not return, however much a person keeps. Calls every endpoint with GET."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from persistence import Stores, stores_over
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS
from persistence.storage.sqlite import reader
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS
from tests.support import bulk
from tests.support.http import NEW, Client, assert_ok
from tests.support.routes import endpoints, nameless

OWNER = "ann"
LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)
FEW, MANY = 30, 400
STEP = 50
"""Instructions of SQLite's virtual machine: about two rows, or eight entries of an index."""
DRIVEN = SETTINGS.model_copy(update={"show_visitors": True, "expose_charge": True, "snapshot_opens_per_minute": 0})

SESSION_SORTS = ("metadata.updated_at", "metadata.created_at", "metadata.title")
VISIT_SORTS = (
    "last_visited_at",
    "visits",
    "snapshot_metadata.title",
    "snapshot_metadata.title__lower",
    "snapshot_metadata.created_at",
)
S, P, D, L = (f"persistence/{name}" for name in ("sessions", "snapshots", "drafts", "snapshot_access_logs"))


def lists() -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the path and the query of every list in every order."""
    statuses = ("", "active", "draft", "deleted", "active,closed,draft,trashed,deleted")
    sorts = [
        *((S, {"status": status, "sort_by": sort}) for status, sort in product(statuses, SESSION_SORTS)),
        (S, {"sort_by": "metadata.title", "sort_lowercase": "true"}),
        *((P, {"sort_by": sort}) for sort in ("created_at", "title", "title_lower")),
        *((L, {"sort_by": sort}) for sort in VISIT_SORTS),
        *(
            (P + "/{snapshot_id}/visitors", {"sort_by": s})
            for s in ("visits", "last_visited_at", "first_visited_at")
        ),
    ]
    for (path, query), direction in product(sorts, ("asc", "desc")):
        yield path, {name: value for name, value in query.items() if value} | {"sort_direction": direction}


READS = [
    *(
        (path, dict[str, str]())
        for path in ("health/live", "health/ready", "health/timers", "openapi.json", "docs")
    ),
    ("persistence/me", {}),
    *lists(),
    (S + "/{session_id}", {}),
    (S + "/{session_id}/content", {}),
    (S + "/{session_id}/validate", {}),
    (S + "/{session_id}/export", {}),
    (S + "/{session_id}/revisions", {}),
    (S + "/{session_id}/revisions/{version}", {}),
    (S + "/metadata/{session_id}", {}),
    ("persistence/trash", {}),
    ("persistence/activity", {}),
    (D, {}),
    (D + "/latest", {}),
    (D + "/{draft_id}", {}),
    ("persistence/restore", {}),
    (P + "/{snapshot_id}", {}),
    (P + "/{snapshot_id}/content", {}),
]
COUNTS = {"persistence/usage": 5 + 5 + 6 + 1, P + "/{snapshot_id}/stats": 2}
"""Endpoints that count and sum what is in an index, by the entries for one thing of each kind: sessions in three
statuses and two snapshots; then bytes that are stored, kept and in the trash. Or for a visitor."""
ALL_OF_IT = {"persistence/export"}
"""Reads everything of a person, page by page."""


class Person:
    """A person with some of everything, and the costs of their requests."""

    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores = stores
        self._client, self._folder = Client(stores, DRIVEN, OWNER), folder
        self._ids = {"draft_id": "draft-000001", "version": "1"}

    async def begin(self) -> None:
        """Makes what the paths name, newer than everything else."""
        self._ids["session_id"] = assert_ok(await self._client.post(S, NEW), 201).json
        self._ids["snapshot_id"] = assert_ok(await self._client.post(P, NEW), 201).json
        assert_ok(await self._client.put(D + "/draft-000001", {"content": "one"}), 201)

    def add(self, number: int, statuses: tuple[SessionStatus, ...] = tuple(SessionStatus)) -> None:
        """Adds that many things of each kind: in each status, deleted, of others, hidden, and opened by others."""
        sessions = [bulk.session(LONG_AGO, OWNER, status) for status in statuses for _ in range(number)]
        heads = [SessionHead.model_validate(item) for [(_, item), _] in sessions]
        assert {head.status for head in heads} == set(statuses)
        others = [bulk.snapshot(LONG_AGO, f"owner {n}", [OWNER]) for n in range(number)]
        own = [bulk.snapshot(LONG_AGO, OWNER, []) for _ in range(number)]
        marked = [
            [
                (container, {**item, name: True} if container is SNAPSHOT_ACCESS_LOGS else item)
                for container, item in bulk.snapshot(LONG_AGO, OWNER, [])
            ]
            for name in ("hidden", "snapshot_deleted", "pending")
            for _ in range(number)
        ]
        visitors = [
            (container, {**item, "snapshot_id": self._ids["snapshot_id"]})
            for n in range(number)
            for container, item in bulk.snapshot(LONG_AGO, f"visitor {n} {number}", [])
            if item["kind"] == "visitor"
        ]
        placed = [*sessions, *others, *own, *marked, visitors]
        bulk.insert(self._folder, (each for items in placed for each in items))

    async def cost(self, path: str, query: dict[str, str]) -> float:
        """Returns the charge of a request, and of the next page if it is a list."""
        response = assert_ok(await self._client.get(path.format(**self._ids), **query))
        charge = float(response.headers["savepoint-request-charge"].partition(";")[0])
        await self.stores.access_logs.drain()
        is_json = response.headers["content-type"].startswith("application/json")
        token = response.json.get("pageToken") if is_json and isinstance(response.json, dict) else None
        if token is None or "cursor" in query:
            return charge
        return charge + await self.cost(path, query | {"cursor": token})


@pytest.fixture
async def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Person]:
    monkeypatch.setattr(reader, "STEP_INSTRUCTIONS", STEP)
    engine = SqliteEngine(tmp_path)
    person = Person(stores_over(engine, DRIVEN.store_rules()), tmp_path)
    await person.begin()
    person.add(FEW)
    yield person
    await engine.close()


def test_every_endpoint_that_reads_is_called(person: Person) -> None:
    called = {nameless(path) for path in (*(path for path, _ in READS), *COUNTS, *ALL_OF_IT)}
    assert called == {route for method, route in endpoints(person.stores, DRIVEN) if method == "GET"}


async def test_no_request_costs_more_among_many_things(person: Person) -> None:
    among_few = [await person.cost(path, query) for path, query in READS]
    person.add(MANY)
    # The smaller of two: what happens by time, such as noting an access, is no scan.
    among_many = [min(await person.cost(path, query), await person.cost(path, query)) for path, query in READS]
    dearer = {
        f"{path} {query}": (few, many)
        for (path, query), few, many in zip(READS, among_few, among_many, strict=True)
        if many > few * 1.3 + 10
    }
    assert not dearer


@pytest.mark.parametrize("path", COUNTS)
async def test_what_is_counted_costs_an_entry_of_an_index(person: Person, path: str) -> None:
    among_few = await person.cost(path, {})
    person.add(MANY)
    person.stores.limits.changed(OWNER)
    steps = (await person.cost(path, {}) - among_few) / 5
    assert 0 < steps <= MANY * COUNTS[path] * 10 / STEP


async def test_the_charge_tells_of_a_request_that_scans(person: Person) -> None:
    absent = {"filter_title": "nowhere"}
    among_few = await person.cost(S, absent)
    person.add(MANY)
    assert await person.cost(S, absent) > among_few + MANY * 20 / STEP


async def test_a_visitor_with_nothing_of_their_own_is_told_at_once(person: Person) -> None:
    entries = [bulk.snapshot(datetime.now(UTC) - timedelta(days=1), "owner", ["visitor"]) for _ in range(MANY)]
    bulk.insert(person._folder, (each for items in entries for each in items))
    client = Client(person.stores, DRIVEN, "visitor")
    response = assert_ok(await client.get(P))
    assert response.json["items"] == []
    assert float(response.headers["savepoint-request-charge"].partition(";")[0]) == 2.5
