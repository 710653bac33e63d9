"""Backups of the SQLite file are whole, restores take all or nothing, and both refuse what would do harm."""

import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite.connection import FILE_VERSION
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.operations import Refused, back_up, compact, restore
from tests.devhost.server import REPOSITORY
from tests.support.items import PARTITION, ids, store, thing
from tests.support.operator import command, operate, refused
from tests.support.sqlite import beside, files_with

PAGE = 4096


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "today.db"


@pytest.fixture
def writers(folder: Path) -> Iterator[None]:
    """Another process that writes all the time."""
    writer = f"""
import sqlite3
connection = sqlite3.connect({str(folder / "savepoint.db")!r}, isolation_level=None)
while True:
    connection.execute("UPDATE sessions SET payload = randomblob(100) WHERE id = 'item-000'")
    print(flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.set_blocking(process.stdout.fileno(), False)
        yield
        assert process.poll() is None and process.stdout.read(), "it did not write meanwhile"
        process.kill()


async def filled(engine: SqliteEngine, number: int = 300) -> list[str]:
    """Stores enough for several steps of a copy. Returns the ids."""
    await store(engine, [thing(f"item-{n:03}", payload=os.urandom(20_000)) for n in range(number)])
    return [f"item-{n:03}" for n in range(number)]


async def ids_in(folder: Path) -> list[str]:
    engine = SqliteEngine(folder)
    try:
        return await ids(engine)
    finally:
        await engine.close()


def pages(path: Path) -> list[bytes]:
    """The file, without the counters of changes on its first page."""
    data = path.read_bytes()
    return [data[100:PAGE], *(data[at : at + PAGE] for at in range(PAGE, len(data), PAGE))]


async def test_a_backup_ends_while_another_process_writes_all_the_time(
    engine: SqliteEngine, folder: Path, backup: Path, request: pytest.FixtureRequest
) -> None:
    stored = await filled(engine)
    request.getfixturevalue("writers")
    steps: list[tuple[str, int, int | None]] = []
    back_up(folder, backup, lambda *step: steps.append(step))
    restore(folder.parent / "other", backup)
    assert await ids_in(folder.parent / "other") == stored
    copying = [(done, total) for what, done, total in steps if what == "Copying"]
    assert len(copying) > 2 and copying == sorted(copying), "it went ahead, and never began again"
    assert copying[-1][0] == copying[-1][1] and steps[-1][0] == "Checking"


async def test_a_backup_is_one_private_file_that_needs_no_log(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    await store(engine, [thing()])
    back_up(folder, backup)
    assert [path.name for path in folder.parent.iterdir() if path != folder] == [backup.name]
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


async def test_a_backup_is_on_disk_before_it_has_its_name(
    engine: SqliteEngine, folder: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(engine, [thing()])
    flushed: list[tuple[bool, bool]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        flushed.append((Path(f"/dev/fd/{descriptor}").is_dir(), backup.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    back_up(folder, backup)
    assert flushed == [(False, False), (True, True)], "the file before it is renamed, then the folder"


async def test_an_existing_file_is_not_overwritten(engine: SqliteEngine, folder: Path, backup: Path) -> None:
    backup.write_text("kept")
    assert refused("backup", folder, backup) == f"backup: {backup} exists already: name a new file\n"
    assert backup.read_text() == "kept"
    assert "there is no folder" in refused("backup", folder, folder / "missing" / "today.db")
    assert "there is no file" in refused("backup", folder / "missing", backup.with_name("new.db"))


async def test_a_terminal_shows_the_progress_and_a_log_does_not(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    await store(engine, [thing()])
    ours, terminal = pty.openpty()
    shown = subprocess.run(
        command("backup", folder, backup), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=terminal, timeout=60
    )
    written = os.read(ours, 100_000)
    os.close(ours)
    os.close(terminal)
    assert shown.returncode == 0 and b"copied to" in shown.stdout
    assert b"Copying" in written and b"100%" in written and b"Checking" in written
    quiet = subprocess.run(command("backup", folder, folder / "next.db"), cwd=REPOSITORY, capture_output=True)
    assert (quiet.returncode, quiet.stderr) == (0, b"")


async def test_a_damaged_store_makes_no_backup(engine: SqliteEngine, folder: Path, backup: Path) -> None:
    await filled(engine)
    await engine.close()
    damage(folder / "savepoint.db")
    with pytest.raises(Refused, match="the copy is damaged"):
        back_up(folder, backup)
    assert list(folder.parent.iterdir()) == [folder]


KILLED = """
import os, signal, sys
from pathlib import Path
from persistence.storage.sqlite import operations

def progress(what, done, total):
    if (what, bool(done)) == (sys.argv[2], True) or what == sys.argv[2] == "Checking":
        os.kill(os.getpid(), signal.SIGKILL)

getattr(operations, sys.argv[1])(Path(sys.argv[3]), Path(sys.argv[4]), progress)
"""


def killed(name: str, at: str, folder: Path, file: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, name, at, str(folder), str(file)]
    assert subprocess.run(arguments, cwd=REPOSITORY, timeout=60).returncode == -signal.SIGKILL


@pytest.mark.parametrize("at", ["Copying", "Checking"])
async def test_a_killed_backup_leaves_no_file_of_its_name_and_can_be_repeated(
    engine: SqliteEngine, folder: Path, backup: Path, at: str
) -> None:
    await filled(engine)
    killed("back_up", at, folder, backup)
    assert not backup.exists()
    back_up(folder, backup)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, backup.name}, "no remnants either"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
async def test_an_interrupted_backup_removes_what_it_wrote(
    engine: SqliteEngine, folder: Path, backup: Path, error: type[BaseException] | BaseException
) -> None:
    await filled(engine)

    def interrupt(what: str, done: int, total: int | None) -> None:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        back_up(folder, backup, interrupt)
    assert list(folder.parent.iterdir()) == [folder]


async def test_a_restore_is_refused_while_the_store_is_open(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    await store(engine, [thing()])
    back_up(folder, backup)
    await store(engine, [thing("two")])
    for refusal in (refused("restore", folder, backup), refused("compact", folder)):
        assert "is in use: stop every process that serves it" in refusal
    assert await ids(engine) == ["one", "two"]
    await engine.close()
    assert sorted(path.name for path in folder.iterdir()) == ["savepoint.db"]


async def test_a_restore_keeps_the_store_as_it_was(engine: SqliteEngine, folder: Path, backup: Path) -> None:
    await store(engine, [thing()])
    back_up(folder, backup)
    await store(engine, [thing("two")])
    await engine.close()
    said = operate("restore", folder, backup)
    [kept] = folder.glob("savepoint.before-restore-*Z.db")
    assert str(kept) in said and kept.stat().st_mode & 0o777 == 0o600
    assert await ids_in(folder) == ["one"]
    assert "is kept in" in operate("restore", folder, kept)
    assert await ids_in(folder) == ["one", "two"]


async def test_a_backup_moves_to_a_folder_that_does_not_exist(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    await store(engine, [thing()])
    back_up(folder, backup)
    other = folder.parent / "new" / "place"
    assert "is kept" not in operate("restore", other, backup)
    assert other.stat().st_mode & 0o777 == 0o700
    assert [(path.name, path.stat().st_mode & 0o777) for path in other.iterdir()] == [("savepoint.db", 0o600)]
    assert await ids_in(other) == ["one"]


def damage(path: Path) -> None:
    """Overwrites a page in the middle, as a bad disk does."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE // 2 * PAGE)
        file.write(b"\xff" * PAGE)


def execute(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(text)


def delete_past_an_index(path: Path) -> None:
    """Deletes a row while the schema does not have one of the indexes, which keeps the entry."""
    execute(path, "CREATE INDEX extra ON sessions (etag)")
    execute(path, "CREATE TABLE hidden AS SELECT * FROM sqlite_master WHERE name = 'extra'")
    execute(path, "DELETE FROM sqlite_master WHERE name = 'extra'")
    execute(path, "DELETE FROM sessions WHERE id = 'item-001'")
    execute(path, "INSERT INTO sqlite_master SELECT * FROM hidden")


BROKEN = {
    "a page overwritten": (damage, "is damaged"),
    "the second half missing": (
        lambda path: os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE),
        "damaged",
    ),
    "an index with an entry too many": (delete_past_an_index, "is damaged"),
    "a text file": (lambda path: path.write_text("backup\n" * 1_000), "not a SQLite file"),
    "an empty file": (lambda path: os.truncate(path, 0), "not a store of Savepoint"),
    "the file of another program": (
        lambda path: execute(path, "DROP TABLE sessions"),
        "not a store of Savepoint",
    ),
    "a newer format": (lambda path: execute(path, f"PRAGMA user_version={FILE_VERSION + 1}"), "knows only"),
    "no file": (lambda path: path.unlink(), "there is no file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "there is no file"),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_restore_refuses_a_broken_backup_and_changes_nothing(
    engine: SqliteEngine, folder: Path, backup: Path, broken: str
) -> None:
    await filled(engine, 30)
    back_up(folder, backup)
    await engine.close()
    before = (folder / "savepoint.db").read_bytes()
    breaks, reason = BROKEN[broken]
    breaks(backup)
    with pytest.raises(Refused, match=reason):
        restore(folder, backup)
    assert list(folder.iterdir()) == [folder / "savepoint.db"]
    assert (folder / "savepoint.db").read_bytes() == before


async def test_a_restore_takes_the_place_of_a_damaged_store(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    stored = await filled(engine)
    back_up(folder, backup)
    await engine.close()
    damage(folder / "savepoint.db")
    damaged = pages(folder / "savepoint.db")
    kept = restore(folder, backup)
    assert kept is not None and pages(kept) == damaged, "it may be needed to save what is newer"
    assert await ids_in(folder) == stored


async def test_what_sqlite_cannot_open_is_left_to_the_operator(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    await store(engine, [thing()])
    back_up(folder, backup)
    await engine.close()
    (folder / "savepoint.db").write_text("lost" * 1_000)
    assert "cannot be opened" in refused("restore", folder, backup)
    assert "move it away" in refused("restore", folder, backup)
    (folder / "savepoint.db").rename(folder.parent / "aside")
    restore(folder, backup)
    assert await ids_in(folder) == ["one"]


async def test_the_store_is_not_restored_from_itself(engine: SqliteEngine, folder: Path) -> None:
    await store(engine, [thing()])
    await engine.close()
    assert "is the store itself" in refused("restore", folder, folder / ".." / "data" / "savepoint.db")


@pytest.mark.parametrize("at", ["Keeping", "Restoring"])
async def test_a_killed_restore_leaves_the_store_as_it_was(
    engine: SqliteEngine, folder: Path, backup: Path, at: str
) -> None:
    stored = await filled(engine)
    back_up(folder, backup)
    await engine.delete(SESSIONS, "item-000", PARTITION)
    await engine.close()
    killed("restore", at, folder, backup)
    for left in folder.glob("*.unfinished"):
        left.rename(folder / "savepoint.before-restore-20260101T000000Z.db.1.unfinished")  # another second's
    assert await ids_in(folder) == stored[1:]
    restore(folder, backup)
    assert await ids_in(folder) == stored
    assert not list(folder.glob("*.unfinished*"))


async def test_a_restore_that_fails_leaves_the_store_as_it_was(
    engine: SqliteEngine, folder: Path, backup: Path
) -> None:
    stored = await filled(engine)
    back_up(folder, backup)
    await engine.delete(SESSIONS, "item-000", PARTITION)
    await engine.close()

    def fail(what: str, done: int, total: int | None) -> None:
        if what == "Restoring":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        restore(folder, backup, fail)
    assert list(folder.iterdir()) == [folder / "savepoint.db"]
    assert await ids_in(folder) == stored[1:]


async def test_a_file_is_compacted_to_what_it_holds(engine: SqliteEngine, folder: Path) -> None:
    await filled(engine, 100)
    for n in range(90):
        await engine.delete(SESSIONS, f"item-{n:03}", PARTITION)
    with beside(folder) as connection:
        connection.execute("PRAGMA wal_checkpoint")
    await engine.close()
    before, after = compact(folder)
    assert after == (folder / "savepoint.db").stat().st_size < before / 5
    assert await ids_in(folder) == [f"item-{n:03}" for n in range(90, 100)]
    assert "had" in operate("compact", folder)
    assert "there is no" in refused("compact", folder / "missing")


async def test_compacting_removes_what_sqlite_left_between_the_entries_of_a_page(
    engine: SqliteEngine, folder: Path
) -> None:
    await store(engine, [thing()])
    await engine.close()
    path = folder / "savepoint.db"
    with path.open("r+b") as file:
        # SQLite leaves it there when it moves entries to another page. Here it is put there.
        file.seek(PAGE + 200)
        assert file.read(11) == bytes(11), "the space between two entries"
        file.seek(PAGE + 200)
        file.write(b"secret text")
    compact(folder)
    assert files_with(folder, [b"secret text"]) == set()
    assert await ids_in(folder) == ["one"]
