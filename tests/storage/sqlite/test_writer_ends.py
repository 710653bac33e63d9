"""The thread that writes: whatever happens to it, nobody waits for ever, and `ping` says so."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from persistence.errors import StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.writer import Writer
from tests.support.items import thing


async def test_a_bug_of_the_writer_itself_fails_the_write_and_later_ones_succeed(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    engine = SqliteEngine(tmp_path)
    broken = mocker.patch.object(Writer, "_commit", side_effect=RuntimeError("can't start new thread"))
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(engine.create(SESSIONS, thing("item-000001")), 5)
    mocker.stop(broken)
    await asyncio.wait_for(engine.create(SESSIONS, thing("item-000001")), 5)
    await engine.close()


async def test_a_system_without_room_for_a_thread_does_not_end_the_writer(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    engine = SqliteEngine(tmp_path)
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    mocker.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread"))
    place = mocker.patch.object(engine._writer._place, "check", side_effect=damage)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(engine.create(SESSIONS, thing("item-000001")), 5)
    mocker.stop(place)
    await asyncio.wait_for(engine.create(SESSIONS, thing("item-000002")), 5)
    mocker.stopall()
    await engine.close()


async def test_a_write_after_the_end_of_the_thread_is_refused(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path)
    engine._writer._jobs.put(None)
    await asyncio.to_thread(engine._writer._thread.join)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(engine.create(SESSIONS, thing("item-000001")), 5)
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    await engine.close()
