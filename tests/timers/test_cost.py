"""The cost of a run of the timers: with nothing to do, and with a lot to do."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from persistence.errors import StoreUnavailable
from persistence.storage.charge import metered
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from persistence.storage.query import Query
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support import bulk
from tests.support import sessions as of_sessions
from tests.support.breaking import Asks, Dies
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads
from tests.support.snapshots import GRACE, OWNER, RETENTION, dump, new, over, visitors_of
from tests.support.timers import Counts, clean_up, purge

REPOSITORY = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024
QUIET_CALLS = 30
"""More than a run with nothing to do needs."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def test_a_run_with_nothing_to_do_asks_the_same_however_much_there_is(engine: Engine, clock: Clock) -> None:
    asked = []
    for sessions in (1, 30):
        stores = over(engine)
        for number in range(sessions):
            await stores[0].create(OWNER, of_sessions.new(f"{number}"))
            await stores[1].create(OWNER, new(f"{number}"))
        clock.at += GRACE + timedelta(seconds=1)
        await clean_up(stores[3])
        counting = CountingReads(engine)
        clock.at += timedelta(minutes=15)
        assert await clean_up(over(counting)[3]) == Counts()
        asked.append(counting.verbs)
        assert counting.bytes_read < 1_000
    assert asked[0] == asked[1]
    assert len(asked[0]) <= QUIET_CALLS


async def run_over_quiet(folder: Path, clock: Clock, items: int) -> None:
    """Asserts the cost of a run over that many items with nothing to do."""
    engine = SqliteEngine(folder)
    people = [f"person {number}" for number in range(97)]
    placed: list[bulk.Placed] = []
    while len(placed) < items:
        at = NOON - timedelta(seconds=len(placed))
        owner = people[len(placed) % len(people)]
        placed += bulk.session(at, owner) + bulk.snapshot(at, owner, ["guest 1", "guest 2"])
    bulk.insert(folder, placed + bulk.watermarks(NOON))
    clock.at = NOON + timedelta(hours=1)
    await clean_up(over(engine)[3])
    clock.at += timedelta(minutes=15)

    asks = Asks(engine)
    counting = CountingReads(asks)
    started = time.perf_counter()
    with metered() as charge:
        assert await clean_up(over(counting)[3]) == Counts()
    assert time.perf_counter() - started < 0.5
    assert len(counting.asked) <= QUIET_CALLS
    assert charge.request_units < 100
    assert counting.bytes_read < 1_000
    with closing(sqlite3.connect(folder / "savepoint.db")) as connection:
        for container, query in asks.asked:
            assert_served_by_its_index(connection, container, query)
    await engine.close()


def assert_served_by_its_index(connection: sqlite3.Connection, container: Container, query: Query) -> None:
    """Asserts that the query reads a range of its index, in the order of the index."""
    text, values = sqlite_query.select(container, query)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    index = f"{container.name} scan {query.sort.path}"
    assert plan[0].startswith(f"SEARCH {container.name} USING INDEX {index} (kind=? AND <expr>"), plan
    if (container.name, query.sort.path) == ("snapshot_access_logs", "snapshot_id"):
        # All access logs of one snapshot are equal in that order, which SQLite does not know.
        plan.remove("USE TEMP B-TREE FOR ORDER BY")
    assert len(plan) == 1, plan


async def test_a_run_over_10_000_quiet_items_costs_next_to_nothing(tmp_path: Path, clock: Clock) -> None:
    await run_over_quiet(tmp_path / "data", clock, 10_000)


@pytest.mark.soak
async def test_a_run_over_100_000_quiet_items_costs_next_to_nothing(tmp_path: Path, clock: Clock) -> None:
    await run_over_quiet(tmp_path / "data", clock, 100_000)


async def test_every_scan_is_served_by_its_own_partial_index(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Queries of later pages have other texts.
    monkeypatch.setattr("persistence.timers.scan._PAGE_SIZE", 1)
    engine = SqliteEngine(tmp_path / "data")
    asks = Asks(engine)
    sessions, snapshots, *_ = over(engine)
    for _ in range(2):
        made = await snapshots.create(OWNER, new(expires_at=NOON + timedelta(days=1)))
        await snapshots.create(OWNER, new(expires_at=NOON + timedelta(days=1)))
        await snapshots.delete(OWNER, made.id)
        gone = await sessions.create(OWNER, of_sessions.new())
        await of_sessions.delete_for_good(engine, gone.id)
        trashed = await sessions.create(OWNER, of_sessions.new())
        await sessions.delete(OWNER, trashed.id)
        await sessions.create(OWNER, of_sessions.new())
        with pytest.raises(StoreUnavailable):
            await over(Dies(engine, at=2))[1].create(OWNER, new("Pending"))
    clock.at += RETENTION
    await clean_up(over(asks)[3])
    await purge(over(asks)[3])
    scans = [(container, query) for container, query in asks.asked if query.partition is None]
    assert {(container.name, query.sort.path) for container, query in scans if query.cursor} >= {
        ("snapshots", "expires_at"),
        ("snapshots", "unsettled_at"),
        ("snapshots", "deleted_at"),
        ("snapshot_access_logs", "unsettled_at"),
        ("sessions", "unsettled_at"),
        ("sessions", "deleted_at"),
        ("sessions", "stale_since"),
        ("sessions", "saved_at"),
        ("sessions", "metadata.updated_at"),
    }
    assert "snapshot_id" in {query.sort.path for _, query in scans}
    with closing(sqlite3.connect(tmp_path / "data" / "savepoint.db")) as connection:
        for container, query in scans:
            assert_served_by_its_index(connection, container, query)
    await engine.close()


MARK_ALL = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from persistence.timers.scan import TimerRules
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.snapshots import over
from tests.support.timers import clean_up, purge

async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    stores = over(engine, timers=TimerRules(tombstone_retention=timedelta(days=36_500)))[3]
    print(await clean_up(stores))
    await engine.close()

asyncio.run(main())
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


async def test_5_000_visitors_are_marked_within_512_mb(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await SqliteEngine(folder).close()
    people = [f"person {number}" for number in range(5_000)]
    placed = bulk.tombstone(bulk.snapshot(NOON, OWNER, people), NOON)
    bulk.insert(folder, placed)
    # In a separate process, to measure its memory alone.
    command = [sys.executable, "-c", MARK_ALL, str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "rows_marked 5001, visitors_removed 5001" in done.stdout
    kilobytes = int(done.stdout.split("VmHWM:")[1].split()[0])
    assert kilobytes * 1024 < 512 * MEGABYTE

    engine = SqliteEngine(folder)
    rows = [item for item in (await dump(engine)).values() if item["kind"] == "access_log"]
    assert len(rows) == 5_001
    assert all(row["snapshot_deleted"] and row["snapshot_metadata"]["description"] is None for row in rows)
    assert await visitors_of(engine, str(placed[0][1]["id"])) == {}
    await engine.close()
