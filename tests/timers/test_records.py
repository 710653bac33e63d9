"""Which timers are late: on the first day, after changes of schedules and clocks, and if they fail or are dead."""

import logging
from datetime import timedelta

import pytest

from functions.health import ASK_SECONDS, TIMERS_ASK_SECONDS, Punctuality
from functions.http.errors import StillAway
from functions.timers import _run
from persistence import stores_over
from persistence.errors import StoreUnavailable, TimersLate
from persistence.kind import Kind, TimerName
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.engine import Engine, Item, Stored
from persistence.timers.records import Outcome, TimerRecords
from persistence.timers.run import Timers
from persistence.timers.schedules import Schedule
from tests.conftest import SETTINGS
from tests.support.clock import Clock
from tests.support.engines import Around
from tests.support.http import Client, assert_ok, assert_problem
from tests.support.snapshots import damage

NAME: TimerName = "purge_stale_drafts"
DAILY, QUARTERLY, YEARLY = "0 30 3 * * *", "0 */15 * * * *", "0 0 0 1 1 *"
ON_FRIDAY_13TH = "0 0 3 13 * 5"
MINUTE, HOUR, DAY, YEAR = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=366)
HALF_AN_HOUR = 30 * MINUTE


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is noon."""
    return Clock.installed(monkeypatch)


def records(engine: Engine, schedule: str) -> TimerRecords:
    return TimerRecords(engine, {NAME: Schedule(schedule)})


async def is_late(engine: Engine, schedule: str) -> bool:
    return bool(await records(engine, schedule).late())


async def ended(engine: Engine, schedule: str, outcome: Outcome = "succeeded") -> None:
    await records(engine, schedule).ended(NAME, outcome)


@pytest.mark.parametrize(
    ("schedule", "late_after"),
    [
        (QUARTERLY, 15 * MINUTE + HALF_AN_HOUR),
        (DAILY, 16 * HOUR),
        (YEARLY, timedelta(days=244, hours=12.5)),
        (ON_FRIDAY_13TH, timedelta(days=195, hours=15.5)),
    ],
)
async def test_on_the_first_day_nothing_is_late_until_a_run_was_due(
    engine: Engine, clock: Clock, schedule: str, late_after: timedelta
) -> None:
    assert not await is_late(engine, schedule)
    clock.at += late_after - MINUTE
    assert not await is_late(engine, schedule)
    clock.at += 2 * MINUTE
    [late] = await records(engine, schedule).late()
    assert (late.name, late.ended_at, late.outcome) == (NAME, None, None)


async def test_a_timer_that_dies_is_late_after_its_next_moment(engine: Engine, clock: Clock) -> None:
    for _ in range(3):
        clock.at += 15 * MINUTE
        await ended(engine, QUARTERLY)
        assert not await is_late(engine, QUARTERLY)
    clock.at += 44 * MINUTE
    assert not await is_late(engine, QUARTERLY)
    clock.at += 2 * MINUTE
    assert await is_late(engine, QUARTERLY)
    await ended(engine, QUARTERLY)
    assert not await is_late(engine, QUARTERLY)


async def test_a_yearly_timer_that_dies_is_late_a_year_after_its_last_run(engine: Engine, clock: Clock) -> None:
    clock.at = Schedule(YEARLY).after(clock.at) + MINUTE
    await ended(engine, YEARLY)
    clock.at = Schedule(YEARLY).after(clock.at) + HALF_AN_HOUR - MINUTE
    assert not await is_late(engine, YEARLY)
    clock.at += 2 * MINUTE
    assert await is_late(engine, YEARLY)


async def test_a_timer_that_fails_is_late_and_says_so(engine: Engine, clock: Clock) -> None:
    await ended(engine, QUARTERLY)
    for _ in range(4):
        clock.at += 15 * MINUTE
        await ended(engine, QUARTERLY, "failed")
    [late] = await records(engine, QUARTERLY).late()
    assert (late.due_at, late.outcome) == ("2026-05-01T12:15:00.000000Z", "failed")
    assert late.ended_at is not None and late.ended_at < "2026-05-01T12:01"


async def test_a_run_that_ended_a_moment_early_counts_for_its_moment(engine: Engine, clock: Clock) -> None:
    clock.at += 15 * HOUR + 29 * MINUTE + timedelta(seconds=59)  # 3:29:59
    await ended(engine, DAILY)
    clock.at += 5 * HOUR
    assert not await is_late(engine, DAILY)


@pytest.mark.parametrize(("before", "after"), [(YEARLY, QUARTERLY), (QUARTERLY, DAILY), (DAILY, YEARLY)])
async def test_a_new_schedule_counts_from_when_it_was_first_seen(
    engine: Engine, clock: Clock, before: str, after: str
) -> None:
    await ended(engine, before)
    clock.at += 100 * DAY
    assert not await is_late(engine, after)
    due = Schedule(after).after(clock.at)
    clock.at = due + HALF_AN_HOUR - MINUTE
    assert not await is_late(engine, after)
    clock.at += 2 * MINUTE
    assert await is_late(engine, after)


async def test_a_run_sees_a_new_schedule_too(engine: Engine, clock: Clock) -> None:
    await ended(engine, DAILY, "failed")
    clock.at += 10 * DAY
    await ended(engine, QUARTERLY, "failed")
    assert not await is_late(engine, QUARTERLY)
    clock.at += HOUR
    assert await is_late(engine, QUARTERLY)


async def test_a_clock_that_was_ahead_makes_nothing_late_and_lets_no_dead_timer_sleep(
    engine: Engine, clock: Clock
) -> None:
    await ended(engine, QUARTERLY)
    clock.at += YEAR
    assert await is_late(engine, QUARTERLY), "as far as anybody can tell"
    await ended(engine, QUARTERLY)
    clock.at -= YEAR
    assert not await is_late(engine, QUARTERLY)
    clock.at += HOUR
    assert await is_late(engine, QUARTERLY)


async def test_a_clock_that_is_put_forward_makes_late_until_the_next_run(engine: Engine, clock: Clock) -> None:
    await ended(engine, DAILY)
    clock.at += 2 * DAY
    assert await is_late(engine, DAILY)
    await ended(engine, DAILY, "failed")
    assert await is_late(engine, DAILY)
    await ended(engine, DAILY)
    assert not await is_late(engine, DAILY)


async def test_a_clock_that_is_put_back_a_little_makes_nothing_late(engine: Engine, clock: Clock) -> None:
    clock.at += 15 * MINUTE
    await ended(engine, QUARTERLY)
    clock.at -= 10 * MINUTE
    assert not await is_late(engine, QUARTERLY)
    clock.at += 39 * MINUTE  # from 12:05, the next moment is 12:15
    assert not await is_late(engine, QUARTERLY)
    clock.at += 2 * MINUTE
    assert await is_late(engine, QUARTERLY)


async def test_a_schedule_first_seen_by_a_clock_that_was_ahead_is_seen_again(engine: Engine, clock: Clock) -> None:
    clock.at += YEAR
    assert not await is_late(engine, QUARTERLY)
    clock.at -= YEAR
    assert not await is_late(engine, QUARTERLY)
    clock.at += HOUR
    assert await is_late(engine, QUARTERLY)


async def test_a_look_writes_only_what_is_new(engine: Engine, clock: Clock) -> None:
    writes = 0

    class Counted(Around):
        async def create(self, container: object, item: Item) -> str:
            nonlocal writes
            writes += 1
            return await super().create(container, item)  # type: ignore[arg-type]

        async def replace(self, container: object, item: Item, if_match: str) -> str:
            nonlocal writes
            writes += 1
            return await super().replace(container, item, if_match)  # type: ignore[arg-type]

    counted = Counted(engine)
    for schedule, expected in ((DAILY, 1), (DAILY, 1), (QUARTERLY, 2), (QUARTERLY, 2)):
        assert not await is_late(counted, schedule)
        assert writes == expected


async def test_a_damaged_record_is_as_none(engine: Engine, clock: Clock) -> None:
    await ended(engine, DAILY)
    await damage(engine, SESSIONS, f"timer-{NAME}", TIMERS_PARTITION, since="once")
    assert not await is_late(engine, DAILY)
    await ended(engine, DAILY)
    assert not await is_late(engine, DAILY)


async def test_every_run_is_recorded_and_a_failing_store_fails_no_run_twice(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    of_runs = TimerRecords(engine, {NAME: Schedule(DAILY), "sweep_sessions": Schedule(DAILY)})
    await _run(Timers((), engine), of_runs, "sweep_sessions")
    stored = await engine.read(SESSIONS, "timer-sweep_sessions", TIMERS_PARTITION)
    assert stored.item["outcome"] == "succeeded" and stored.item["ended_at"]

    class Away(Around):
        async def read(self, *_: object) -> Stored:
            raise StoreUnavailable

    await _run(Timers((), engine), TimerRecords(Away(engine), of_runs.schedules), "sweep_sessions")
    with pytest.raises(StoreUnavailable):  # the daily timer does not know its last run
        await _run(Timers([Kind()], Away(engine)), of_runs, NAME)
    assert (await engine.read(SESSIONS, f"timer-{NAME}", TIMERS_PARTITION)).item["outcome"] == "failed"
    assert [one for one in caplog.messages if one.startswith("The run of sweep_sessions is not recorded")]


async def test_everybody_can_ask_which_timers_are_late(engine: Engine, clock: Clock) -> None:
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    assert_ok(await client.get("health/timers"))
    clock.at += 2 * HOUR
    assert_ok(await client.get("health/timers"))  # remembered
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    problem = assert_problem(await client.get("health/timers"), 503, "timers_late")
    assert [one["timer"] for one in problem["late"]] == ["mark_deleted_snapshot_logs", "sweep_sessions"]
    assert problem["retryAfter"] == 60 and "sweep_sessions" in problem["detail"]
    for timer in ("mark_deleted_snapshot_logs", "sweep_sessions"):
        await TimerRecords(engine, SETTINGS.app_rules().schedules.by_timer()).ended(timer, "succeeded")
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    assert_ok(await client.get("health/timers"))


async def test_a_flood_of_questions_reads_the_records_once_a_minute(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    at = 0.0
    punctuality = Punctuality(records(engine, QUARTERLY), lambda: at)
    await punctuality.check()
    clock.at += HOUR
    for _ in range(5):
        await punctuality.check()
    at += TIMERS_ASK_SECONDS
    for _ in range(5):
        with pytest.raises(TimersLate):
            await punctuality.check()
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_a_store_that_is_away_is_not_asked_again_at_once(engine: Engine) -> None:
    at, reads = 0.0, 0

    class Away(Around):
        async def read(self, *_: object) -> Stored:
            nonlocal reads
            reads += 1
            raise StoreUnavailable

    punctuality = Punctuality(records(Away(engine), DAILY), lambda: at)
    for fault, expected in ((StoreUnavailable, 1), (StillAway, 1), (StillAway, 1)):
        with pytest.raises(fault):
            await punctuality.check()
        assert reads == expected
    at += ASK_SECONDS
    with pytest.raises(StoreUnavailable):
        await punctuality.check()
