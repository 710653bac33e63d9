"""A database whose files are removed, moved or replaced under an open engine."""

import asyncio
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence.errors import StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite import writer
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import PARTITION, ids, store, thing

DATABASE, LOG, INDEX = "savepoint.db", "savepoint.db-wal", "savepoint.db-shm"


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def move(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).rename(folder / "elsewhere")

    return act


def replace(name: str) -> Callable[[Path], None]:
    """Puts a copy in the place of the file, as a restore does."""

    def act(folder: Path) -> None:
        shutil.copy(folder / name, folder / "copy")
        (folder / "copy").replace(folder / name)

    return act


def empty(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).write_bytes(b"")

    return act


def move_folder(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def remove_all(folder: Path) -> None:
    shutil.rmtree(folder)


WAYS = {
    "database removed": (DATABASE, remove(DATABASE)),
    "database moved": (DATABASE, move(DATABASE)),
    "database replaced": (DATABASE, replace(DATABASE)),
    "database emptied": (DATABASE, empty(DATABASE)),
    "log removed": (LOG, remove(LOG)),
    "log replaced": (LOG, replace(LOG)),
    "index removed": (INDEX, remove(INDEX)),
    "folder moved": (DATABASE, move_folder),
    "folder removed": (DATABASE, remove_all),
}


@pytest.mark.parametrize(("name", "act"), WAYS.values(), ids=WAYS)
async def test_nothing_is_saved_into_a_file_that_is_gone(
    engine: SqliteEngine, folder: Path, name: str, act: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    await store(engine, [thing()])
    await engine.ping()
    act(folder)
    for n in range(10):
        with pytest.raises(StoreUnavailable):
            await engine.create(SESSIONS, thing(f"lost-{n}"))
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert [line for line in said if f"{folder / name} was removed" in line] == said, "one line, not one per write"
    assert len(said) == 1


async def test_ready_notices_it_without_a_save(engine: SqliteEngine, folder: Path) -> None:
    await store(engine, [thing()])
    move(DATABASE)(folder)
    with pytest.raises(StoreUnavailable):
        await engine.ping()


@pytest.mark.parametrize("moved", [DATABASE, None], ids=["database", "folder"])
async def test_a_file_that_is_back_is_used_again(engine: SqliteEngine, folder: Path, moved: str | None) -> None:
    await store(engine, [thing()])
    here = folder if moved is None else folder / moved
    away = folder.with_name("away")
    here.rename(away)
    for n in range(2):
        with pytest.raises(StoreUnavailable):
            await engine.create(SESSIONS, thing(f"refused-{n}"))
    away.rename(here)
    await store(engine, [thing("two")])
    await engine.ping()
    # The first one found out that the file was gone only after its commit.
    assert await ids(engine) == ["one", "refused-0", "two"]


@pytest.mark.parametrize("by", ["a save", "time"])
async def test_what_only_a_removed_log_has_is_copied_into_the_database(
    engine: SqliteEngine, folder: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01 if by == "time" else 60.0)
    await store(engine, [thing("acknowledged")])
    (folder / LOG).unlink()
    if by == "a save":
        with pytest.raises(StoreUnavailable):
            await engine.create(SESSIONS, thing())

    # After a kill, what has no name is gone.
    await eventually(lambda: b"acknowledged" in (folder / DATABASE).read_bytes())


async def test_a_lost_file_is_noticed_while_nothing_is_saved(
    engine: SqliteEngine, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    await store(engine, [thing()])
    (folder / DATABASE).rename(folder / "elsewhere")
    await eventually(lambda: f"{folder / DATABASE} was removed" in caplog.text)


async def test_no_list_reads_or_creates_another_file(engine: SqliteEngine, folder: Path) -> None:
    await store(engine, [thing()])
    (folder / DATABASE).rename(folder / "elsewhere")
    with pytest.raises(StoreUnavailable):
        await ids(engine)
    assert not (folder / DATABASE).exists()


async def test_a_list_does_not_read_a_file_that_was_put_in_its_place(engine: SqliteEngine, folder: Path) -> None:
    other = SqliteEngine(folder.with_name("other"))
    await store(other, [thing("of-another")])
    await other.close()
    await store(engine, [thing()])
    for name in (LOG, INDEX):
        (folder / name).unlink()
    (folder.with_name("other") / DATABASE).replace(folder / DATABASE)
    with pytest.raises(StoreUnavailable):
        await ids(engine)


async def test_a_second_engine_of_the_process_leaves_the_locks_of_the_first(
    engine: SqliteEngine, folder: Path
) -> None:
    await store(engine, [thing()])
    second = SqliteEngine(folder)
    # Another process that closes the file last would remove the log.
    read = f"import sqlite3; c = sqlite3.connect({str(folder / DATABASE)!r}); c.execute('SELECT 1 FROM sessions')"
    subprocess.run([sys.executable, "-c", f"{read}; c.close()"], check=True)
    await store(engine, [thing("two")])
    assert await ids(engine) == ["one", "two"]
    await second.close()


async def test_several_engines_on_one_file_come_and_go(engine: SqliteEngine, folder: Path) -> None:
    for n in range(3):
        other = SqliteEngine(folder)
        await store(other, [thing(f"other-{n}")])
        await other.close()
        await store(engine, [thing(f"one-{n}")])
        await engine.ping()
    assert len(await ids(engine, partition=PARTITION)) == 6


async def eventually(is_so: Callable[[], bool]) -> None:
    """Returns once it is so. Raises TimeoutError after 10 s."""
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)
