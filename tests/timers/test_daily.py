"""Deletion by days: a clock that is a year ahead once, or goes back, deletes nothing. On each engine."""

import logging
from datetime import timedelta
from typing import get_args

import pytest

from persistence import Stores
from persistence.activity.store import ActivityStore
from persistence.idempotency import IdempotencyKey
from persistence.kind import TimerName
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.timers.daily import DAILY, DailyRuns
from tests.support import sessions as of_sessions
from tests.support.clock import NOON, Clock
from tests.support.drafts import DRAFT, draft
from tests.support.engines import CountingReads
from tests.support.snapshots import OWNER, damage, dump, new, over
from tests.support.timers import clean_up, run_daily

DAY, YEAR = timedelta(days=1), timedelta(days=366)
A_MOMENT = timedelta(seconds=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def make_everything_that_goes_by_days(stores: Stores) -> None:
    await stores.drafts.put(OWNER, DRAFT, draft("one"))
    trashed = await stores.sessions.create(OWNER, of_sessions.new(), IdempotencyKey("key", "digest"))
    await stores.sessions.delete(OWNER, trashed.id)
    purged = await stores.sessions.create(OWNER, of_sessions.new())
    await stores.sessions.delete(OWNER, purged.id, purge=True)
    await stores.snapshots.create(OWNER, new("Expiring", expires_at=NOON + timedelta(days=300)))
    deleted = await stores.snapshots.create(OWNER, new("Deleted"))
    await stores.snapshots.delete(OWNER, deleted.id)
    await stores.access_logs.drain()


async def everything(stores: Stores) -> tuple[object, ...]:
    page = await ActivityStore(stores.engine).page(OWNER, page_size=100)
    return await dump(stores.engine), page.items


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_year_ahead_deletes_nothing_once_and_the_next_run_goes_on(
    stores: Stores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await make_everything_that_goes_by_days(stores)
    clock.at += timedelta(hours=1)
    await clean_up(stores, daily=True)
    before = await everything(stores)
    clock.at += YEAR
    for name in get_args(TimerName):
        await stores.timers.run(name)
    assert await everything(stores) == before
    (error,) = errors(caplog)
    assert f"its last run was at {NOON:%Y-%m-%dT13:00:00}" in error and f"it is {clock.at:%Y-%m-%dT}" in error
    clock.at += DAY
    counts = await stores.timers.run(DAILY)
    assert counts["drafts purged"] == counts["trash purged"] == counts["snapshots_expired"] == 1
    assert counts["tombstones_forgotten"] == 2 and counts["reservations_forgotten"] == 1
    assert counts["activity_forgotten"] == 8
    assert len(errors(caplog)) == 1


async def test_after_the_clock_was_corrected_the_first_run_deletes_nothing_and_the_next_goes_on(
    stores: Stores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await make_everything_that_goes_by_days(stores)
    await run_daily(stores)
    clock.at += YEAR
    await stores.timers.run(DAILY)
    clock.at -= YEAR
    before = await everything(stores)
    clock.at += timedelta(hours=25)
    await stores.timers.run(DAILY)
    assert await everything(stores) == before
    assert len(errors(caplog)) == 2
    clock.at += DAY
    assert (await stores.timers.run(DAILY))["reservations_forgotten"] == 1
    assert len(errors(caplog)) == 2


@pytest.mark.parametrize(
    ("after", "trusted"),
    [
        (timedelta(), True),
        (DAY, True),
        (timedelta(days=2), True),
        (timedelta(days=2) + A_MOMENT, False),
        (-A_MOMENT, True),
        (-timedelta(hours=1) - A_MOMENT, False),
    ],
)
async def test_a_run_within_two_days_of_the_last_one_deletes(
    engine: Engine, clock: Clock, after: timedelta, trusted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clock.tick = timedelta()
    runs = DailyRuns(engine)
    assert [await runs.may_delete() for _ in range(2)] == [False, True]
    assert not errors(caplog), "a new installation is no fault"
    clock.at += after
    assert await runs.may_delete() is trusted
    assert len(errors(caplog)) == (not trusted)
    assert await runs.may_delete()


async def test_the_other_processes_of_a_refused_run_delete_nothing_either(engine: Engine, clock: Clock) -> None:
    one, other = DailyRuns(engine, "one"), DailyRuns(engine, "other")
    assert [await runs.may_delete() for runs in (one, other, one, other)] == [False, False, True, True]
    clock.at += YEAR
    assert [await runs.may_delete() for runs in (one, other)] == [False, False]
    clock.at += timedelta(minutes=59)
    assert not await other.may_delete()
    clock.at += DAY
    assert [await runs.may_delete() for runs in (other, one)] == [True, True]


async def test_a_damaged_note_is_as_none(engine: Engine, clock: Clock) -> None:
    runs = DailyRuns(engine)
    assert [await runs.may_delete() for _ in range(2)] == [False, True]
    await damage(engine, SESSIONS, "daily", " timers", ran_at="once")
    assert [await runs.may_delete() for _ in range(2)] == [False, True]


async def test_a_refused_run_costs_a_read_and_a_write(engine: Engine, clock: Clock) -> None:
    counting = CountingReads(engine)
    stores = over(counting)[3]
    await stores.timers.run(DAILY)
    assert counting.verbs == ["read", "create"]
    counting.forget()
    clock.at += YEAR
    await stores.timers.run(DAILY)
    assert counting.verbs == ["read", "replace"]


@pytest.mark.parametrize("days", [3, 7, 28])
async def test_a_rare_schedule_deletes_from_its_third_run_on(engine: Engine, clock: Clock, days: int) -> None:
    runs, trusted = DailyRuns(engine), []
    for _ in range(5):
        trusted.append(await runs.may_delete())
        clock.at += timedelta(days=days)
    assert trusted == [False, False, True, True, True]
    clock.at += YEAR
    assert not await runs.may_delete()


async def test_clocks_of_two_processes_that_differ_a_little_are_trusted(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = DailyRuns(engine, "first"), DailyRuns(engine, "second")
    await first.may_delete()
    clock.at += DAY
    assert await first.may_delete()
    clock.at -= timedelta(milliseconds=400)
    assert await second.may_delete()
    assert errors(caplog) == []
