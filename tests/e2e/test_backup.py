"""A backup of a served store under load is whole, and a server on what was restored from it shows the same."""

import asyncio
from pathlib import Path

import httpx

from tests.support.operator import operate, refused
from tests.support.sessions import sha256
from tests.support.storage import call, look_into, on_sqlite

CLIENTS = 4
Versions = dict[str, int]
"""The newest version of each session that a server acknowledged."""


async def save_all_the_time(http: httpx.AsyncClient, saved: Versions, stop: asyncio.Event) -> None:
    """Creates sessions and saves them again, one request after the other."""
    id = ""
    for number in range(1_000_000):
        if stop.is_set():
            return
        if number % 20 == 0:
            body = {"title": f"Session {number}", "description": None, "content": text_of(1)}
            response = await http.post("/sessions", json=body)
            id = response.json()
        else:
            body = {"content": text_of(saved[id] + 1)}
            response = await http.put(f"/sessions/{id}", json=body, headers={"Prefer": "return=minimal"})
        assert response.status_code in (201, 204), response.text[:500]
        saved[id] = saved.get(id, 0) + 1


def text_of(version: int) -> str:
    return f"version {version} " * 500


async def versions_over_http(http: httpx.AsyncClient, ids: Versions) -> Versions:
    """Reads sessions whole, and asserts that each has the content of its version."""
    found: Versions = {}
    for id in ids:
        response = await http.get(f"/sessions/{id}")
        assert response.status_code == 200, response.text
        metadata = response.json()["metadata"]
        found[id] = metadata["version"]
        assert response.json()["content"] == text_of(found[id])
        assert metadata["contentHash"] == sha256(text_of(found[id]))
    return found


async def test_backups_under_load_hold_all_that_was_acknowledged_before_they_began(tmp_path: Path) -> None:
    storage = on_sqlite(tmp_path / "data")
    saved: Versions = {}
    taken: list[tuple[Path, Versions]] = []
    with storage.serve() as server:
        async with call(server) as http:
            stop = asyncio.Event()
            work = [asyncio.create_task(save_all_the_time(http, saved, stop)) for _ in range(CLIENTS)]
            for number in range(2):
                await asyncio.sleep(0.3)
                backup, before = tmp_path / f"backup-{number}.db", dict(saved)
                await asyncio.to_thread(operate, "backup", tmp_path / "data", backup)
                taken.append((backup, before))
                assert sum(saved.values()) > sum(before.values()), "the server went on writing"
            said = await asyncio.to_thread(refused, "restore", tmp_path / "data", taken[0][0])
            assert "is in use" in said
            stop.set()
            await asyncio.gather(*work)
            assert await versions_over_http(http, saved) == saved, "the refused restore changed nothing"
    for number, (backup, before) in enumerate(taken):
        restored = on_sqlite(tmp_path / f"restored-{number}")
        operate("restore", tmp_path / f"restored-{number}", backup)
        stores = restored.open()
        held = (await look_into(stores.engine)).heads
        await stores.close()
        assert all(held[id].metadata.version >= version for id, version in before.items())
    with restored.serve() as server:
        async with call(server) as http:
            shown = await versions_over_http(http, before)
    assert shown == {id: held[id].metadata.version for id in before}


async def test_a_server_that_was_killed_leaves_a_store_that_can_be_restored(tmp_path: Path) -> None:
    storage, backup = on_sqlite(tmp_path / "data"), tmp_path / "backup.db"
    saved: Versions = {}
    stop = asyncio.Event()
    with storage.serve() as server:
        async with call(server) as http:
            work = asyncio.create_task(save_all_the_time(http, saved, stop))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(operate, "backup", tmp_path / "data", backup)
            stop.set()
            await work
            before = await versions_over_http(http, saved)
        server.kill()
    said = operate("restore", tmp_path / "data", backup)
    with storage.serve() as server:
        async with call(server) as http:
            later = httpx.codes.NOT_FOUND
            statuses = {(await http.get(f"/sessions/{id}")).status_code for id in saved}
            assert httpx.codes.OK in statuses and statuses <= {httpx.codes.OK, later}
    [kept] = (tmp_path / "data").glob("savepoint.before-restore-*.db")
    assert str(kept) in said
    operate("restore", tmp_path / "data", kept)
    with storage.serve() as server:
        async with call(server) as http:
            assert await versions_over_http(http, saved) == before, (
                "also what was only in the log of the killed one"
            )
