"""A SQLite file of format 1 is migrated when it is opened: whole or not at all, with a backup. Nothing is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_mock import MockerFixture

from persistence import open_engine
from persistence.errors import StoreUnavailable
from persistence.formats.renewal import renewed
from persistence.sessions.documents import SessionHead
from persistence.storage.sqlite import copies, migration
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.migration import BACKUP_NAME, BACKUP_SECONDS
from persistence.storage.sqlite.operations import restore
from tests.before.replay import unpack_store
from tests.devhost.server import REPOSITORY

Rows = dict[tuple[str, str, str], tuple[str, Any, Any, str]]

EVERY_KIND = {"session", "content", "idempotency", "snapshot", "visitor", "access_log"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that an earlier commit wrote."""
    unpack_store(tmp_path)
    yield tmp_path


def file_of(folder: Path) -> Path:
    return folder / "savepoint.db"


def rows(file: Path) -> Rows:
    """Returns every item with its kind, its payload and its etag."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            (table, partition, id): (kind, orjson.loads(item), payload, etag)
            for table in ("sessions", "snapshots", "snapshot_access_logs")
            for kind, partition, id, item, payload, etag in connection.execute(
                f"SELECT kind, partition, id, item, payload, etag FROM {table}"
            )
        }


def format_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)


def heads(found: Rows) -> dict[str, Any]:
    return {id: item for (_, _, id), (kind, item, *_) in found.items() if kind == "session"}


def without_twins(value: Any) -> Any:
    """Returns an item without the lower-case copies of its texts."""
    if not isinstance(value, dict):
        return value
    return {name: without_twins(inner) for name, inner in value.items() if not name.endswith("__lower")}


async def migrate(folder: Path) -> None:
    await open_engine(folder).close()


async def test_every_item_is_kept_and_every_head_is_renewed(folder: Path) -> None:
    before = rows(file_of(folder))
    assert {kind for kind, *_ in before.values()} >= EVERY_KIND
    await migrate(folder)
    after = rows(file_of(folder))
    assert format_of(file_of(folder)) == 2 and after.keys() == before.keys()
    for key, (kind, item, payload, etag) in before.items():
        assert (after[key][0], *after[key][2:]) == (kind, payload, etag)
        if kind != "session":
            assert without_twins(after[key][1]) == without_twins(item), key
    assert len(heads(before)) > 40
    for id, old in heads(before).items():
        new = heads(after)[id]
        head = SessionHead.model_validate(old)
        assert new["schema"] == 2 and len(orjson.dumps(new)) < len(orjson.dumps(old))
        assert SessionHead.model_validate(new) == head.model_copy(update={"schema_version": 2})


@pytest.mark.parametrize("damaged", ["{", '{"id": "x", "kind": "session"}', '{"id": "x", "kind": []}'])
async def test_a_damaged_item_stays_as_it_is(folder: Path, damaged: str) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        # The indexes cannot hold what is no JSON.
        every = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        for (name,) in connection.execute(every).fetchall():
            connection.execute(f'DROP INDEX "{name}"')
        values = ("ann", "x", "session", "etag", damaged)
        connection.execute("INSERT INTO sessions (partition, id, kind, etag, item) VALUES (?, ?, ?, ?, ?)", values)
    with closing(sqlite3.connect(file_of(folder))) as connection:
        migration.migrate(file_of(folder), connection, renewed)
        text = connection.execute("SELECT item FROM sessions WHERE id = 'x'").fetchone()
        assert text == (damaged,)


async def test_the_backup_is_the_file_as_it_was(folder: Path) -> None:
    before = rows(file_of(folder))
    await migrate(folder)
    backup = folder / BACKUP_NAME
    assert {path.name for path in folder.iterdir()} == {"savepoint.db", BACKUP_NAME}
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert rows(backup) == before and format_of(backup) == 1


async def test_the_backup_can_take_the_place_of_the_file(folder: Path) -> None:
    before = rows(file_of(folder))
    await migrate(folder)
    after = rows(file_of(folder))
    restore(folder, folder / BACKUP_NAME)
    assert rows(file_of(folder)) == before
    await migrate(folder)
    assert rows(file_of(folder)) == after


async def test_a_file_is_migrated_once(folder: Path, mocker: MockerFixture) -> None:
    await migrate(folder)
    after, backup = rows(file_of(folder)), (folder / BACKUP_NAME).stat()
    await migrate(folder)
    assert rows(file_of(folder)) == after and (folder / BACKUP_NAME).stat() == backup
    assert [item for item in map(renewed, heads(after).values()) if item is not None] == []


async def test_a_new_file_needs_no_migration_and_no_backup(tmp_path: Path) -> None:
    await migrate(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"savepoint.db"}
    assert format_of(file_of(tmp_path / "new")) == 2


@pytest.mark.parametrize("seconds", [BACKUP_SECONDS - 60, BACKUP_SECONDS + 1], ids=["not yet due", "due"])
async def test_the_backup_goes_after_seven_days(folder: Path, seconds: int) -> None:
    await migrate(folder)
    backup = folder / BACKUP_NAME
    written = backup.stat().st_mtime - seconds
    os.utime(backup, (written, written))
    timer = migration.remove_backup_later(folder)
    assert timer is not None
    if seconds > BACKUP_SECONDS:
        timer.join(timeout=20)
        assert not backup.exists()
    else:
        assert 0 < timer.interval <= 60 and backup.exists()
        timer.cancel()
    await migrate(folder)


KILLED = """
import os, signal, sys
from pathlib import Path
from persistence.formats.renewal import renewed
from persistence.storage.sqlite import connection, copies, migration
from persistence.storage.sqlite.engine import SqliteEngine

at, left = sys.argv[2], 40

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def renew(item):
    global left
    left -= 1
    if at == "renewing" and left == 0:
        die()
    return renewed(item)

if at == "copying":
    copies.flush = die
if at == "copied":
    migration.CONTAINERS = type("Dies", (), {"__iter__": die})()
if at == "renewed":
    connection.update_schema = die
SqliteEngine(Path(sys.argv[1]), renew)
"""


@pytest.mark.parametrize("at", ["copying", "copied", "renewing", "renewed"])
async def test_a_killed_migration_changes_nothing_and_begins_again(folder: Path, at: str) -> None:
    before = rows(file_of(folder))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), at], cwd=REPOSITORY, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert rows(file_of(folder)) == before and format_of(file_of(folder)) == 1
    await migrate(folder)
    assert format_of(file_of(folder)) == 2 and rows(file_of(folder)).keys() == before.keys()
    assert rows(folder / BACKUP_NAME) == before
    assert {path.name for path in folder.iterdir()} == {"savepoint.db", BACKUP_NAME}


OPENS = """
import asyncio, sys
from pathlib import Path
from persistence import open_engine
from persistence.storage.containers import SESSIONS

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    engine = open_engine(Path(sys.argv[1]))
    await engine.create(SESSIONS, {"id": sys.argv[2], "owner_id": "new", "kind": "thing"})
    await engine.close()

asyncio.run(main())
"""


async def test_processes_that_start_at_once_migrate_once(folder: Path) -> None:
    before = rows(file_of(folder))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENS, str(folder), f"process-{number}"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert rows(folder / BACKUP_NAME) == before, "only the first one has found something to migrate"
    assert len(rows(file_of(folder))) == len(before) + 3


async def test_a_process_waits_longer_for_a_migration_than_for_other_writers(
    folder: Path, mocker: MockerFixture
) -> None:
    mocker.patch("persistence.storage.sqlite.connection.BUSY_TIMEOUT_SECONDS", 0.05)
    other = sqlite3.connect(file_of(folder), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    mocker.patch("persistence.storage.sqlite.connection.MIGRATION_TIMEOUT_SECONDS", 0.5)
    with pytest.raises(StoreUnavailable) as refused:
        open_engine(folder)
    assert "locked" in str(refused.value.__cause__)
    other.close()
    await migrate(folder)


async def test_without_room_for_a_backup_nothing_is_migrated(folder: Path, mocker: MockerFixture) -> None:
    before = rows(file_of(folder))
    mocker.patch.object(copies, "flush", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(StoreUnavailable) as refused:
        open_engine(folder)
    assert "No space left" in str(refused.value.__cause__)
    assert rows(file_of(folder)) == before and format_of(file_of(folder)) == 1


async def test_an_engine_that_knows_no_documents_refuses_an_older_file(folder: Path) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        SqliteEngine(folder)
    assert "must be migrated first" in str(refused.value.__cause__)
    assert format_of(file_of(folder)) == 1


@pytest.mark.parametrize("text", ["{}", "[]", "5", "null", '"text"', '{"kind": []}'])
async def test_an_item_that_is_no_document_stays_and_stops_no_migration(folder: Path, text: str) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection:
        connection.execute("UPDATE sessions SET item = ? WHERE rowid = 1", (text,))
        connection.commit()
    before = rows(file_of(folder))
    await migrate(folder)
    assert format_of(file_of(folder)) == 2
    after = rows(file_of(folder))
    assert after.keys() == before.keys()
    assert orjson.loads(text) in [item for _, item, *_ in after.values()]
