"""What was deleted or replaced cannot be read in any file of the folder, once the log has been emptied."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite import engine as sqlite_engine
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import PARTITION, store, thing
from tests.support.sqlite import beside, files_with

SECRETS = [b"secret text", b"\x1f\x8bsecret bytes"]


def secret(id: str = "secret") -> dict[str, object]:
    """An item with text in its JSON, in an index and in its payload."""
    return thing(id, metadata={"title": "secret text"}, saved_at="secret text", payload=SECRETS[1] * 500)


async def delete_one(engine: SqliteEngine) -> None:
    await store(engine, [secret(), thing("kept")])
    await engine.delete(SESSIONS, "secret", PARTITION)


async def test_what_was_deleted_is_in_no_file(engine: SqliteEngine, folder: Path) -> None:
    await delete_one(engine)
    assert files_with(folder, SECRETS) == {"savepoint.db-wal"}
    await engine.scrub()
    assert files_with(folder, SECRETS) == set()
    assert (await engine.read(SESSIONS, "kept", PARTITION)).item == thing("kept")


async def test_what_was_replaced_is_in_no_file(engine: SqliteEngine, folder: Path) -> None:
    etag = await engine.create(SESSIONS, secret())
    await engine.scrub()
    assert files_with(folder, SECRETS) == {"savepoint.db"}
    await engine.replace(SESSIONS, thing("secret"), etag)
    await engine.scrub()
    assert files_with(folder, SECRETS) == set()


async def test_what_was_deleted_is_in_no_file_while_others_write_all_the_time(
    engine: SqliteEngine, folder: Path
) -> None:
    other = SqliteEngine(folder)
    async with writing(other), writing(engine):
        await delete_one(engine)
        await engine.scrub()
        assert files_with(folder, SECRETS) == set()
    await other.close()


@asynccontextmanager
async def writing(engine: SqliteEngine) -> AsyncIterator[None]:
    """Creates items all the time."""

    async def write() -> None:
        for number in range(1_000_000):
            await engine.create(SESSIONS, thing(f"{id(engine)}-{number}", payload=bytes(3_000)))

    task = asyncio.create_task(write())
    yield
    assert not task.done(), "a write failed"
    task.cancel()


async def test_a_reader_delays_it_and_the_next_call_does_it(
    engine: SqliteEngine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_engine, "SCRUB_SECONDS", 0.3)
    await store(engine, [thing("first")])
    with beside(folder) as reader, caplog.at_level("INFO"):
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        await delete_one(engine)
        scrubbing = asyncio.create_task(engine.scrub())
        await store(engine, [thing("meanwhile")])
        await scrubbing
        assert files_with(folder, SECRETS) == {"savepoint.db-wal"}
        assert "Deleted text stays in the log until the next timer" in caplog.text
        reader.execute("ROLLBACK")
        await engine.scrub()
    assert files_with(folder, SECRETS) == set()


async def test_it_ends_as_soon_as_the_reader_has_ended(engine: SqliteEngine, folder: Path) -> None:
    await store(engine, [thing("first")])
    with beside(folder) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        await delete_one(engine)
        scrubbing = asyncio.create_task(engine.scrub())
        await asyncio.sleep(0.3)
        assert not scrubbing.done()
        reader.execute("ROLLBACK")
        await scrubbing
    assert files_with(folder, SECRETS) == set()
