"""What each run tells about work that is left: the backlog, the trash, and the oldest unsettled item."""

from datetime import timedelta

import pytest

from persistence import Stores
from persistence.errors import StoreUnavailable
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query
from persistence.timers.daily import DAILY
from persistence.timers.scan import TimerRules
from tests.support import sessions as of_sessions
from tests.support.clock import NOON, Clock
from tests.support.engines import Around
from tests.support.sessions import OWNER, delete_for_good
from tests.support.snapshots import GRACE, over
from tests.support.timers import run_daily


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def test_a_run_that_stops_at_its_most_counts_what_is_still_due(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    for _ in range(7):
        session = await stores.sessions.create(OWNER, of_sessions.new())
        await delete_for_good(engine, session.id)
        clock.at += timedelta(seconds=1)
    clock.at = NOON + GRACE + timedelta(minutes=1)
    timers = over(engine, timers=TimerRules(items_max=3))[3].timers
    backlogs = [(await timers.attempt("sweep_sessions")).counts.backlog for _ in range(4)]
    # Tombstones to empty, contents to look at, and heads that were written. The last head is looked at again.
    assert backlogs == [4 + 1 + 4, 1 + 0 + 2, 0, 0]


async def test_the_bytes_in_the_trash_are_those_of_all_people_at_the_last_daily_run(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    for owner, content in ((OWNER, "12345"), ("ben", "123")):
        session = await stores.sessions.create(owner, of_sessions.new(content=content))
        await stores.sessions.delete(owner, session.id)
        await stores.sessions.create(owner, of_sessions.new(content="not in the trash"))
    assert (await stores.timers.attempt("sweep_sessions")).figures.trash_bytes is None
    await run_daily(stores)
    assert (await stores.timers.attempt("sweep_sessions")).figures.trash_bytes == 8
    await stores.sessions.delete(OWNER, (await stores.sessions.create(OWNER, of_sessions.new(content="12"))).id)
    assert (await stores.timers.attempt("mark_deleted_snapshot_logs")).figures.trash_bytes == 8
    clock.at += timedelta(days=1)
    assert (await stores.timers.attempt(DAILY)).figures.trash_bytes == 10


async def test_the_oldest_unsettled_item_is_that_of_all_containers(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    session = await stores.sessions.create(OWNER, of_sessions.new())
    await delete_for_good(engine, session.id)
    clock.at += timedelta(minutes=5)
    for name in ("sweep_sessions", "mark_deleted_snapshot_logs"):
        assert (await stores.timers.attempt(name)).figures.oldest_unsettled_s == 300
    clock.at += GRACE
    assert (await stores.timers.attempt("sweep_sessions")).figures.oldest_unsettled_s == 0


async def test_figures_that_cannot_be_measured_fail_no_run(engine: Engine, clock: Clock) -> None:
    class Slow(Around):
        async def aggregate(
            self, container: Container, query: Query, function: Aggregate, path: str = "id"
        ) -> int | float | str | None:
            raise StoreUnavailable

    run = await over(Slow(engine))[3].timers.attempt("sweep_sessions")
    assert not run.failed
    assert str(run.figures) == "trash_bytes unknown, oldest_unsettled_s unknown"
