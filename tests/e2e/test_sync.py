"""Atomic sync over HTTP: all or nothing in races of two server processes, and after `kill -9`."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.activity import stored_lines
from tests.support.kills import kill_at_work
from tests.support.sessions import OWNER
from tests.support.storage import Storage, call, look_into, on_sqlite

ROUNDS, WRITERS, SESSIONS = 15, 8, 4


def id_of(number: int) -> str:
    return f"session-{number:04}"


def marking(mark: str, etags: dict[str, str] | None = None, content: str = "") -> dict[str, Any]:
    """Returns a sync that leaves a mark in every session: its title."""
    items = [
        {"op": "save", "id": id_of(number), "title": mark, "content": f"{mark} {content}"}
        | ({} if etags is None else {"ifMatch": etags[id_of(number)]})
        for number in range(SESSIONS)
    ]
    return {"mode": "atomic", "items": items}


async def begin(http: httpx.AsyncClient) -> dict[str, str]:
    """Creates the sessions, and returns their ETags."""
    items = [{"op": "create", "id": id_of(n), "title": "First", "content": "first"} for n in range(SESSIONS)]
    response = await http.post("/sync", json={"mode": "atomic", "items": items})
    assert response.status_code == 200, response.text
    return etags_of(response)


def etags_of(response: httpx.Response) -> dict[str, str]:
    return {one["id"]: one["metadata"]["etag"] for one in response.json()["items"]}


async def marks(storage: Storage) -> dict[str, set[str]]:
    """Returns for each mark the sessions that have it by their lines of activity, which no history limits.

    Asserts that nothing is half-done, and that the histories have what the lines tell.
    """
    stores = storage.open()
    found = await look_into(stores.engine, OWNER)
    lines = await stored_lines(stores.engine)
    await stores.close()
    told = {(line.subject.id, line.version): line.subject.title for line in lines}
    for head in found.heads.values():
        assert told[head.id, head.metadata.version] == head.metadata.title
        assert all(told[head.id, row.version] == row.title for row in head.revisions)
    by_mark: dict[str, set[str]] = defaultdict(set)
    for (session_id, _), title in told.items():
        by_mark[title or ""].add(session_id)
    return by_mark


async def test_rounds_of_eight_syncs_and_saves_through_two_servers(storage: Storage) -> None:
    """Of what begins at once with the same ETags, one sync is written, or some of the single saves."""
    won = {"sync": 0, "single": 0}
    with storage.serve() as one, storage.serve() as other:
        async with call(one) as first, call(other) as second:
            servers = [first, second]
            etags = await begin(first)
            for round in range(ROUNDS):
                statuses = await race(servers, round, etags)
                assert set(statuses) <= {200, 412}, statuses
                together, alone = statuses[: WRITERS // 2].count(200), statuses[WRITERS // 2 :].count(200)
                assert (together, alone) == (1, 0) or (together == 0 and 1 <= alone <= SESSIONS), statuses
                won["sync" if together else "single"] += 1
                listed = (await first.get("/sessions", params={"page_size": "40"})).json()["items"]
                titles = {each["title"] for each in listed}
                assert len(titles) == 1 or not together
                etags = {each["id"]: each["etag"] for each in listed}
    assert won["sync"] > 0, won
    everywhere = {id_of(number) for number in range(SESSIONS)}
    assert all(ids == everywhere for mark, ids in (await marks(storage)).items() if "sync" in mark)


async def race(servers: list[httpx.AsyncClient], round: int, etags: dict[str, str]) -> list[int]:
    """Sends four syncs and four single saves at once. A single save is faster, so it waits a random time."""
    barrier, draw = asyncio.Barrier(WRITERS), random.Random(round)

    async def send(number: int) -> int:
        server, mark = servers[number % 2], f"{round} {number}"
        await barrier.wait()
        if number < WRITERS // 2:
            return (await server.post("/sync", json=marking(f"{mark} sync", etags))).status_code
        await asyncio.sleep(draw.choice([0, 0.2]))
        id = id_of(number % SESSIONS)
        headers = {"If-Match": etags[id]}
        return (await server.put(f"/sessions/{id}", json={"title": mark}, headers=headers)).status_code

    return await asyncio.gather(*map(send, range(WRITERS)))


class Writer:
    """Sends one sync after the other until its server is gone."""

    def __init__(self, number: int) -> None:
        self._number, self._random = number, random.Random(number)
        self._sent = 0
        self.done: set[str] = set()
        self.unknown: set[str] = set()

    async def work(self, http: httpx.AsyncClient) -> None:
        while True:
            self._sent += 1
            mark = f"{self._number} {self._sent}"
            large = self._random.random() < 0.1
            content = self._random.randbytes(150_000).hex() if large else ""
            self.unknown.add(mark)
            try:
                response = await http.post("/sync", json=marking(mark, content=content))
            except httpx.TransportError:
                return
            self.unknown.remove(mark)
            assert response.status_code == 200, response.text
            self.done.add(mark)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [8, pytest.param(80, marks=pytest.mark.soak)])
async def test_kills_of_eight_writers_leave_each_sync_whole(tmp_path: Path, kills: int) -> None:
    """Over SQLite, where the process that is killed is the database."""
    storage = on_sqlite(tmp_path / "data")
    writers = [Writer(number) for number in range(WRITERS)]
    moments = random.Random(1)
    everywhere = {id_of(number) for number in range(SESSIONS)}
    for round in range(kills):
        with storage.serve() as server:
            async with call(server) as http:
                if round == 0:
                    await begin(http)
                await kill_at_work(server, (writer.work(http) for writer in writers), moments.uniform(0.05, 0.4))
        if round % 4 == 3:
            found = await marks(storage)
            assert set(map(len, found.values())) == {SESSIONS}, "a sync is in some sessions only"
            assert all(found[mark] == everywhere for writer in writers for mark in writer.done)
    done, unknown = (sum(len(getattr(one, name)) for one in writers) for name in ("done", "unknown"))
    assert done > kills and unknown >= kills, "hardly anything was under way when the server was killed"
    await storage.clean_up()
    stores = storage.open()
    found_at_last = await look_into(stores.engine, OWNER)
    await stores.close()
    assert found_at_last.contents == found_at_last.named, "the timer leaves contents of syncs that failed"
