"""An engine on a disk without room: contents are refused, deleting goes on, and nothing is lost."""

import asyncio
import logging
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import ItemNotFound, StorageExhausted, StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Increment, Item
from persistence.storage.sqlite import writer
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.reserve import RESERVE_BYTES, RESERVE_NAME, Reserve
from tests.support.disks import MEGABYTE, Ballast, small_disk
from tests.support.items import PARTITION, ids, thing
from tests.support.sqlite import beside

FILLED = 20
"""How many contents are stored before the disk is full."""


def content(id: str, size: int = 300_000, **fields: Any) -> Item:
    return thing(id, payload=os.urandom(size), **fields)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=48) as disk:
        yield disk


@pytest.fixture
async def engine(disk: Path) -> AsyncIterator[SqliteEngine]:
    """An engine that stores some contents, and then others take the rest of its disk."""
    opened = SqliteEngine(disk / "data")
    for n in range(FILLED):
        await opened.create(SESSIONS, content(f"item-{n}"))
    Ballast(disk).fill()
    yield opened
    await opened.close()
    with beside(disk / "data") as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def refused(write: Awaitable[object]) -> None:
    with pytest.raises(StorageExhausted):
        await write


async def fill(engine: SqliteEngine) -> list[str]:
    """Saves until there is no room. Returns the ids of what was saved."""
    saved = [f"item-{n}" for n in range(FILLED)]
    for n in range(200):
        try:
            await engine.create(SESSIONS, content(f"more-{n}"))
        except StorageExhausted:
            return sorted(saved)
        saved.append(f"more-{n}")
    raise AssertionError("the disk never got full")


async def test_a_full_disk_leaves_nothing_half_done_and_smaller_writes_go_on(engine: SqliteEngine) -> None:
    stored = await fill(engine)
    etag = await engine.create(SESSIONS, thing(n=1))
    large = content("two", 1_400_000)
    writes: list[Callable[[str], Awaitable[object]]] = [
        lambda _: engine.create(SESSIONS, large),
        lambda etag: engine.replace(SESSIONS, {**large, "id": "one"}, etag),
        lambda etag: engine.create_then_replace(SESSIONS, [large], thing(n=2), etag),
        lambda etag: engine.create_then_replace(SESSIONS, [thing("two")], {**large, "id": "one"}, etag),
        lambda _: engine.commit(
            SESSIONS, PARTITION, [Create(thing("three")), Create({**large, "payload": bytes(700_000)})]
        ),
    ]
    for write in writes:
        await refused(write(etag))
        found = await engine.read(SESSIONS, "one", PARTITION)
        assert (found.item, found.etag) == (thing(n=1), etag)
        assert await ids(engine) == sorted([*stored, "one"])
        etag = await engine.replace(SESSIONS, thing(n=1), etag)
    found = await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])
    assert found.item == thing(n=2)


async def test_everything_can_be_deleted_at_a_full_disk_and_makes_room_in_the_file(engine: SqliteEngine) -> None:
    stored = await fill(engine)
    for id in stored:
        await engine.delete(SESSIONS, id, PARTITION)
    assert await ids(engine) == []
    for id in stored:
        await engine.create(SESSIONS, content(id, 250_000))
    assert await ids(engine) == stored
    await engine.ping()


async def test_a_disk_that_the_database_filled_itself_can_be_emptied(disk: Path) -> None:
    engine = SqliteEngine(disk / "data")
    for n in range(FILLED):
        await engine.create(SESSIONS, content(f"item-{n}"))
    # Many large contents at once make the log as long as it gets.
    writes = (engine.create(SESSIONS, content(f"large-{n}", 1_400_000)) for n in range(40))
    results = await asyncio.gather(*writes, return_exceptions=True)
    saved = [f"large-{n}" for n, result in enumerate(results) if isinstance(result, str)]
    assert {type(result) for result in results} == {str, StorageExhausted} and saved
    assert set(await ids(engine)) == {*saved, *(f"item-{n}" for n in range(FILLED))}
    for id in await ids(engine):
        await engine.delete(SESSIONS, id, PARTITION)
    await engine.create(SESSIONS, content("again", 1_400_000))
    await engine.close()


async def test_a_refused_content_harms_no_deletion_that_waits_with_it(engine: SqliteEngine) -> None:
    stored = await fill(engine)
    with beside(engine._path.parent) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = [asyncio.ensure_future(engine.create(SESSIONS, content(f"new-{n}", 1_400_000))) for n in range(3)]
        writes.insert(1, asyncio.ensure_future(engine.delete(SESSIONS, stored[0], PARTITION)))  # type: ignore[arg-type]
        writes.append(asyncio.ensure_future(engine.delete(SESSIONS, "missing", PARTITION)))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
    results = await asyncio.gather(*writes, return_exceptions=True)
    kinds = [type(result) for result in results]
    assert kinds == [StorageExhausted, type(None), StorageExhausted, StorageExhausted, ItemNotFound]
    assert await ids(engine) == stored[1:]


async def test_a_full_disk_is_not_ready_until_there_is_room(
    engine: SqliteEngine, disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    stored = await fill(engine)
    for n in range(3):
        await refused(engine.create(SESSIONS, content(f"new-{n}")))
    await asyncio.sleep(0.1)
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    await engine.delete(SESSIONS, stored[0], PARTITION)
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    errors = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 1, "one line, not one per write"
    Ballast(disk).remove()
    async with asyncio.timeout(10):
        while engine._writer.is_failing:
            await asyncio.sleep(0.01)
    await engine.ping()
    assert (disk / "data" / RESERVE_NAME).stat().st_blocks * 512 == RESERVE_BYTES
    await engine.create(SESSIONS, content("new", 1_400_000))


async def test_two_processes_at_a_full_disk_both_delete(engine: SqliteEngine, disk: Path) -> None:
    second = SqliteEngine(disk / "data")
    stored = await fill(engine)
    await refused(second.create(SESSIONS, content("new", 1_400_000)))
    for number, id in enumerate(stored):
        await (engine, second)[number % 2].delete(SESSIONS, id, PARTITION)
    await second.create(SESSIONS, content("new", 1_400_000))
    await second.close()
    assert await ids(engine) == ["new"]


@pytest.mark.parametrize("ends", ["closed", "killed"])
async def test_a_start_on_a_full_disk_has_room(engine: SqliteEngine, disk: Path, ends: str) -> None:
    stored = await fill(engine)
    if ends == "closed":
        await engine.close()
    Ballast(disk).fill()
    again = SqliteEngine(disk / "data")
    with pytest.raises(StoreUnavailable):
        await again.ping()
    assert await ids(again) == stored
    await refused(again.create(SESSIONS, content("new", 1_400_000)))
    await again.delete(SESSIONS, stored[0], PARTITION)
    await again.close()


async def test_a_database_with_free_pages_gets_ready_although_the_disk_is_full(
    engine: SqliteEngine, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    stored = await fill(engine)
    for id in stored[:10]:  # 3 MB
        await engine.delete(SESSIONS, id, PARTITION)
    await asyncio.sleep(0.1)
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    for id in stored[10:]:
        await engine.delete(SESSIONS, id, PARTITION)
    async with asyncio.timeout(10):
        while engine._writer.is_failing:
            await asyncio.sleep(0.01)
    await engine.create(SESSIONS, content("new", 1_400_000))


def test_a_lack_of_room_that_sqlite_reports_as_an_io_error_is_known(disk: Path) -> None:
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    reserve = Reserve(disk)
    reserve.fill()
    assert not reserve.is_disk_full(fault)
    Ballast(disk).fill()
    assert reserve.is_disk_full(fault)
    assert not reserve.is_disk_full(sqlite3.OperationalError("another"))
    assert not reserve.is_disk_full(KeyError())
    reserve.close()


async def test_without_a_reserve_writes_go_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MEGABYTE, limits[1]))
    try:
        engine = SqliteEngine(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "No room can be kept" in caplog.text
    await engine.create(SESSIONS, content("one"))
    await engine.ping()
    await engine.close()
