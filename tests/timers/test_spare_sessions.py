"""Active and closed sessions are permanent: no timer ever changes one."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.errors import Gone, IllegalMove, StoreUnavailable
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sessions.edits import EDITABLE
from persistence.sessions.revisions import SessionAction
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine, Item
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS
from tests.support import bulk
from tests.support.breaking import Dies
from tests.support.clock import NOON, Clock
from tests.support.drafts import draft
from tests.support.engines import InSteps
from tests.support.sessions import OWNER, assert_sound, new, saving, session_store, stored_heads
from tests.support.timers import clean_up, purge

REPOSITORY = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024
STEPS = 80
PERMANENT = frozenset({SessionStatus.ACTIVE, SessionStatus.CLOSED})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def do_anything(stores: Stores, random: Random, clock: Clock) -> None:
    """Does anything that people do with sessions and drafts, for two months. Some of it is interrupted."""
    ids = [f"anything-{number:03}" for number in range(14)]
    for id in ids:
        await stores.drafts.put(OWNER, id, draft(f"first of {id}"))
    ids += [(await stores.sessions.create(OWNER, new(content=f"session {n}"))).id for n in range(4)]
    for step in range(STEPS):
        try:
            await do_something(stores, random, random.choice(ids), f"step {step}")
        except (IllegalMove, Gone, StoreUnavailable):
            pass
        clock.advance(days=random.choice([0, 0, 0.0001, 1, 3]))


async def do_something(stores: Stores, random: Random, id: str, text: str) -> None:
    sessions, dying = stores.sessions, session_store(Dies(InSteps(stores.engine), at=2))
    choices: list[tuple[int, Callable[[], Awaitable[Any]]]] = [
        (4, lambda: sessions.save(OWNER, id, saving(text))),
        (6, lambda: sessions.save(OWNER, id, saving(text), autosave=True)),
        (2, lambda: sessions.save(OWNER, id, SessionChange(title=text))),
        (2, lambda: dying.save(OWNER, id, saving(text))),
        (2, lambda: sessions.restore(OWNER, id, 1)),
        (2, lambda: sessions.touch(OWNER, id)),
        (5, lambda: sessions.move(OWNER, id, SessionAction.PROMOTED)),
        (3, lambda: sessions.move(OWNER, id, SessionAction.CLOSED)),
        (1, lambda: sessions.move(OWNER, id, SessionAction.REOPENED)),
        (1, lambda: sessions.delete(OWNER, id)),
        (1, lambda: stores.drafts.discard(OWNER, id, purge=True)),
        (1, lambda: stores.trash.restore(OWNER, id)),
    ]
    [(_, chosen)] = random.choices(choices, [weight for weight, _ in choices])
    await chosen()


async def permanent(engine: Engine) -> dict[str, tuple[Item, str]]:
    """Returns the head and contents of every active and closed session, with the etags of the items."""
    found = {}
    for head in await stored_heads(engine):
        if head.status in PERMANENT:
            for id in (head.id, *head.content_ids):
                stored = await engine.read(SESSIONS, id, OWNER)
                found[id] = (stored.item, stored.etag)
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_active_and_closed_sessions_outlive_every_timer_byte_by_byte(
    engine: Engine, clock: Clock, seed: int
) -> None:
    random = Random(seed)
    stores = stores_over(engine, SETTINGS.store_rules())
    await do_anything(stores, random, clock)
    before = await permanent(engine)
    statuses = {head.status for head in await stored_heads(engine)}
    assert statuses == {*SessionStatus}, "nothing to choose from"
    for _ in range(6):
        clock.advance(days=random.choice([0.02, 1, 31, 400, 4_000]))
        await purge(stores)
        await clean_up(stores)
        assert await permanent(engine) == before
    clock.advance(days=400)
    await purge(stores)
    for _ in range(2):
        clock.advance(days=400)
        await clean_up(stores, daily=True)
    assert await permanent(engine) == before
    left = await stored_heads(engine)
    assert {head.status for head in left} <= PERMANENT, "drafts, trash and tombstones are removed"
    await assert_sound(engine)
    await assert_usable(stores, left)


async def assert_usable(stores: Stores, heads: list[SessionHead]) -> None:
    for head in heads:
        opened = await stores.sessions.get(OWNER, head.id)
        assert opened.content is not None and opened.head.metadata.etag == head.metadata.etag
        if head.status in EDITABLE:
            await stores.sessions.save(OWNER, head.id, saving("after all these years"))


PURGE_ALL = """
import asyncio, sys
from pathlib import Path
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.snapshots import over
from tests.support.timers import run_daily

async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    print(await run_daily(over(engine)[3]))
    await engine.close()

asyncio.run(main())
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


async def purge_within(tmp_path: Path, drafts: int, megabytes: int) -> None:
    """Purges that many stale drafts of many people, beside the same number of active sessions."""
    folder = tmp_path / "data"
    await SqliteEngine(folder).close()
    owners = [f"person {number % 100}" for number in range(drafts)]
    stale = [bulk.session(NOON, owner, SessionStatus.DRAFT) for owner in owners]
    active = [bulk.session(NOON, owner) for owner in owners]
    bulk.insert(folder, [item for items in stale + active for item in items])
    # In a separate process, to measure its memory alone.
    command = [sys.executable, "-c", PURGE_ALL, str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert f"drafts purged {drafts}, spared 0, trash purged 0, reservations_forgotten 0" in done.stdout
    kilobytes = int(done.stdout.split("VmHWM:")[1].split()[0])
    assert kilobytes * 1024 < megabytes * MEGABYTE

    engine = SqliteEngine(folder)
    for owner in sorted(set(owners))[:3]:
        heads = await stored_heads(engine, owner)
        statuses = [head.status for head in heads]
        assert statuses.count(SessionStatus.ACTIVE) == statuses.count(SessionStatus.DELETED) == drafts // 100
    await engine.close()


async def test_1_000_stale_drafts_are_purged_within_128_mb(tmp_path: Path) -> None:
    await purge_within(tmp_path, 1_000, 128)


@pytest.mark.soak
async def test_10_000_stale_drafts_are_purged_within_512_mb(tmp_path: Path) -> None:
    await purge_within(tmp_path, 10_000, 512)
