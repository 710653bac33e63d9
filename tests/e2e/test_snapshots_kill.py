"""`kill -9` of servers while people create, open, forget and delete snapshots. The timer settles the rest."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from persistence import Stores
from persistence.errors import Gone
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from tests.devhost.server import DevhostServer
from tests.support.sessions import sha256
from tests.support.snapshots import stored
from tests.support.storage import Storage, call

PEOPLE = ["ann", "ben", "cleo", "dora", "eve", "fred"]
KILLS = {"sqlite": 5, "cosmos": 4}
SOAK_KILLS = 40
GRACE_SECONDS = 3
"""Longer than any request here, and short enough for the timer to find work during the load."""

Key = tuple[str, str]


@dataclass
class Ledger:
    """What people sent, and what was acknowledged. `unanswered` counts requests that a kill cut off."""

    owners: dict[str, str] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    forgetting: set[Key] = field(default_factory=set)
    opening: Counter[Key] = field(default_factory=Counter)
    opened: Counter[Key] = field(default_factory=Counter)
    creating: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0


class Person:
    """Sends one request after the other, always through the same server."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name, self._ledger = name, ledger
        self._random = random.Random(name)
        self._session = ""

    async def live(self, http: httpx.AsyncClient) -> None:
        """Acts until the server is gone."""
        try:
            while True:
                await self._act(http)
        except httpx.TransportError:
            self._ledger.unanswered += 1

    async def _act(self, http: httpx.AsyncClient) -> None:
        ledger, chance = self._ledger, self._random.random()
        mine = [id for id, owner in ledger.owners.items() if owner == self.name and id not in ledger.deleting]
        if chance < 0.15 or not ledger.owners:
            await self._create(http)
        elif chance < 0.22 and mine:
            await self._delete(http, self._random.choice(mine))
        else:
            # Recent ones, so that many visits are first visits.
            id = self._random.choice(list(ledger.owners)[-8:])
            await (self._forget(http, id) if chance > 0.95 else self._open(http, id))

    async def _create(self, http: httpx.AsyncClient) -> None:
        self._ledger.creating[self.name] += 1
        if self._random.random() < 0.5:
            body = {"title": "Sent", "description": "Words", "content": f"by {self.name}"}
        else:
            body = {"sessionId": self._session or await self._new_session(http), "description": "Words"}
        response = await http.post("/snapshots", json=body)
        assert response.status_code == 201, response.text
        self._ledger.owners[response.json()] = self.name

    async def _new_session(self, http: httpx.AsyncClient) -> str:
        body = {"title": "Session", "description": None, "content": f"by {self.name}"}
        response = await http.post("/sessions", json=body)
        assert response.status_code == 201, response.text
        self._session = response.json()
        return self._session

    async def _open(self, http: httpx.AsyncClient, id: str) -> None:
        key, gone_before = (self.name, id), id in self._ledger.deleted
        self._ledger.opening[key] += 1
        response = await http.get(f"/snapshots/{id}")
        if response.status_code == 410:
            assert id in self._ledger.deleting, "nobody sent a delete"
            return
        assert response.status_code == 200 and not gone_before, response.text
        assert response.json()["content"] == f"by {self._ledger.owners[id]}"
        self._ledger.opened[key] += 1

    async def _delete(self, http: httpx.AsyncClient, id: str) -> None:
        self._ledger.deleting.add(id)
        response = await http.delete(f"/snapshots/{id}")
        assert response.status_code == 204, response.text
        self._ledger.deleted.add(id)

    async def _forget(self, http: httpx.AsyncClient, id: str) -> None:
        self._ledger.forgetting.add((self.name, id))
        response = await http.delete(f"/snapshot_access_logs/{id}")
        assert response.status_code == 204, response.text


class Servers:
    """Two servers on one storage. When one is killed, a new one takes its place."""

    def __init__(self, storage: Storage, stack: AsyncExitStack) -> None:
        self._storage, self._stack = storage, stack
        self._running = [self._start(), self._start()]

    def _start(self) -> DevhostServer:
        return self._stack.enter_context(self._storage.serve())

    async def kill_one(self, people: list[Person], which: int, after: float) -> None:
        """Lets people act on both servers, then kills one. People on the other server are stopped."""
        clients = [
            [call(server, person.name) for person in people[n::2]] for n, server in enumerate(self._running)
        ]
        lives = [
            [asyncio.create_task(person.live(client)) for person, client in zip(people[n::2], those, strict=True)]
            for n, those in enumerate(clients)
        ]
        await asyncio.sleep(after / 2)
        await asyncio.gather(*(self.run_timer(server) for server in self._running))
        await asyncio.sleep(after / 2)
        self._running[which].kill()
        await asyncio.gather(*lives[which])
        # The others are stopped later, at a moment that does not depend on the kill.
        await asyncio.sleep(0.05)
        for life in lives[1 - which]:
            life.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*lives[1 - which])
        for client in [client for those in clients for client in those]:
            await client.aclose()
        self._running[which] = self._start()

    async def run_timer(self, server: DevhostServer) -> None:
        """Starts the timer, which runs in the background: the kill may interrupt it."""
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.post(f"{server.base_url}/admin/functions/mark_deleted_snapshot_logs")
            assert response.status_code == 202


async def kill_again_and_again(storage: Storage, kills: int) -> Ledger:
    moments = random.Random(kills)
    ledger = Ledger()
    people = [Person(name, ledger) for name in PEOPLE]
    settings = {"SETTLE_GRACE_SECONDS": str(GRACE_SECONDS), "SNAPSHOT_OPENS_PER_MINUTE": "0"}
    async with AsyncExitStack() as stack:
        servers = Servers(Storage({**storage.environ, **settings}), stack)
        for _ in range(kills):
            await servers.kill_one(people, moments.randrange(2), moments.uniform(0.3, 0.9))
    return ledger


@pytest.fixture
async def stores(storage: Storage) -> AsyncIterator[Stores]:
    """The stores of the servers, opened beside them."""
    stores = storage.open()
    yield stores
    await stores.close()


async def check_settled(stores: Stores, ledger: Ledger) -> None:
    """Asserts that everything that is stored is consistent after the timer."""
    engine = stores.engine
    snapshots = {item["id"]: Snapshot.model_validate(item) for item in await stored(engine, SNAPSHOTS, Snapshot)}
    entries = {
        (item["visitor_id"], item["id"]): AccessLog.model_validate(item)
        for item in await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    }
    visitors = [Visitor.model_validate(item) for item in await stored(engine, SNAPSHOTS, Visitor)]
    assert len(entries) > 20 and len(visitors) > 10, "there was hardly any load"

    assert ledger.owners.keys() <= snapshots.keys(), "an acknowledged snapshot is missing"
    deleted = {id for id, snapshot in snapshots.items() if snapshot.deleted_at is not None}
    assert ledger.deleted <= deleted <= ledger.deleting
    for snapshot in snapshots.values():
        assert snapshot.unsettled_at is None
    for (person, id), entry in entries.items():
        assert id in snapshots, "an entry about a snapshot that never existed"
        assert not entry.pending and entry.unsettled_at is None
        assert entry.snapshot_deleted == (id in deleted)
        assert entry.snapshot_metadata.description == (None if id in deleted else "Words")
        own = snapshots[id].owner_id == person
        assert own <= entry.visits <= own + ledger.opening[person, id]
        assert entry.first_visited_at <= entry.last_visited_at
    for visitor in visitors:
        assert visitor.snapshot_id not in deleted, "a visitor of a deleted snapshot"
        assert visitor.visits <= entries[visitor.visitor_id, visitor.snapshot_id].visits
    # Visits that wait get lost if a server is killed.
    kept = [key for key in ledger.opened if key in entries and key not in ledger.forgetting]
    assert sum(entries[key].visits for key in kept) > 0.5 * sum(ledger.opened[key] for key in kept) > 0


async def library_of(stores: Stores, person: str) -> set[str]:
    ids: set[str] = set()
    cursor: str | None = None
    while True:
        page = await stores.snapshots.page(person, page_size=100, cursor=cursor)
        ids |= {entry.snapshot_id for entry in page.items}
        if (cursor := page.cursor) is None:
            return ids


async def check_through_the_stores(stores: Stores, ledger: Ledger) -> None:
    """Asserts that lists show every acknowledged snapshot, and that what they show can be read."""
    for person in PEOPLE:
        library = await library_of(stores, person)
        acknowledged = {id for id, owner in ledger.owners.items() if owner == person}
        assert acknowledged - ledger.deleting <= library
        assert len(library - acknowledged) <= ledger.creating[person] - len(acknowledged)
        for id in library:
            snapshot, content = await stores.snapshots.get(person, id)
            assert (snapshot.owner_id, snapshot.metadata.content_hash) == (person, sha256(content.decode()))
    for id in ledger.deleted:
        with pytest.raises(Gone):
            await stores.snapshots.get("ann", id)
    await stores.access_logs.drain()


async def test_all_is_settled_whatever_was_killed(storage: Storage, stores: Stores) -> None:
    kills = KILLS[storage.environ["STORE_ENGINE"]]
    ledger = await kill_again_and_again(storage, kills)
    assert ledger.unanswered >= kills, "nothing was under way when a server was killed"
    assert ledger.deleted and ledger.forgetting
    await storage.clean_up()
    await check_settled(stores, ledger)
    await check_through_the_stores(stores, ledger)


@pytest.mark.soak
@pytest.mark.timeout(1_200)
async def test_all_is_settled_after_many_kills(storage: Storage, stores: Stores) -> None:
    ledger = await kill_again_and_again(storage, SOAK_KILLS)
    await storage.clean_up()
    await check_settled(stores, ledger)
