"""Lines go after the retention: the daily timer finds them by their time."""

from datetime import timedelta

import pytest

from persistence import Rules, Stores, stores_over
from persistence.storage.engine import Engine
from persistence.timers.scan import TimerRules
from tests.support.activity import line, stored_lines, write
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads
from tests.support.sessions import damage
from tests.support.timers import run_daily

DAYS = timedelta(days=90)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def forgotten(stores: Stores) -> int:
    return (await run_daily(stores))["activity_forgotten"]


async def test_lines_that_are_older_than_the_retention_go(engine: Engine, stores: Stores, clock: Clock) -> None:
    await write(engine, [line(version) for version in range(1, 6)])
    await write(engine, [line(1, owner_id="bob"), line(9, owner_id="bob")])
    clock.at = NOON + DAYS
    assert await forgotten(stores) == 0
    clock.at = line(3).at + DAYS
    assert await forgotten(stores) == 4
    assert await stored_lines(engine) == [line(4), line(5)]
    assert await stored_lines(engine, "bob") == [line(9, owner_id="bob")]


async def test_a_damaged_line_goes_too(engine: Engine, stores: Stores, clock: Clock) -> None:
    await write(engine, [line(1)])
    await damage(engine, line(1).id, subject="damaged")
    clock.at = NOON + DAYS + timedelta(hours=1)
    assert await forgotten(stores) == 1


async def test_a_run_removes_at_most_ten_times_its_items_and_the_next_goes_on(
    engine: Engine, clock: Clock
) -> None:
    stores = stores_over(engine, Rules(timers=TimerRules(items_max=1)))
    await write(engine, [line(version) for version in range(1, 26)])
    clock.at = NOON + DAYS + timedelta(days=1)
    assert [await forgotten(stores) for _ in range(4)] == [10, 10, 5, 0]


async def test_without_activity_the_timer_removes_what_is_left(engine: Engine, clock: Clock) -> None:
    await write(engine, [line(1)])
    clock.at = line(1).at
    stores = stores_over(engine, Rules(activity_retention=timedelta(0)))
    assert await forgotten(stores) == 1
    assert await stored_lines(engine) == []


async def test_a_run_reads_only_what_is_due(engine: Engine, clock: Clock) -> None:
    await write(engine, [line(version) for version in range(1, 100)])
    clock.at = line(2).at + DAYS
    counting = CountingReads(engine)
    assert await forgotten(stores_over(counting)) == 2
    found = [asked.ids for asked in counting.asked if asked.verb == "query" and "activity" in asked.kinds]
    assert [len(ids) for ids in found] == [2]
