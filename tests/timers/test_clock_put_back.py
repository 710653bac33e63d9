"""A clock that was ahead and is right again: what it wrote stops nothing. On each engine."""

import logging
from datetime import timedelta

import pytest

from persistence import Rules, Stores, stores_over
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import SessionChange
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from tests.support import sessions as of_sessions
from tests.support.activity import stored_lines
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.engines import InSteps
from tests.support.sessions import content_ids, delete_for_good, session_store
from tests.support.snapshots import GRACE, OWNER, VISITOR, entry_of, find_snapshot, new, over, visit
from tests.support.timers import clean_up

YEAR = timedelta(days=366)
A_MOMENT = timedelta(seconds=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def lose_a_content(engine: Engine, session_id: str) -> None:
    with pytest.raises(StoreUnavailable):
        dying = session_store(Dies(InSteps(engine), at=2))
        await dying.save(OWNER, session_id, SessionChange(content=pack("lost")))


async def test_a_watermark_later_than_now_does_not_stop_the_sweep(
    engine: Engine, stores: Stores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    clock.at += YEAR
    await clean_up(stores)
    clock.at -= YEAR
    await lose_a_content(engine, head.id)
    clock.at += GRACE + A_MOMENT
    caplog.set_level(logging.WARNING)
    assert (await clean_up(stores)).contents_removed == 1
    assert await content_ids(engine) == head.content_ids
    assert "The watermark saved_at is later than now" in caplog.text
    caplog.clear()
    await lose_a_content(engine, head.id)
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).contents_removed == 1
    assert not caplog.records, "the watermark has gone back"
    assert (await engine.read(SESSIONS, "saved_at", " timers")).item["until"] < (clock.at - GRACE).isoformat()


async def test_what_was_left_to_a_timer_while_the_clock_was_ahead_is_done(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    gone = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    clock.at += YEAR
    await stores.snapshots.delete(OWNER, made.id)
    await delete_for_good(engine, gone.id)
    with pytest.raises(StoreUnavailable):
        await over(Dies(engine, at=2))[1].create(OWNER, new("Pending"))
    clock.at += GRACE + A_MOMENT - YEAR
    counts = await clean_up(stores)
    assert (counts.visitors_removed, counts.creates_settled, counts.contents_removed) == (2, 1, 1)
    row, tombstone = await entry_of(engine, VISITOR, made.id), await find_snapshot(engine, made.id)
    assert row is not None and row.snapshot_deleted
    assert tombstone is not None and tombstone.unsettled_at is None


async def test_what_was_left_less_than_the_grace_ahead_may_still_be_in_work(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    gone = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    clock.at += GRACE - A_MOMENT
    await delete_for_good(engine, gone.id)
    clock.at -= GRACE - A_MOMENT
    assert (await clean_up(stores)).contents_removed == 0


async def test_a_content_that_was_lost_while_the_clock_was_ahead_goes_with_the_next_sweep_of_its_session(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    clock.at += YEAR
    await lose_a_content(engine, head.id)
    clock.at -= YEAR
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).contents_removed == 1
    assert await content_ids(engine) == head.content_ids


async def test_a_line_that_is_missing_since_the_clock_was_ahead_is_written(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    clock.at += YEAR
    with pytest.raises(StoreUnavailable):
        dying = session_store(Dies(InSteps(engine), at=3))
        await dying.save(OWNER, head.id, SessionChange(content=pack("two")))
    clock.at -= YEAR
    assert len(await stored_lines(engine)) == 1
    await stores.sessions.delete(OWNER, head.id, purge=True)
    assert [line.action.value for line in await stored_lines(engine)] == ["created", "saved", "deleted"]


async def test_a_pass_over_old_formats_that_began_while_the_clock_was_ahead_ends(
    engine: Engine, clock: Clock
) -> None:
    stores = stores_over(engine, Rules(renew_formats=True))
    clock.at += YEAR
    await stores.timers.run("sweep_sessions")
    clock.at -= YEAR
    await stores.timers.run("sweep_sessions")
    clock.at += timedelta(days=2)
    await stores.timers.run("sweep_sessions")
    item = (await engine.read(SESSIONS, "format-2-done", " timers")).item
    assert item["until"] <= clock.at.isoformat()
