"""What is counted, and that the number of series does not grow with the number of people. Over SQLite."""

import gzip
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import orjson
import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.deltas import delta_of
from functions.http.digests import repr_digest
from functions.timers import _run
from persistence import Stores, stores_over
from persistence.errors import OwnerFull, StorageExhausted, StoreUnavailable, Throttled
from persistence.read_only import Switch
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.instruments import ATTRIBUTES, emitted
from tests.support.sessions import sha256
from tests.support.timers import records

pytestmark = pytest.mark.one_engine

Series = dict[tuple[str, tuple[tuple[str, Any], ...]], float]


@pytest.fixture(scope="module")
def reader() -> Iterator[InMemoryMetricReader]:
    """A provider can be set once in a process, so all tests of this file share it."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    yield reader
    reader.shutdown()


class Counted:
    """What was counted since this was made: sums of counters, and numbers of measurements of histograms, or their
    sums."""

    def __init__(self, reader: InMemoryMetricReader, figure: Literal["count", "sum"] = "count") -> None:
        self._reader, self._figure = reader, figure
        self._before = self._all()

    def since(self) -> Series:
        return {
            key: value - self._before.get(key, 0)
            for key, value in self._all().items()
            if value != self._before.get(key, 0)
        }

    def of(self, name: str) -> Counter[str]:
        """The values of one metric, by the values of its attributes."""
        found = Counter[str]()
        for (metric, attributes), value in self.since().items():
            if metric == f"savepoint.{name}":
                found[" ".join(str(each) for _, each in attributes)] += round(value)
        return found

    def _all(self) -> Series:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        found: Series = {}
        for metric in [one for r in data.resource_metrics for s in r.scope_metrics for one in s.metrics]:
            for point in metric.data.data_points:
                key = (metric.name, tuple(sorted((point.attributes or {}).items())))
                found[key] = getattr(point, self._figure) if hasattr(point, "count") else point.value
        return found


@pytest.fixture
def counted(reader: InMemoryMetricReader) -> Counted:
    return Counted(reader)


async def save_in_every_way(client: Client) -> None:
    path, etag = await made(client)
    put = assert_ok(await client.put(path, {"content": "two"}, {"If-Match": etag}))
    assert_ok(await client.put(path, {"content": "two"}, {"If-Match": put.etag}))
    assert (await client.put(path, {"content": "three"}, {"If-Match": etag})).status == 412
    assert_ok(await client.put(path, {"title": "Renamed"}))
    raw = {"Content-Type": "text/plain"}
    assert_ok(await client.put(f"{path}/content", b"four", raw))
    head = await client.get(path)
    patched = {"Patched-Digest": repr_digest(bytes.fromhex(sha256("five"))), "If-Match": head.etag}
    delta = delta_of(b"five", (1, 0), b"ive")
    headers = {"Content-Type": "application/x-fossil-delta", **patched}
    assert_ok(await client.call("PATCH", f"{path}/content", delta, headers))
    assert (await client.put(f"{path}/content", b"\xff", raw)).status == 422
    assert_ok(await client.put("persistence/drafts/draft-000001", {"content": "one"}), 201)
    assert_ok(await client.post("persistence/snapshots", NEW), 201)
    copy = {"If-Match": etag, "Idempotency-Key": "copy"}
    response = await client.call("PUT", path, {"content": "six"}, copy, {"on_conflict": "copy"})
    assert_ok(response, 201)


async def test_saves_are_counted_by_kind_form_and_outcome(client: Client, counted: Counted) -> None:
    await save_in_every_way(client)
    assert counted.of("save.size") == {
        "json session created": 1,
        "json session changed": 1,
        "json session unchanged": 1,
        "json session conflict": 2,
        "raw session changed": 1,
        "raw session refused": 1,
        "delta session changed": 1,
        "json draft created": 1,
        "json snapshot created": 1,
    }


async def test_the_size_of_a_save_is_that_without_its_coding(client: Client, reader: InMemoryMetricReader) -> None:
    path, _ = await made(client)
    sizes, text, body = Counted(reader, "sum"), b"x" * 10_000, orjson.dumps({"content": "x" * 9_000})
    packed = {"Content-Encoding": "gzip"}
    raw = {"Content-Type": "text/plain"}
    assert_ok(await client.put(f"{path}/content", gzip.compress(text), packed | raw))
    assert_ok(await client.put(path, gzip.compress(body), packed | {"Content-Type": "application/json"}))
    assert sizes.of("save.size") == {"raw session changed": len(text), "json session changed": len(body)}


async def test_requests_are_counted_by_route_method_and_status(client: Client, counted: Counted) -> None:
    path, _ = await made(client)
    for _ in range(3):
        assert_ok(await client.get(path))
    await client.get(f"{SESSIONS}/nothing-here")
    await client.get("persistence/no/such/path")
    assert counted.of("request.duration") == {
        "POST 201 /persistence/sessions": 1,
        "GET 200 /persistence/sessions/{session_id}": 3,
        "GET 404 /persistence/sessions/{session_id}": 1,
        "GET 404 /persistence/{*rest}": 1,
    }
    spent = counted.of("store.charge")
    assert spent["/persistence/sessions"] > 10 and spent["/persistence/sessions/{session_id}"] >= 3


class Failing(Around):
    fault: Exception | None = None

    async def commit(self, *arguments: Any) -> list[str]:
        if self.fault is not None:
            raise self.fault
        return await super().commit(*arguments)

    async def ping(self) -> None:
        raise StoreUnavailable


async def test_refusals_of_the_database_and_5xx_are_counted(engine: Engine, counted: Counted) -> None:
    failing = Failing(engine)
    client = Client(stores_over(failing, SETTINGS.store_rules()), SETTINGS)
    for fault in (Throttled(1), StoreUnavailable(), StorageExhausted(), OwnerFull(), RuntimeError("a bug")):
        failing.fault = fault
        await client.post(SESSIONS, NEW)
    await Switch(engine).turn_on("We move.")
    moving = Client(stores_over(failing, SETTINGS.store_rules()), SETTINGS)
    assert_problem(await moving.post(SESSIONS, NEW), 503, "maintenance")
    assert (await client.get("health/ready")).status == 503
    assert counted.of("store.refusals") == {"throttled": 1, "unavailable": 1, "storage_full": 2}
    # Throttled is 429. Nobody needs to wake for health, which has alerts of its own, for a person who is full, nor
    # for read-only mode.
    assert sum(counted.of("server.errors").values()) == 3


async def test_each_run_of_a_timer_is_one_measurement(engine: Engine, stores: Stores, counted: Counted) -> None:
    for _ in range(2):
        await _run(stores.timers, records(engine), "purge_stale_drafts")
    await _run(stores.timers, records(engine), "sweep_sessions")
    assert counted.of("timer.duration") == {"succeeded purge_stale_drafts": 2, "succeeded sweep_sessions": 1}
    assert counted.of("timer.backlog") == {"purge_stale_drafts": 2, "sweep_sessions": 1}
    assert counted.of("timer.trash") == {"purge_stale_drafts": 1, "sweep_sessions": 1}
    assert set(counted.of("store.charge")) == {"purge_stale_drafts", "sweep_sessions"}


async def test_a_thousand_people_make_no_more_series_than_one(client: Client, counted: Counted) -> None:
    await save_in_every_way(client)
    one = counted.since()
    for number in range(1_000):
        await client.of(f"person-{number}").post(SESSIONS, {**NEW, "title": f"Title {number}"})
    for number in range(10):
        await save_in_every_way(client.of(f"writer-{number}"))
    assert counted.since().keys() == one.keys()
    for name, attributes in one:
        names = {attribute for attribute, _ in attributes}
        assert names <= ATTRIBUTES[name], (name, names)
        assert not {str(value) for _, value in attributes} & {"ann", "First", "draft-000001"}


def test_the_code_creates_no_other_metrics() -> None:
    assert emitted() == ATTRIBUTES.keys()
