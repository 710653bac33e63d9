"""A run of the timers is killed at any write: the next run ends as a run without a fault."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from persistence import stores_over
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionChange
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Engine, Item
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS, new_cosmos_account
from tests.support import sessions as of_sessions
from tests.support.breaking import Dies
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads, InSteps
from tests.support.sessions import delete_for_good, session_store
from tests.support.snapshots import GRACE, OWNER, RETENTION, dump, load, new, over, visit
from tests.support.timers import clean_up

NewEngine = Callable[[], AbstractAsyncContextManager[Engine]]
WATERMARKS = ("saved_at", "metadata.updated_at")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


@pytest.fixture(params=["sqlite", "cosmos"])
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> NewEngine:
    """Makes empty engines of each kind in turn, as many as a test needs."""

    @asynccontextmanager
    async def of_sqlite() -> AsyncIterator[Engine]:
        engine = SqliteEngine(tmp_path / uuid4().hex)
        yield engine
        await engine.close()

    @asynccontextmanager
    async def of_cosmos() -> AsyncIterator[Engine]:
        engine = CosmosEngine(await new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))
        yield engine
        await engine.close()

    return of_sqlite if request.param == "sqlite" else of_cosmos


async def interrupted(work: Awaitable[object]) -> None:
    with pytest.raises(StoreUnavailable):
        await work


async def make_work(engine: Engine, clock: Clock) -> None:
    """Makes work for each step: items past the retention, and items past the grace."""
    stores = stores_over(engine, SETTINGS.store_rules())
    old = await stores.snapshots.create(OWNER, new("Old"), IdempotencyKey("key", "digest"))
    old_session = await stores.sessions.create(OWNER, of_sessions.new())
    await stores.snapshots.delete(OWNER, old.id)
    await delete_for_good(engine, old_session.id)
    clock.at = NOON + GRACE + timedelta(seconds=1)
    await clean_up(stores)

    clock.at = NOON + RETENTION
    expiring = await stores.snapshots.create(OWNER, new("Expiring", expires_at=clock.at + timedelta(minutes=1)))
    deleted = await stores.snapshots.create(OWNER, new("Deleted"))
    kept = await stores.snapshots.create(OWNER, new("Kept"))
    for snapshot in (expiring, deleted, kept):
        for person in ("ben", "cleo"):
            await visit(stores, person, snapshot.id)
    await stores.snapshots.delete(OWNER, deleted.id)
    for at in (2, 3):
        snapshots = over(Dies(engine, at))[1]
        if at == 2:
            await interrupted(snapshots.create(OWNER, new("Never made")))
        else:
            await snapshots.create(OWNER, new("Made, and not confirmed"))
    gone = await stores.sessions.create(OWNER, of_sessions.new(content="a"))
    await stores.sessions.save(OWNER, gone.id, SessionChange(content=pack("b")))
    await delete_for_good(engine, gone.id)
    head = await stores.sessions.create(OWNER, of_sessions.new(content="kept"))
    for content in ("lost", "lost again"):
        await interrupted(
            session_store(Dies(InSteps(engine), at=2)).save(OWNER, head.id, SessionChange(content=pack(content)))
        )
    # The save takes place, and lacks its line of activity.
    await interrupted(
        session_store(Dies(InSteps(engine), at=3)).save(OWNER, head.id, SessionChange(content=pack("untold")))
    )
    clock.at += GRACE + timedelta(hours=1)
    # From here on the clock stands, so that the results of two ways are equal.
    clock.tick = timedelta(0)


async def end_of(engine: Engine) -> dict[str, Item]:
    """Returns everything that is stored, with the watermarks."""
    marks = {f"watermark {path}": (await engine.read(SESSIONS, path, " timers")).item for path in WATERMARKS}
    return await dump(engine) | marks


async def test_a_run_that_is_killed_at_any_write_is_completed_by_the_next(
    new_engine: NewEngine, clock: Clock, request: pytest.FixtureRequest
) -> None:
    async with new_engine() as engine:
        await make_work(engine, clock)
        work = await dump(engine)
        counting = CountingReads(engine)
        counts = await clean_up(over(counting)[3], daily=True)
        writes, end = len(counting.writes), await end_of(engine)
    did = {name: getattr(counts, name) for name in counts.__slots__ if name != "skipped"}
    assert all(did.values()), f"a step had nothing to do: {did}"
    assert writes > 15

    # It takes longer over the network, so only some of the writes are tried.
    step = 1 if "sqlite" in request.node.name else 4
    for at in range(1, writes + 1, step):
        for applied in (False, True) if step == 1 else (at % 8 == 1,):
            async with new_engine() as engine:
                await load(engine, work)
                dying = Dies(engine, at, applied)
                await interrupted(clean_up(over(dying)[3], daily=True))
                assert dying.dead
                await clean_up(over(engine)[3], daily=True)
                assert await end_of(engine) == end, f"killed {'after' if applied else 'before'} write {at}"


async def test_a_run_that_is_killed_again_and_again_comes_to_an_end(new_engine: NewEngine, clock: Clock) -> None:
    async with new_engine() as engine:
        await make_work(engine, clock)
        work = await dump(engine)
        await clean_up(over(engine)[3], daily=True)
        end = await end_of(engine)
    async with new_engine() as engine:
        await load(engine, work)
        deaths = 0
        for _ in range(100):
            dying = Dies(engine, at=3, applied=True)
            try:
                await clean_up(over(dying)[3], daily=True)
                break
            except StoreUnavailable:
                deaths += 1
        else:
            pytest.fail("each run undid the run before")
        assert deaths > 5
        assert await end_of(engine) == end
