"""Processes with different rules delete by the one that keeps most. On each engine."""

import asyncio
import logging
from datetime import timedelta

import pytest

from persistence import Rules, Stores, stores_over
from persistence.errors import ItemNotFound, StoreUnavailable
from persistence.rules_in_force import ID, RulesInForce
from persistence.sessions.documents import SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Engine, Stored
from persistence.timers.daily import DAILY
from persistence.timers.scan import TimerRules
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.breaking import Watched
from tests.support.clock import Clock
from tests.support.engines import CountingReads
from tests.support.http import Client, assert_ok
from tests.support.sessions import OWNER, new, saving
from tests.support.timers import clean_up, purge

DAY, NO_TIME = timedelta(days=1), timedelta(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes for what processes have read, too: they read before each use."""
    monkeypatch.setattr("persistence.rules_in_force.LOOK_SECONDS", 0)
    return Clock.installed(monkeypatch)


def keeping(engine: Engine, revisions: int) -> Stores:
    return stores_over(engine, Rules(sessions=SessionRules(keep_revisions=revisions)))


async def save_often(stores: Stores, session_id: str, times: int) -> int:
    """Saves a session so many times. Returns the number of revisions in its history."""
    for _ in range(times):
        head = await stores.sessions.get_head(OWNER, session_id)
        head = await stores.sessions.save(OWNER, session_id, saving(f"after {head.metadata.version}"))
    return len(head.revisions)


async def test_a_process_that_keeps_fewer_revisions_does_not_cut_the_histories_of_others(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    much, little = keeping(engine, 50), keeping(engine, 1)
    much.confirm_rules()
    await much.shared.background.drain()
    id = (await much.sessions.create(OWNER, new())).id
    assert await save_often(much, id, 5) == 6
    assert await save_often(little, id, 5) == 11
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and "KEEP_REVISIONS=1 " in warnings[0] and " 50," in warnings[0]

    clock.advance(hours=23)
    assert await save_often(little, id, 1) == 12
    await much.shared.rules.look()
    clock.advance(hours=23)
    assert await save_often(little, id, 1) == 13, "the larger rule was confirmed again"
    clock.advance(hours=2)
    assert await save_often(little, id, 1) == 1, "nobody has confirmed the larger rule for a day"
    await much.shared.rules.look()
    assert await save_often(much, id, 2) == 3
    assert await save_often(little, id, 1) == 4


async def test_of_three_rules_the_second_largest_follows_the_largest(engine: Engine, clock: Clock) -> None:
    rules = [RulesInForce(engine) for _ in range(3)]
    kept = [one.add("KEEP", value) for one, value in zip(rules, (50, 30, 10), strict=True)]
    for rule in kept:
        await rule.look()
    assert await kept[2].look() == 50
    clock.advance(hours=12)
    assert await kept[1].look() == 50
    clock.advance(hours=13)
    assert [await rule.look() for rule in (kept[2], kept[1])] == [30, 30]


async def test_a_confirmation_from_the_future_counts_as_one_of_now(engine: Engine, clock: Clock) -> None:
    much, little = RulesInForce(engine).add("KEEP", 50), RulesInForce(engine).add("KEEP", 1)
    clock.advance(days=365)
    await much.look()
    clock.advance(days=-365)
    assert await little.look() == 50
    clock.advance(hours=23)
    assert await little.look() == 50
    clock.advance(hours=2)
    assert await little.look() == 1


async def test_processes_that_confirm_at_the_same_time_all_count(engine: Engine, clock: Clock) -> None:
    rules = [RulesInForce(engine).add(f"RULE_{number % 3}", number) for number in range(9)]
    await asyncio.gather(*(rule.look() for rule in rules))
    assert [await rule.look() for rule in rules] == [6, 7, 8] * 3


@pytest.mark.parametrize(
    "confirmed", ["no", {"KEEP": {"3x": "2026-01-01T00:00:00.000000Z"}}, {"KEEP": {"nan": "2026-01-01T00:00:00Z"}}]
)
async def test_a_damaged_document_is_replaced(engine: Engine, clock: Clock, confirmed: object) -> None:
    damaged = {"id": ID, "owner_id": " timers", "kind": ID, "schema": 1, "confirmed": confirmed}
    await engine.create(SESSIONS, damaged)
    assert await RulesInForce(engine).add("KEEP", 3).look() == 3
    assert await RulesInForce(engine).add("KEEP", 1).look() == 3


async def test_a_look_is_a_read_a_minute_and_a_write_an_hour(
    counting: CountingReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, rules = Clock.installed(monkeypatch), RulesInForce(counting)
    counting.counts_rules = True
    rule = rules.add("KEEP", 3)
    for _ in range(3):
        await rule.look()
    assert counting.verbs == ["read", "create"]
    monkeypatch.setattr("persistence.rules_in_force.LOOK_SECONDS", 0)
    clock.advance(minutes=59)
    await rule.look()
    clock.advance(minutes=2)
    await rule.look()
    assert counting.verbs[2:] == ["read", "read", "replace"]


async def test_a_save_reads_no_rule_before_its_history_is_full(counting: CountingReads) -> None:
    counting.counts_rules = True
    stores = keeping(counting, 4)
    id = (await stores.sessions.create(OWNER, new())).id
    await save_often(stores, id, 3)
    assert "rules_in_force" not in counting.kinds_read | {kind for one in counting.writes for kind in one.kinds}
    assert await save_often(stores, id, 1) == 4


async def test_without_knowledge_of_the_rules_nothing_is_deleted(engine: Engine) -> None:
    class Fails(Watched):
        failing = True

        async def read(self, container: Container, id: str, partition: str) -> Stored:
            if self.failing and id == ID:
                raise StoreUnavailable
            return await super().read(container, id, partition)

    failing = Fails(engine)
    stores = keeping(failing, 2)
    id = (await stores.sessions.create(OWNER, new())).id
    assert await save_often(stores, id, 4) == 5
    await stores.timers.run(DAILY)  # the first run deletes nothing in any case
    with pytest.raises(StoreUnavailable):
        await stores.timers.run(DAILY)
    failing.failing = False
    assert await save_often(stores, id, 1) == 2


def with_retention(engine: Engine, retention: timedelta) -> Stores:
    """A process that keeps drafts, the trash, tombstones and activity for so long."""
    return stores_over(
        engine,
        Rules(
            sessions=SessionRules(trash_retention=retention),
            draft_retention=retention,
            activity_retention=retention,
            timers=TimerRules(tombstone_retention=retention, settle_grace=NO_TIME),
        ),
    )


async def test_a_timer_with_shorter_retentions_waits_as_long_as_the_others(engine: Engine, clock: Clock) -> None:
    long, short = with_retention(engine, 60 * DAY), with_retention(engine, DAY)
    sessions = long.sessions
    draft = (await sessions.create(OWNER, new(), status=SessionStatus.DRAFT)).id
    trashed, deleted = [(await sessions.create(OWNER, new())).id for _ in range(2)]
    await sessions.delete(OWNER, trashed)
    await sessions.delete(OWNER, deleted, purge=True)
    lines = len((await long.activity.page(OWNER, page_size=100)).items)

    async def left() -> tuple[list[SessionStatus | None], int]:
        statuses: list[SessionStatus | None] = []
        for id in (draft, trashed, deleted):
            try:
                statuses.append(SessionStatus((await engine.read(SESSIONS, id, OWNER)).item["status"]))
            except ItemNotFound:
                statuses.append(None)
        return statuses, len((await long.activity.page(OWNER, page_size=100)).items)

    whole = [SessionStatus.DRAFT, SessionStatus.TRASHED, SessionStatus.DELETED]
    for _ in range(3):
        clock.advance(days=10)
        await long.shared.rules.look()
        await clean_up(short)
        await purge(short)
        assert await left() == (whole, lines)
    clock.advance(hours=25)
    await clean_up(short)
    await purge(short)
    statuses, _ = await left()
    assert statuses == [SessionStatus.DELETED, SessionStatus.DELETED, None]
    assert len((await long.activity.page(OWNER, page_size=100)).items) < lines + 2


async def test_a_process_without_trash_uses_that_of_another(engine: Engine, clock: Clock) -> None:
    with_trash, without = with_retention(engine, DAY), with_retention(engine, NO_TIME)
    await with_trash.shared.rules.look()
    one, other = [(await without.sessions.create(OWNER, new())).id for _ in range(2)]
    await without.sessions.delete(OWNER, one)
    assert [head.id for head in (await with_trash.trash.page(OWNER)).items] == [one]
    clock.advance(hours=25)
    await without.sessions.delete(OWNER, other)
    assert [head.id for head in (await with_trash.trash.page(OWNER)).items] == [one]


async def test_the_first_request_confirms_the_rules_of_a_process(engine: Engine) -> None:
    settings = Settings.model_validate(dict(SETTINGS) | {"keep_revisions": 7})
    stores = stores_over(engine, settings.store_rules())
    client = Client(stores, settings)
    for _ in range(2):
        assert_ok(await client.get("persistence/sessions"))
        await stores.shared.background.drain()
    confirmed = (await engine.read(SESSIONS, ID, " timers")).item["confirmed"]
    assert {name: list(values) for name, values in confirmed.items()} == {
        "KEEP_REVISIONS": ["7"],
        "TRASH_RETENTION_DAYS": ["30"],
        "DRAFT_RETENTION_DAYS": ["30"],
        "TOMBSTONE_RETENTION_DAYS": ["30"],
        "ACTIVITY_RETENTION_DAYS": ["90"],
    }
