"""A real server whose files are removed, moved, shut or damaged: no save is acknowledged and then lost."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest

from tests.devhost.server import DevhostServer
from tests.support.sqlite import beside
from tests.support.storage import call, on_sqlite

NEW = {"title": "First", "description": None, "content": "one"}
SAVES = 10


async def ready(server: DevhostServer) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{server.base_url}/api/health/ready")
    assert "savepoint.db" not in response.text
    return response.status_code


async def save(http: httpx.AsyncClient) -> tuple[list[int], list[str]]:
    """Creates sessions. Returns the statuses, and the ids of those that were acknowledged."""
    responses = [await http.post("/sessions", json=NEW) for _ in range(SAVES)]
    return [one.status_code for one in responses], [one.json() for one in responses if one.status_code == 201]


async def assert_kept(http: httpx.AsyncClient, acknowledged: list[str]) -> None:
    for id in acknowledged:
        response = await http.get(f"/sessions/{id}")
        assert response.status_code == 200 and response.json()["content"] == "one", response.text


@pytest.mark.parametrize(
    ("name", "way", "ends"),
    [
        ("savepoint.db", "moved", "killed"),
        ("savepoint.db", "replaced", "stopped"),
        ("savepoint.db-wal", "moved", "killed"),
        ("savepoint.db-wal", "moved", "stopped"),
        ("savepoint.db-shm", "moved", "killed"),
        ("data", "moved", "stopped"),
        ("data", "replaced", "killed"),
    ],
)
async def test_what_was_acknowledged_is_there_after_a_restart(
    tmp_path: Path, name: str, way: str, ends: str
) -> None:
    folder = tmp_path / "data"
    lost = folder if name == "data" else folder / name
    storage = on_sqlite(folder)
    with storage.serve() as server:
        async with call(server) as http:
            statuses, acknowledged = await save(http)
            assert statuses == [201] * SAVES
            away = tmp_path / "away"
            lost.rename(away)
            if way == "replaced":
                if away.is_dir():
                    shutil.copytree(away, lost)
                else:
                    shutil.copy(away, lost)
            assert await ready(server) == 503
            statuses, late = await save(http)
            assert statuses == [503] * SAVES and late == []
            await assert_kept(http, acknowledged)
        errors = [line for line in server.stderr().splitlines() if " ERROR " in line]
        first = folder / "savepoint.db" if name == "data" else lost
        assert len(errors) == 1 and f"{first} was removed, moved or replaced" in errors[0]
        if ends == "stopped":
            server.stop()
        else:
            server.kill()
    if name in ("savepoint.db", "data"):
        # The operator puts it back.
        if lost.is_dir():
            shutil.rmtree(lost)
        away.rename(lost)
    with storage.serve() as server:
        async with call(server) as http:
            await assert_kept(http, acknowledged)
            assert await ready(server) == 200


@pytest.mark.soak
async def test_a_server_that_is_shut_out_is_not_ready_until_it_can_write_again(tmp_path: Path) -> None:
    storage = on_sqlite(tmp_path / "data")
    with storage.serve() as server:
        async with call(server) as http:
            _, acknowledged = await save(http)
            with beside(tmp_path / "data") as other:
                other.execute("BEGIN IMMEDIATE")
                assert (await http.post("/sessions", json=NEW)).status_code == 503
                assert await ready(server) == 503
                await assert_kept(http, acknowledged)
                other.execute("ROLLBACK")
            async with asyncio.timeout(30):
                while await ready(server) != 200:
                    await asyncio.sleep(0.2)


async def test_a_damaged_index_is_not_ready(tmp_path: Path) -> None:
    storage = on_sqlite(tmp_path / "data")
    with storage.serve() as server:
        async with call(server) as http:
            await save(http)
        server.stop()
    with beside(tmp_path / "data") as other:
        (root,) = other.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_sessions_1'"
        ).fetchone()
    with (tmp_path / "data" / "savepoint.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with storage.serve() as server:
        async with asyncio.timeout(10):
            while await ready(server) != 503:
                await asyncio.sleep(0.05)
