"""What makes an engine not ready: writes that fail, and a damaged structure."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite import structure, writer
from persistence.storage.sqlite.connection import connect
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.structure import Structure
from tests.support.items import PARTITION, ids, store, thing
from tests.support.sqlite import beside, on_the_writer

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def is_ready(engine: SqliteEngine) -> bool:
    try:
        await engine.ping()
    except StoreUnavailable:
        return False
    return True


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it is so. Raises TimeoutError after 10 s."""
    async with asyncio.timeout(10):
        while not await is_so():
            await asyncio.sleep(0.01)


async def test_an_engine_whose_writer_is_shut_out_is_not_ready_until_a_write_succeeds(
    engine: SqliteEngine, folder: Path
) -> None:
    await on_the_writer(engine, "PRAGMA busy_timeout=0")
    with beside(folder) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await engine.create(SESSIONS, thing())
        assert not await is_ready(engine)
        other.execute("COMMIT")
    assert not await is_ready(engine)
    await store(engine, [thing()])
    assert await is_ready(engine)


async def test_it_gets_ready_again_without_a_save(
    engine: SqliteEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    await on_the_writer(engine, "PRAGMA busy_timeout=0")
    with beside(folder) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await engine.create(SESSIONS, thing())
        await asyncio.sleep(0.1)
        assert not await is_ready(engine)
        other.execute("COMMIT")
    await eventually(lambda: is_ready(engine))
    assert await on_the_writer(engine, "PRAGMA busy_timeout") == [(10_000,)]
    assert await on_the_writer(engine, "PRAGMA user_version") == [(2,)]


async def test_a_bug_in_one_write_does_not_make_it_not_ready(engine: SqliteEngine) -> None:
    def has_bug(_: sqlite3.Connection) -> None:
        raise KeyError("title")

    with pytest.raises(KeyError):
        await engine._writer.run(has_bug)
    assert await is_ready(engine)


async def damaged(folder: Path, find: str) -> Path:
    """Makes a file with a damaged table or index. Returns a copy without the damage."""
    engine = SqliteEngine(folder)
    await store(engine, [thing(f"item-{n:03}", text="private " * 100) for n in range(200)])
    await engine.close()
    with beside(folder) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (find,)).fetchone()
    whole = shutil.copy(folder / "savepoint.db", folder / "whole.db")
    with (folder / "savepoint.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"private " * 512)
    return Path(whole)


@pytest.mark.parametrize("name", ["sessions", "sqlite_autoindex_sessions_1"])
async def test_a_damaged_structure_is_not_ready_and_named_once(
    folder: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    await damaged(folder, name)
    engine = SqliteEngine(folder)

    async def is_not_ready() -> bool:
        return not await is_ready(engine)

    await eventually(is_not_ready)
    await engine.close()
    [line] = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert line.startswith(f"The structure of {folder / 'savepoint.db'} is damaged: ")
    assert "private" not in caplog.text


@pytest.mark.parametrize("met_by", ["a read", "a list", "a write"])
async def test_damage_that_is_met_later_is_looked_for_until_it_is_repaired(
    folder: Path, met_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await damaged(folder, "sqlite_autoindex_sessions_1")
    with monkeypatch.context() as unchecked:
        unchecked.setattr(Structure, "check", lambda self: None)
        engine = SqliteEngine(folder)
    assert await is_ready(engine)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "a read": lambda: engine.read(SESSIONS, "item-001", PARTITION),
        "a list": lambda: ids(engine),
        "a write": lambda: engine.create(SESSIONS, thing()),
    }
    with pytest.raises(StoreUnavailable):
        await calls[met_by]()

    async def is_damaged() -> bool:
        return engine._structure.is_damaged

    await eventually(is_damaged)
    assert not await is_ready(engine)
    whole.replace(folder / "savepoint.db")
    engine._structure.check()

    async def is_sound() -> bool:
        return not engine._structure.is_damaged

    await eventually(is_sound)
    await engine.close()


class Long:
    """A connection whose check of the structure takes forever, as that of a large file on a slow disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.interrupt, self.close = connection.interrupt, connection.close

    def execute(self, text: str) -> Any:
        assert text == "PRAGMA quick_check(1)"
        return self._connection.execute(ENDLESS)


@pytest.fixture
def long_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "connect", lambda path: Long(connect(path)))


@pytest.mark.usefixtures("long_check")
async def test_a_check_delays_neither_the_start_nor_the_end(
    engine: SqliteEngine, caplog: pytest.LogCaptureFixture
) -> None:
    assert engine._structure._thread.is_alive()
    await store(engine, [thing()])
    assert await is_ready(engine), "what is not checked yet counts as sound"
    await engine.close()
    assert not engine._structure._thread.is_alive() and caplog.text == ""


@pytest.mark.usefixtures("long_check")
async def test_a_check_that_takes_too_long_is_stopped_and_counts_as_sound(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(structure, "CHECK_SECONDS", 0.2)
    engine = SqliteEngine(folder)
    await asyncio.to_thread(engine._structure._thread.join)
    assert "was not checked to the end: interrupted" in caplog.text
    assert await is_ready(engine)
    await engine.close()
