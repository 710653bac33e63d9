"""A real server on a small disk that gets full: saves are refused, deletions are not, and nothing is lost."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.health import ASK_SECONDS
from tests.devhost.server import DevhostServer
from tests.support.disks import Ballast, small_disk
from tests.support.sessions import OWNER
from tests.support.storage import Storage, call, look_into, on_sqlite

NEW = {"title": "First", "description": None}
SESSIONS = 8


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=40) as disk:
        yield disk


def incompressible(number: int) -> str:
    """Returns a text that gzip cannot shrink to less than 100 KB."""
    return random.Random(number).randbytes(100_000).hex()


async def ready(server: DevhostServer) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{server.base_url}/api/health/ready")
    assert "savepoint.db" not in response.text and "disk" not in response.text
    return response.status_code


async def create(http: httpx.AsyncClient, path: str, number: int) -> httpx.Response:
    return await http.post(path, json={**NEW, "content": incompressible(number)})


async def fill(http: httpx.AsyncClient, disk: Path) -> list[str]:
    """Creates some sessions, lets others take the rest of the disk, and creates more until one is refused. Returns
    the ids of those that were created."""
    created: list[str] = []
    while True:
        response = await create(http, "/sessions", len(created))
        if response.status_code != 201:
            assert_exhausted(response)
            return created
        created.append(response.json())
        if len(created) == SESSIONS:
            Ballast(disk).fill()


def assert_exhausted(response: httpx.Response) -> None:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["error"]["type"]) == (507, "storage_exhausted"), response.text
    assert (problem["retryAfter"], response.headers["retry-after"]) == (30, "30")
    assert "sqlite" not in response.text.lower()


async def test_deleting_of_every_kind_works_at_a_full_disk_and_nothing_is_lost(disk: Path) -> None:
    storage = on_sqlite(disk / "data")
    with storage.serve() as server:
        async with call(server) as http:
            snapshots = [(await create(http, "/snapshots", n)).json() for n in range(2)]
            drafts = [f"draft-{n:06}" for n in range(2)]
            for n, id in enumerate(drafts):
                assert (await http.put(f"/drafts/{id}", json={"content": incompressible(n)})).status_code == 201
            sessions = await fill(http, disk)
            assert await ready(server) == 503
            for response in (
                await create(http, "/snapshots", 9),
                await http.put(f"/sessions/{sessions[0]}", json={"content": incompressible(9)}),
                await http.put(f"/drafts/{drafts[0]}", json={"content": incompressible(9)}),
                await http.post(f"/sessions/{sessions[0]}/copy", json={"title": "Copy"}),
            ):
                assert_exhausted(response)
            kept = {id: (await http.get(f"/sessions/{id}")).json()["content"] for id in sessions}
            assert kept == {id: incompressible(n) for n, id in enumerate(sessions)}
            deletions = [
                await http.put(f"/sessions/{sessions[0]}", json={"title": "Renamed"}),
                await http.delete(f"/sessions/{sessions[1]}"),
                await http.delete(f"/sessions/{sessions[1]}", params={"purge": "true"}),
                await http.delete(f"/sessions/{sessions[2]}", params={"purge": "true"}),
                await http.delete(f"/drafts/{drafts[0]}"),
                await http.delete(f"/drafts/{drafts[1]}", params={"purge": "true"}),
                await http.delete(f"/snapshots/{snapshots[0]}"),
                await http.delete(f"/sessions/{sessions[3]}"),
                await http.post(f"/trash/{sessions[3]}/restore"),
            ]
            assert {response.status_code for response in deletions} <= {200, 204}, deletions
        server.kill()
    with storage.serve() as server:
        assert await ready(server) == 503
        async with call(server) as http:
            for number, id in enumerate(sessions):
                response = await http.get(f"/sessions/{id}")
                assert response.status_code == (410 if number in (1, 2) else 200)
                assert response.status_code == 410 or response.json()["content"] == incompressible(number)
            erased = await http.delete("/me", headers={"Savepoint-Confirm": OWNER})
            assert erased.status_code == 200 and erased.json()["done"], erased.text
            # What was erased made room in the file, not on the disk.
            assert (await create(http, "/sessions", 1)).status_code == 201
            await asyncio.sleep(ASK_SECONDS)
            assert await ready(server) == 200


async def test_what_is_deleted_makes_room_for_saves_although_the_disk_is_full(disk: Path) -> None:
    storage = Storage({**on_sqlite(disk / "data").environ, "TRASH_RETENTION_DAYS": "0"})
    with storage.serve() as server:
        async with call(server) as http:
            sessions = await fill(http, disk)
            for id in sessions:
                assert (await http.delete(f"/sessions/{id}")).status_code == 204
        await storage.clean_up()
        async with call(server) as http:
            for n in range(len(sessions) - 2):  # what is left of each takes some room, too
                assert (await create(http, "/sessions", n)).status_code == 201
            assert await ready(server) == 200
    stores = storage.open()
    found = await look_into(stores.engine)
    await stores.close()
    assert found.contents == found.named
