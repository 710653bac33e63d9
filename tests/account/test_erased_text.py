"""Text that was erased, or removed by a timer, can be read in no file of a SQLite store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence import Stores, stores_over
from persistence.content import pack
from persistence.storage.sqlite import engine as sqlite_engine
from persistence.storage.sqlite.engine import SqliteEngine
from settings import Settings
from tests.support.http import NEW, SESSIONS, Client, assert_ok
from tests.support.sessions import settled
from tests.support.sqlite import beside, files_with

PROMPT = Settings.from_environ(
    {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "SETTLE_GRACE_SECONDS": "0", "TRASH_RETENTION_DAYS": "0"}
)
SNAPSHOTS = "persistence/snapshots"
TITLE, ABOUT, DEVICE = "Private title", "Private description", "Private device"
TEXT = "Private content " * 50


def erasable() -> list[bytes]:
    """What nobody may read afterwards: texts of heads, indexes and lines, and contents as they are stored."""
    contents = [pack(text).payload for text in (TEXT, f"{TEXT}2", f"{TEXT}3")]
    return [TITLE.encode(), ABOUT.encode(), DEVICE.encode(), *contents]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def prompt(folder: Path) -> AsyncIterator[Stores]:
    """Stores whose timers remove at once."""
    stores = stores_over(SqliteEngine(folder), PROMPT.store_rules())
    yield stores
    await stores.close()


async def keep_something(client: Client) -> str:
    """Stores a session with a history, and a snapshot. Returns the session's id."""
    body = {"title": TITLE, "description": ABOUT, "content": TEXT}
    id: str = assert_ok(await client.post(SESSIONS, body | {"deviceInfo": DEVICE}), 201).json
    assert_ok(await client.put(f"{SESSIONS}/{id}", {"content": f"{TEXT}2"}), 200)
    assert_ok(await client.post(SNAPSHOTS, body | {"content": f"{TEXT}3"}), 201)
    assert_ok(await client.of("other").post(SESSIONS, NEW), 201)
    await settled()
    return id


async def erase(client: Client) -> None:
    answer = await client.delete("persistence/me", {"savepoint-confirm": client.user})
    assert assert_ok(answer).json["done"]


async def test_erased_text_is_in_no_file(prompt: Stores, folder: Path) -> None:
    client = Client(prompt, PROMPT)
    await keep_something(client)
    await erase(client)
    assert files_with(folder, erasable()), "a response does not wait for it"
    await settled()
    assert files_with(folder, erasable()) == set()


async def test_what_a_timer_removed_is_in_no_file(prompt: Stores, folder: Path) -> None:
    client = Client(prompt, PROMPT)
    id = await keep_something(client)
    assert_ok(await client.delete(f"{SESSIONS}/{id}"), 204)
    await settled()
    of_session = [pack(TEXT).payload, pack(f"{TEXT}2").payload]
    assert files_with(folder, of_session)
    await prompt.timers.run("sweep_sessions")
    assert files_with(folder, of_session) == set()


async def test_what_a_reader_keeps_goes_with_the_next_timer_although_that_finds_nothing(
    prompt: Stores, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_engine, "SCRUB_SECONDS", 0.2)
    client = Client(prompt, PROMPT)
    await keep_something(client)
    with beside(folder) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        await erase(client)
        await prompt.timers.run("mark_deleted_snapshot_logs")
        await settled()
        assert files_with(folder, erasable()) >= {"savepoint.db-wal"}
        reader.execute("ROLLBACK")
    counts = await prompt.timers.run("purge_stale_drafts")
    assert not any(counts.as_dict().values())
    assert files_with(folder, erasable()) == set()
