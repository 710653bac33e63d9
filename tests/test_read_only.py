"""Read-only mode: reads go on, and nothing of people is written. Over each engine."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from persistence import Stores, read_only, stores_over
from persistence.errors import Maintenance, StoreUnavailable
from persistence.kind import TimerName
from persistence.read_only import LOOK_SECONDS, UNREAD_MAX_SECONDS, Switch
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Stored
from tests.conftest import SETTINGS
from tests.support.clock import Clock
from tests.support.engines import Around, CountingReads
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import new
from tests.support.snapshots import dump
from tests.support.snapshots import new as snapshot
from tests.support.timers import run_daily

SENTENCE = "We move. It takes until noon."
SNAPSHOTS, DRAFT = "persistence/snapshots", "persistence/drafts/draft-000001"
ACCOUNT = [
    f"persistence/{name}" for name in ("usage", "export", "activity", "trash", "restore", "snapshot_access_logs")
]


class Time:
    """The running time of the process, which stands still unless it is put forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    time = Time()
    monkeypatch.setattr(read_only, "time", time)
    yield time


class Away(Around):
    """An engine that cannot be read while `is_away`."""

    is_away = False

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if self.is_away:
            raise StoreUnavailable
        return await super().read(container, id, partition)


def eager(engine: Engine, **changes: Any) -> Stores:
    """Stores in which each read of a session is recorded, unless it is forbidden."""
    rules = replace(SETTINGS.store_rules(), **changes)
    return stores_over(engine, replace(rules, sessions=SessionRules(touch_interval=timedelta())))


async def test_reads_go_on_and_every_write_waits_with_the_operators_sentence(engine: Engine, time: Time) -> None:
    stores = eager(engine)
    client = Client(stores, SETTINGS)
    path, etag = await made(client)
    assert_ok(await client.put(DRAFT, {"content": "one"}), 201)
    snapshot = f"{SNAPSHOTS}/{assert_ok(await client.post(SNAPSHOTS, NEW), 201).json}"
    await stores.access_logs.drain()
    await Switch(engine).turn_on(SENTENCE)
    time.now += LOOK_SECONDS
    before = await dump(engine)
    for read in (path, f"{path}/content", DRAFT, snapshot, SESSIONS, *ACCOUNT):
        assert_ok(await client.get(read))
    assert_ok(await client.of("ben").get(snapshot))
    for response in (
        await client.post(SESSIONS, NEW),
        await client.put(path, {"content": "two"}, {"If-Match": etag}),
        await client.put(f"{path}/touch", None),
        await client.put(DRAFT, {"content": "two"}),
        await client.post("persistence/sync", {"mode": "independent", "items": []}),
        await client.delete(snapshot),
        await client.delete("persistence/me", {"Savepoint-Confirm": client.user}),
    ):
        problem = assert_problem(response, 503, "maintenance")
        assert (problem["detail"], problem["retryAfter"]) == (SENTENCE, 30)
    assert_ok(await client.get("health/ready"))
    await stores.access_logs.drain()
    assert await dump(engine) == before, "no access time, no visit"
    await Switch(engine).turn_off()
    time.now += LOOK_SECONDS
    assert_ok(await client.put(path, {"content": "two"}, {"If-Match": etag}))


async def test_the_setting_wins_and_refusals_are_no_lines_in_the_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    await Switch(engine).turn_off()
    stores = eager(engine, read_only=True)
    problem = assert_problem(await Client(stores, SETTINGS).post(SESSIONS, NEW), 503, "maintenance")
    assert "maintenance" in problem["detail"]
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_a_call_that_had_begun_writes_nothing_either(engine: Engine, time: Time) -> None:
    stores = eager(engine)
    head = await stores.sessions.create("ann", new())
    await Switch(engine).turn_on()
    time.now += LOOK_SECONDS
    before = await dump(engine)
    for write in (
        stores.sessions.create("ann", new()),
        stores.sessions.delete("ann", head.id),
        stores.sessions.delete("ann", head.id, purge=True),
        stores.snapshots.create("ann", snapshot()),
    ):
        with pytest.raises(Maintenance):
            await write
    assert await dump(engine) == before


async def test_timers_delete_nothing_and_run_again_afterwards(
    engine: Engine, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    stores = eager(engine)
    client = Client(stores, SETTINGS)
    assert_ok(await client.put(DRAFT, {"content": "one"}), 201)
    await run_daily(stores)
    clock.at += timedelta(days=40)
    await Switch(engine).turn_on()
    time.now += LOOK_SECONDS
    for name in get_args(TimerName):
        counts = await stores.timers.run(name)
        assert set(counts.as_dict().values()) == {0}, name
    assert_ok(await client.get(DRAFT))
    await Switch(engine).turn_off()
    time.now += LOOK_SECONDS
    clock.at += timedelta(days=1)
    await stores.timers.run("purge_stale_drafts")
    assert (await client.get(DRAFT)).status == 410


async def test_a_process_that_cannot_read_the_switch_writes_for_half_a_minute_at_most(
    engine: Engine, time: Time
) -> None:
    away = Away(engine)
    switch = Switch(away)
    await switch.check()
    away.is_away = True
    time.now += UNREAD_MAX_SECONDS - 1
    await switch.check()
    time.now += 1
    with pytest.raises(StoreUnavailable):
        await switch.check()
    assert await switch.is_on()
    away.is_away = False
    await switch.check()


async def test_a_process_that_has_never_read_the_switch_writes_nothing(engine: Engine, time: Time) -> None:
    away = Away(engine)
    away.is_away = True
    with pytest.raises(StoreUnavailable):
        await Switch(away).check()


async def test_a_crowd_of_writes_reads_the_switch_once_in_five_seconds(engine: Engine, time: Time) -> None:
    reads = 0

    class Counted(Around):
        async def read(self, container: Container, id: str, partition: str) -> Stored:
            nonlocal reads
            reads += 1
            await asyncio.sleep(0)
            return await super().read(container, id, partition)

    switch = Switch(Counted(engine))
    for expected in (1, 2):
        await asyncio.gather(*(switch.check() for _ in range(50)))
        assert reads == expected
        time.now += LOOK_SECONDS


async def test_no_request_pays_for_the_look_at_the_switch(counting: CountingReads) -> None:
    client = Client(
        stores_over(counting, SETTINGS.store_rules()), SETTINGS.model_copy(update={"expose_charge": True})
    )
    first = assert_ok(await client.post(SESSIONS, NEW), 201)
    second = assert_ok(await client.post(SESSIONS, NEW), 201)
    assert first.headers["savepoint-request-charge"] == second.headers["savepoint-request-charge"]
