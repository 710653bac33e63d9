"""The additional promises of the SQLite engine: durable, private, shared by processes, safe to open."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import StoreUnavailable
from persistence.storage.charge import metered
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite import connection as sqlite_connection
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import PARTITION, ids, store, thing
from tests.support.sqlite import beside, on_the_writer
from tests.support.verbs import LISTS, Verb, every_read, every_verb, every_write

REPOSITORY = Path(__file__).resolve().parents[3]


async def test_an_answer_waits_for_the_disk(engine: SqliteEngine) -> None:
    assert await on_the_writer(engine, "PRAGMA journal_mode") == [(b"wal",)]
    assert await on_the_writer(engine, "PRAGMA synchronous") == [(2,)]  # FULL


async def test_what_is_deleted_is_overwritten_wherever_sqlite_was_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    opened: list[sqlite3.Connection] = []

    def built_without(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.execute("PRAGMA secure_delete=OFF")
        opened.append(connection)
        return connection

    monkeypatch.setattr(sqlite3, "connect", built_without)
    engine = SqliteEngine(folder)
    await ids(engine)
    used = [connection for connection in opened if connection in (engine._writer._connection, *engine._readers)]
    settings = [connection.execute("PRAGMA secure_delete").fetchone() for connection in used]
    await engine.close()
    assert settings == [(1,)] * 3, "the connections of the writer, of the reader and of a list"


async def test_a_connection_that_does_not_wait_for_the_disk_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    monkeypatch.setattr(sqlite_connection, "connect", hasty)
    with pytest.raises(StoreUnavailable) as refused:
        SqliteEngine(folder)
    assert "would not be durable" in str(refused.value.__cause__)


async def test_a_file_system_without_wal_is_refused() -> None:
    # SQLite in memory does not support WAL either.
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(sqlite3.OperationalError, match="cannot do WAL"):
            sqlite_connection.use_wal(connection)


async def test_the_first_opening_waits_for_another_one_that_changes_the_file(folder: Path) -> None:
    folder.mkdir()
    with beside(folder) as other:
        other.execute("CREATE TABLE something (x)")
        other.execute("BEGIN EXCLUSIVE")
        opening = asyncio.get_running_loop().run_in_executor(None, SqliteEngine, folder)
        await asyncio.sleep(0.2)
        assert not opening.done()
        other.execute("COMMIT")
        engine = await opening
    await store(engine, [thing()])
    await engine.close()


async def test_the_folder_and_its_files_are_private_whatever_the_umask(folder: Path) -> None:
    umask = os.umask(0)
    try:
        engine = SqliteEngine(folder)
        await store(engine, [thing()])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
        await engine.close()
    finally:
        os.umask(umask)
    private = dict.fromkeys(["savepoint.db", "savepoint.db-wal", "savepoint.db-shm", "savepoint.reserve"], 0o600)
    assert modes == {folder.name: 0o700} | private


async def test_a_newer_file_is_refused_and_left_alone(folder: Path) -> None:
    await SqliteEngine(folder).close()
    with beside(folder) as other:
        other.execute("PRAGMA user_version=3")
        with pytest.raises(StoreUnavailable) as refused:
            SqliteEngine(folder)
        assert str(refused.value.__cause__) == (
            f"{folder / 'savepoint.db'} has format 3, but this program knows only 2: start a newer one"
        )
        # Although the exception still exists, it keeps no lock.
        other.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        assert other.execute("PRAGMA user_version").fetchone() == (3,)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    path = folder / "savepoint.db"
    path.write_bytes(b"not a database " * 1000)
    with pytest.raises(StoreUnavailable) as refused:
        SqliteEngine(folder)
    assert isinstance(refused.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == b"not a database " * 1000


async def test_damage_makes_reads_unavailable_and_nothing_worse(folder: Path) -> None:
    engine = SqliteEngine(folder)
    await store(engine, [thing(f"item-{n:03}", text="x" * 3000) for n in range(100)])
    await engine.close()
    path = folder / "savepoint.db"
    pages = bytearray(path.read_bytes())
    # Not the first pages, which hold the definitions of the tables.
    pages[len(pages) // 2 :] = b"\xff" * (len(pages) - len(pages) // 2)
    path.write_bytes(pages)
    engine = SqliteEngine(folder)
    reads = await asyncio.gather(
        *(engine.read(SESSIONS, f"item-{n:03}", PARTITION) for n in range(100)),
        *(verb(engine) for verb in LISTS.values()),
        return_exceptions=True,
    )
    failed = [result for result in reads if isinstance(result, BaseException)]
    assert failed and {type(error) for error in failed} == {StoreUnavailable}
    assert all(isinstance(error.__cause__, sqlite3.DatabaseError) for error in failed)
    await engine.close()


@pytest.mark.parametrize("obstacle", ["a file for the folder", "a file above it", "a folder for the file"])
async def test_a_place_that_cannot_be_used_is_unavailable(folder: Path, obstacle: str) -> None:
    target = folder / "below" if obstacle == "a file above it" else folder
    if obstacle == "a folder for the file":
        (folder / "savepoint.db").mkdir(parents=True)
    else:
        folder.write_text("in the way")
    with pytest.raises(StoreUnavailable) as refused:
        SqliteEngine(target)
    assert isinstance(refused.value.__cause__, OSError | sqlite3.Error)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write to read-only folders")
async def test_a_read_only_folder_is_unavailable(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreUnavailable):
        SqliteEngine(folder)


@every_write
async def test_a_file_that_became_read_only_is_unavailable_to_writes(engine: SqliteEngine, verb: Verb) -> None:
    await store(engine, [thing()])
    engine._writer._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(StoreUnavailable) as failed:
        await verb(engine)
    assert "readonly" in str(failed.value.__cause__)
    assert await ids(engine) == ["one"]


@every_verb
async def test_every_verb_turns_the_drivers_fault_into_ours(engine: SqliteEngine, verb: Verb) -> None:
    await store(engine, [thing()])
    with beside(engine._path.parent) as other:
        other.execute("DROP TABLE sessions")
    engine._reader.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)  # for ping, which reads none of our tables
    with pytest.raises(StoreUnavailable) as failed:
        await verb(engine)
    assert isinstance(failed.value.__cause__, sqlite3.Error)


@every_write
async def test_a_locked_database_is_unavailable_after_the_busy_timeout(
    folder: Path, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    monkeypatch.setattr(sqlite_connection, "BUSY_TIMEOUT_SECONDS", 0.1)
    engine = SqliteEngine(folder)
    etag = await engine.create(SESSIONS, thing())
    with beside(folder) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as failed:
            await verb(engine)
        assert "locked" in str(failed.value.__cause__)
        assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag
        other.execute("COMMIT")
    await engine.replace(SESSIONS, thing(n=1), etag)
    await engine.close()


async def test_opening_a_locked_database_is_unavailable_after_the_busy_timeout(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_connection, "BUSY_TIMEOUT_SECONDS", 0.1)
    await SqliteEngine(folder).close()
    with beside(folder) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            SqliteEngine(folder)
        other.execute("COMMIT")
    await SqliteEngine(folder).close()


@every_read
async def test_reads_do_not_wait_for_a_writer(engine: SqliteEngine, verb: Verb) -> None:
    await store(engine, [thing()])
    with beside(engine._path.parent) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM sessions")
        async with asyncio.timeout(2):
            await verb(engine)
        other.execute("ROLLBACK")


async def test_the_charge_is_an_estimate_and_says_so(engine: SqliteEngine) -> None:
    with metered() as charge:
        await engine.create(SESSIONS, thing())
        await engine.read(SESSIONS, "one", PARTITION)
        await ids(engine)
    assert charge.estimated and charge.calls == 3
    assert 5 < charge.request_units < 12
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    with metered() as of_both:
        etag = await engine.create_then_replace(SESSIONS, [thing("two")], thing(), etag)
    with metered() as of_each:
        await engine.create(SESSIONS, thing("six"))
        await engine.replace(SESSIONS, thing(), etag)
    assert (of_both.calls, of_both.request_units) == (of_each.calls, of_each.request_units)


PROCESS = """
import asyncio, sys, time
from pathlib import Path
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Increment
from persistence.storage.sqlite.engine import SqliteEngine

async def main(folder, name, times):
    print("ready", flush=True)
    sys.stdin.readline()
    engine = SqliteEngine(Path(folder))
    await engine.create(SESSIONS, {"id": name, "owner_id": "ann", "kind": "thing"})
    try:
        await engine.create(SESSIONS, {"id": "shared", "owner_id": "ann", "kind": "thing"})
        print("created", flush=True)
    except Exception as exc:
        print(type(exc).__name__, flush=True)
    for _ in range(int(times)):
        await asyncio.gather(*(engine.patch(SESSIONS, "shared", "ann", [Increment("n")]) for _ in range(5)))
    await engine.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_open_a_new_file_at_once_and_lose_no_write(folder: Path) -> None:
    names = [f"process-{n}" for n in range(4)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(folder), name, "10"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(output for [output] in outputs) == ["ItemExists"] * 3 + ["created"]
    engine = SqliteEngine(folder)
    assert await ids(engine) == [*names, "shared"]
    assert (await engine.read(SESSIONS, "shared", PARTITION)).item["n"] == 200
    await engine.close()
