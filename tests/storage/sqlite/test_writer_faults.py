"""The thread that writes: whatever happens to it, nobody waits for ever or long, and `ping` says so."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from persistence.errors import ItemChanged, StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite import statements
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.repair import Repairs
from persistence.storage.sqlite.writer import Writer
from tests.support.items import PARTITION, thing
from tests.support.sqlite import beside, on_the_writer


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
    tmp_path: Path, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SqliteEngine(tmp_path)
    # The check that begins with the engine would stand for the next one.
    for thread in threading.enumerate():
        if thread.name == "sqlite-structure":
            await asyncio.to_thread(thread.join)
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    mocker.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread"))
    place = mocker.patch.object(engine._writer._place, "check", side_effect=damage)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(engine.create(SESSIONS, thing("item-000001")), 5)
    mocker.stop(place)
    # The writer takes it after what it had to log.
    await asyncio.wait_for(engine.create(SESSIONS, thing("item-000002")), 5)
    assert "is not checked" in caplog.text and "The writer failed" not in caplog.text
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


async def test_a_log_that_others_read_is_not_waited_for_at_a_full_disk(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    engine = SqliteEngine(tmp_path)
    await engine.create(SESSIONS, thing("item-000001"))
    engine._reserve.is_short = True  # as at a full disk: each write is followed by a cut of the log
    fill = mocker.patch.object(engine._reserve, "fill")
    pragmas = mocker.spy(engine._writer, "_attempt")
    with beside(tmp_path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        await engine.create(SESSIONS, thing("item-000002"))
        reader.execute("ROLLBACK")
    asked = [call.args[0] for call in pragmas.call_args_list]
    cuts = [number for number, pragma in enumerate(asked) if pragma == "PRAGMA wal_checkpoint(TRUNCATE)"]
    assert len(cuts) == 2
    assert all(asked[cut - 1] == "PRAGMA busy_timeout=100" for cut in cuts)
    assert await on_the_writer(engine, "PRAGMA busy_timeout") == [(10_000,)]
    mocker.stop(fill)
    await engine.close()


def test_a_repair_counts_once_it_is_committed(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "file.db", isolation_level=None)) as connection:
        connection.execute(f"CREATE TABLE {SESSIONS.name} (id TEXT)")
        repairs = Repairs()
        connection.execute("BEGIN")
        repairs.repair(connection, SESSIONS, failed_at=time.monotonic())
        connection.execute("ROLLBACK")
        repairs.repair(connection, SESSIONS, failed_at=time.monotonic())
        repairs.committed(SESSIONS)
        with pytest.raises(StoreUnavailable):
            repairs.repair(connection, SESSIONS, failed_at=time.monotonic())


async def test_a_refused_write_keeps_the_repair_that_it_has_made(tmp_path: Path, mocker: MockerFixture) -> None:
    engine = SqliteEngine(tmp_path)
    await engine.create(SESSIONS, thing("item-000001"))
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    mocker.patch.object(statements, "delete", side_effect=[damage, ItemChanged(), None])
    # Stands for the indexes: a rollback would take it back, too.
    mocker.patch(
        "persistence.storage.sqlite.repair.renew_indexes",
        side_effect=lambda connection, _: connection.execute("PRAGMA user_version=99"),
    )
    committed = mocker.spy(engine._repairs, "committed")
    with pytest.raises(ItemChanged):
        await engine.delete(SESSIONS, "item-000001", PARTITION, "other")
    committed.assert_called_once_with(SESSIONS)
    assert await on_the_writer(engine, "PRAGMA user_version") == [(99,)]
    await engine.delete(SESSIONS, "item-000001", PARTITION)
    await engine.close()


async def test_a_reserve_that_cannot_be_cut_says_nothing_of_the_room(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    engine = SqliteEngine(tmp_path)
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
    cut = mocker.patch.object(engine._reserve, "_file", wraps=engine._reserve._file)
    cut.truncate.side_effect = OSError("no")
    assert not engine._reserve.is_disk_full(failure)
    mocker.stopall()
    await engine.close()
