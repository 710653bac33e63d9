"""People save, read and fail for a minute. Prometheus, the Grafana board and a collector count what they did."""

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from persistence.errors import ItemNotFound
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS
from persistence.storage.sqlite.connection import FILE_NAME
from tests.devhost.server import DevhostServer
from tests.support.collector import Collector, collecting
from tests.support.load import SNAPSHOT, Done, Person
from tests.support.prometheus import QUERIES, Prometheus, missing, scraping, until
from tests.support.snapshots import damage
from tests.support.storage import Storage, on_sqlite

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

SECONDS = 60
PEOPLE, VISITORS = 6, 3
TIMERS = ("sweep_sessions", "purge_stale_drafts", "mark_deleted_snapshot_logs")

Values = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Busy:
    """A server after a minute, and what was done. `runs` are those of each timer."""

    server: DevhostServer
    prometheus: Prometheus
    collector: Collector
    done: Done
    runs: int


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("busy")
    with collecting() as collector:
        sent_to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRIC_EXPORT_INTERVAL": "700"}
        storage = Storage({**on_sqlite(folder / "data").environ, **sent_to, "EXPOSE_CHARGE": "true"})
        with storage.serve() as server, scraping(server.base_url, folder) as prometheus:
            done, runs = work(server, storage)
            prometheus.has("sum(savepoint_request_duration_seconds_count)", done.requests.total())
            yield Busy(server, prometheus, collector, done, runs)


def work(server: DevhostServer, storage: Storage) -> tuple[Done, int]:
    """Returns what people did, and how often each timer ran."""
    end, runs, total = time.monotonic() + SECONDS, 0, Done()

    def keep_busy(person: Person) -> None:
        while time.monotonic() < end:
            person.act()

    with ExitStack() as stack:
        people = [stack.enter_context(Person(server.base_url, f"person-{number}")) for number in range(PEOPLE)]
        pool = stack.enter_context(ThreadPoolExecutor(PEOPLE))
        busy = [pool.submit(keep_busy, person) for person in people]
        while time.monotonic() < end:
            for timer in TIMERS:
                assert httpx.post(f"{server.base_url}/admin/functions/{timer}", trust_env=False).status_code == 202
            runs += 1
            time.sleep(3)
        for each in busy:
            each.result()
        meet_faults(server, people, storage)
        for person in people:
            total.add(person.done)
    return total, runs


def meet_faults(server: DevhostServer, people: list[Person], storage: Storage) -> None:
    """Visits to damaged entries are lost. While the database is locked, saves get 503."""
    shared = people[-1].shared()
    for person in people[:VISITORS]:
        person.call("GET", SNAPSHOT, 200, snapshot_id=shared)
    until(lambda: asyncio.run(damage_entries(storage, shared, [person.name for person in people[:VISITORS]])))
    for person in people[:VISITORS]:
        person.call("GET", SNAPSHOT, 200, snapshot_id=shared)
    until(lambda: server.stderr().count("1 visits were not counted") == VISITORS)
    with closing(sqlite3.connect(Path(storage.environ["DATA_DIR"], FILE_NAME), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(PEOPLE) as pool:
            list(pool.map(Person.save_in_vain, people))


async def damage_entries(storage: Storage, snapshot_id: str, visitors: list[str]) -> bool:
    """Returns False if a visitor has no entry yet."""
    stores = storage.open()
    try:
        for visitor in visitors:
            await damage(stores.engine, SNAPSHOT_ACCESS_LOGS, snapshot_id, visitor, visits="many")
        return True
    except ItemNotFound:
        return False
    finally:
        await stores.close()


def by(counter: Counter[tuple[str, str, str]], place: int) -> Values:
    found = Counter[tuple[str, ...]]()
    for key, number in counter.items():
        found[key[place],] += number
    return dict(found)


def mean_sizes(done: Done) -> Values:
    return {key: done.saved_bytes[key[0]] / number for key, number in by(done.saves, 2).items()}


EXPECTED: dict[str, Callable[[Busy], Values]] = {
    "Requests by route, per second": lambda busy: by(busy.done.requests, 0),
    "Responses by status, per second": lambda busy: by(busy.done.requests, 2),
    "5xx, per second": lambda busy: {(): PEOPLE},
    "Saves by outcome, per second": lambda busy: by(busy.done.saves, 1),
    "Share of saves in conflict": lambda busy: {(): by(busy.done.saves, 1)["conflict",] / busy.done.saves.total()},
    "Size of a save, by form": lambda busy: mean_sizes(busy.done),
    "Runs of timers in 6 hours": lambda busy: {("succeeded", timer): busy.runs for timer in TIMERS},
    "Refusals of the database, per second": lambda busy: {("unavailable",): PEOPLE},
    "Work that was given up, in an hour": lambda busy: {("visit",): VISITORS},
}
"""What the queries of the board find, in all the time instead of that which they name."""


def in_all_the_time(query: str) -> str:
    return re.sub(r"(?:rate|increase)\(([^\[]+)\[[^\]]+\]\)", r"\1", query)


def test_each_query_of_the_board_returns_data(busy: Busy) -> None:
    def without_data() -> list[str]:
        asked = {title: query.replace("$__rate_interval", "2m") for title, query in QUERIES.items()}
        return [title for title, query in asked.items() if not busy.prometheus.ask(query)]

    until(lambda: not without_data())


@pytest.mark.parametrize("title", EXPECTED)
def test_it_counts_what_was_done(busy: Busy, title: str) -> None:
    assert busy.prometheus.values(in_all_the_time(QUERIES[title])) == pytest.approx(EXPECTED[title](busy))


def test_request_units_are_what_callers_were_told_and_what_the_background_spent(busy: Busy) -> None:
    spent = busy.prometheus.values('sum by (http_route) (savepoint_store_charge_total{timer="",http_route!=""})')
    told = {(route,): units for route, units in busy.done.charges.items() if units}
    visits = spent.pop((SNAPSHOT,)) - told.pop((SNAPSHOT,))
    assert visits > 0
    assert spent == pytest.approx(told, rel=0.01)


def test_a_collector_gets_the_same_to_the_last_request(busy: Busy) -> None:
    assert busy.server.stop() == 0, busy.server.stderr()
    counts, done = busy.collector.counts, busy.done
    names = ("http.route", "http.request.method", "http.response.status_code")
    requests = {frozenset(zip(names, key, strict=True)): number for key, number in done.requests.items()}
    assert counts["savepoint.request.duration"] == requests
    saves = {
        frozenset(zip(("kind", "outcome", "form"), key, strict=True)): number for key, number in done.saves.items()
    }
    assert counts["savepoint.save.size"] == saves
    assert sum(busy.collector.sums["savepoint.save.size"].values()) == done.saved_bytes.total()
    assert busy.collector.count("savepoint.timer.duration") == busy.runs * len(TIMERS)
    assert busy.collector.count("savepoint.server.errors") == PEOPLE
    assert busy.collector.count("savepoint.background.lost") == VISITORS
    assert busy.collector.count("savepoint.store.refusals") == PEOPLE
