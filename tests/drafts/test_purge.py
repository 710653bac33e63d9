"""The timer that purges stale drafts: only those, also if it is raced, killed or repeated."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from azure.functions.decorators.timer import TimerTrigger

from functions.app import build_app
from persistence import Stores, retry, stores_over
from persistence.errors import Gone, ItemNotFound, StoreUnavailable
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Create, Engine, Replace
from persistence.timers.scan import TimerRules
from tests.conftest import SETTINGS
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, a_session, draft
from tests.support.engines import Around, CountingReads, InBetween
from tests.support.sessions import OWNER, assert_sound, content_ids, damage, stored_heads
from tests.support.snapshots import dump, over
from tests.support.timers import PurgeCounts, clean_up, purge

RETENTION = timedelta(days=30)
A_MOMENT = timedelta(seconds=1)
Doing = Callable[[Stores], Awaitable[Any]]

MEANWHILE: dict[str, tuple[Doing, SessionStatus]] = {
    "opened": (lambda stores: stores.drafts.get(OWNER, DRAFT), SessionStatus.DRAFT),
    "touched": (lambda stores: stores.sessions.touch(OWNER, DRAFT), SessionStatus.DRAFT),
    "saved": (lambda stores: stores.drafts.put(OWNER, DRAFT, draft("saved")), SessionStatus.DRAFT),
    "promoted": (lambda stores: stores.drafts.promote(OWNER, DRAFT), SessionStatus.ACTIVE),
    "discarded": (lambda stores: stores.drafts.discard(OWNER, DRAFT), SessionStatus.TRASHED),
    "purged": (lambda stores: stores.drafts.discard(OWNER, DRAFT, purge=True), SessionStatus.DELETED),
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


def timers_of(engine: Engine, items_max: int = 20_000) -> Stores:
    return over(engine, timers=TimerRules(items_max=items_max))[3]


async def with_drafts(stores: Stores, count: int) -> list[str]:
    ids = [f"draft-{number:06}" for number in range(count)]
    for id in ids:
        await stores.drafts.put(OWNER, id, draft(id))
    return ids


async def drafts_left(stores: Stores) -> list[str]:
    return sorted(one.id for one in (await stores.drafts.page(OWNER, page_size=100)).items)


async def test_what_was_neither_saved_nor_opened_for_the_retention_is_purged(stores: Stores, clock: Clock) -> None:
    stale, opened, saved, unchanged = await with_drafts(stores, 4)
    await a_session(stores, SessionStatus.ACTIVE, "active-00001")
    await a_session(stores, SessionStatus.CLOSED, "closed-00001")
    clock.advance(days=20)
    await stores.drafts.get(OWNER, opened)
    await stores.drafts.put(OWNER, saved, draft("two"))
    await stores.drafts.put(OWNER, unchanged, draft(unchanged))
    clock.advance(days=9.9)
    assert await purge(stores) == PurgeCounts()
    clock.advance(days=0.2)
    assert await purge(stores) == PurgeCounts(drafts=2)
    assert await drafts_left(stores) == [opened, saved]
    # A tombstone, not the trash.
    assert (await stores.trash.page(OWNER)).items == []
    for call in (stores.drafts.get(OWNER, stale), stores.drafts.put(OWNER, stale, draft("late"))):
        with pytest.raises(Gone):
            await call
    assert len((await stores.sessions.page(OWNER)).items) == 2

    clock.advance(minutes=16)
    await clean_up(stores)
    named = {id for head in await stored_heads(stores.engine) for id in head.content_ids}
    assert await content_ids(stores.engine) == named, "the next run of the timer removed its contents"


@pytest.mark.parametrize("verb", ["query", "replace"])
@pytest.mark.parametrize(("meanwhile", "status"), MEANWHILE.values(), ids=MEANWHILE.keys())
async def test_a_draft_that_is_used_while_it_is_purged_survives(
    engine: Engine, clock: Clock, meanwhile: Doing, status: SessionStatus, verb: str
) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    await stores.drafts.put(OWNER, DRAFT, draft())
    clock.at += RETENTION + A_MOMENT
    raced = InBetween(engine, verb, lambda: meanwhile(stores))
    assert await purge(timers_of(raced)) == PurgeCounts(spared=1) and raced.done
    [head] = await stored_heads(engine)
    assert head.status is status
    if status not in (SessionStatus.TRASHED, SessionStatus.DELETED):
        assert (await stores.sessions.get(OWNER, DRAFT)).content in (b"one", b"saved")
        await assert_sound(engine)
    assert await purge(stores) == PurgeCounts()


async def test_a_draft_that_others_write_all_the_time_does_not_end_the_purge_of_the_rest(
    engine: Engine, stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NeverInTime(Around):
        """Another writer of that draft is always faster than the timer."""

        async def commit(
            self, container: Container, partition: str, operations: Sequence[Create | Replace]
        ) -> list[str]:
            if operations[0].item["id"] == busy:
                current = await self.inner.read(container, busy, OWNER)
                await self.inner.replace(container, current.item, current.etag)
            return await super().commit(container, partition, operations)

    monkeypatch.setattr(retry, "_MAX_SECONDS", 0)
    busy, *others = await with_drafts(stores, 3)
    clock.at += RETENTION + A_MOMENT
    purged = await purge(timers_of(NeverInTime(engine)))
    assert purged == PurgeCounts(drafts=len(others), spared=1)
    assert await drafts_left(stores) == [busy]


@pytest.mark.each_way
async def test_a_purge_that_wins_refuses_the_save_that_comes_too_late(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    await stores.drafts.put(OWNER, DRAFT, draft())
    clock.at += RETENTION + A_MOMENT
    late = stores_over(InBetween(engine, "replace", lambda: purge(stores)), SETTINGS.store_rules())
    with pytest.raises(Gone):
        await late.drafts.put(OWNER, DRAFT, draft("late"))
    [head] = await stored_heads(engine)
    assert head.status is SessionStatus.DELETED
    clock.advance(minutes=16)
    await clean_up(stores)
    assert await content_ids(engine) == set()


async def test_purging_again_changes_nothing(stores: Stores, engine: Engine, clock: Clock) -> None:
    await with_drafts(stores, 3)
    clock.at += RETENTION + A_MOMENT
    assert await purge(stores) == PurgeCounts(drafts=3)
    purged = await dump(engine)
    counting = CountingReads(engine)
    for _ in range(2):
        clock.advance(days=1)
        assert await purge(timers_of(counting)) == PurgeCounts()
    assert await dump(engine) == purged
    assert counting.verbs == ["query"] * 14, "a quiet run costs one query for each thing that it may delete"


async def test_a_run_takes_on_so_much_and_the_next_goes_on(stores: Stores, engine: Engine, clock: Clock) -> None:
    ids = await with_drafts(stores, 7)
    clock.at += RETENTION + A_MOMENT
    bounded = timers_of(engine, items_max=3)
    for left in (4, 1, 0):
        await purge(bounded)
        # The drafts that were unused for the longest time come first.
        assert await drafts_left(stores) == ids[7 - left :]
    assert await purge(bounded) == PurgeCounts()


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 6))
async def test_a_purge_that_is_killed_at_any_write_is_taken_up_again(
    engine: Engine, clock: Clock, at: int, applied: bool
) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    ids = await with_drafts(stores, 5)
    await stores.drafts.put("bob", ids[0], draft())
    clock.at += RETENTION + A_MOMENT
    before = {(head.owner_id, head.id): head for head in await heads_of_both(engine)}
    with pytest.raises(StoreUnavailable):
        await purge(timers_of(Dies(engine, at, applied)))
    with suppress(ItemNotFound):
        # Writes that were started may still be applied, before this one.
        await engine.delete(SESSIONS, "nothing", OWNER)
    after = await heads_of_both(engine)
    gone = [head for head in after if head.status is SessionStatus.DELETED]
    for head in after:
        assert head in gone or head == before[head.owner_id, head.id], "each as a whole or not at all"
    counts = await purge(stores)
    assert counts.drafts <= 6 - len(gone) and counts.skipped == 0
    assert {head.status for head in await heads_of_both(engine)} == {SessionStatus.DELETED}


async def heads_of_both(engine: Engine) -> list[SessionHead]:
    return await stored_heads(engine) + await stored_heads(engine, "bob")


async def test_a_damaged_draft_is_counted_and_left_alone(stores: Stores, engine: Engine, clock: Clock) -> None:
    ids = await with_drafts(stores, 3)
    await damage(engine, ids[1], schema=3)
    damaged = (await dump(engine))[f"sessions/{OWNER}/{ids[1]}"]
    clock.at += RETENTION + A_MOMENT
    assert await purge(stores) == PurgeCounts(drafts=2, skipped=1)
    assert (await dump(engine))[f"sessions/{OWNER}/{ids[1]}"] == damaged


async def test_the_timer_writes_one_line_of_counts(
    stores: Stores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await with_drafts(stores, 2)
    clock.at += RETENTION - timedelta(days=1)
    functions = {one.get_function_name(): one for one in build_app(stores, SETTINGS.app_rules()).get_functions()}
    timer = functions["purge_stale_drafts"]
    trigger = timer.get_trigger()
    assert isinstance(trigger, TimerTrigger) and trigger.schedule == SETTINGS.purge_schedule
    assert not trigger.run_on_startup
    caplog.set_level(logging.INFO, "savepoint.timers")
    await purge(stores)
    clock.at += timedelta(days=1) + A_MOMENT
    await timer.get_user_function()(None)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "savepoint.timers"]
    counts = "tombstones_forgotten 0, drafts purged 2, spared 0, trash purged 0, reservations_forgotten 0"
    assert line.startswith(f"purge_stale_drafts: {counts}, snapshots_expired 0,")
    assert "\n" not in line and line.endswith(" RU, backlog 0, trash_bytes 0, oldest_unsettled_s 0")
