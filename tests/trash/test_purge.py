"""The daily timer purges what was in the trash for the retention, and nothing else."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from persistence import Stores, stores_over
from persistence.errors import StoreUnavailable, Trashed
from persistence.sessions.documents import SessionStatus
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, a_session
from tests.support.engines import InBetween
from tests.support.sessions import OWNER, assert_sound, content_ids, damage, saving, stored_heads
from tests.support.timers import PurgeCounts, clean_up, purge

RETENTION = timedelta(days=SETTINGS.trash_retention_days)
A_MOMENT = timedelta(minutes=1)
Doing = Callable[[Stores], Awaitable[object]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def with_trash(stores: Stores, number: int) -> list[str]:
    ids = [f"trashed-{n:04}" for n in range(number)]
    for id in ids:
        await a_session(stores, SessionStatus.ACTIVE, id)
        await stores.sessions.delete(OWNER, id)
    return ids


async def trash_of(stores: Stores) -> list[str]:
    return sorted(one.id for one in (await stores.trash.page(OWNER, page_size=100)).items)


async def test_the_trash_is_purged_after_its_time_and_not_before(
    stores: Stores, engine: Engine, clock: Clock
) -> None:
    kept = await a_session(stores, SessionStatus.ACTIVE, "kept-0000001")
    ids = await with_trash(stores, 3)
    clock.at += RETENTION - 10 * A_MOMENT
    assert await purge(stores) == PurgeCounts()
    assert await trash_of(stores) == ids
    await clean_up(stores)
    await assert_sound(engine)
    with pytest.raises(Trashed):
        await stores.sessions.get(OWNER, ids[0])
    late = await a_session(stores, SessionStatus.ACTIVE)
    await stores.sessions.delete(OWNER, DRAFT)
    clock.at += 11 * A_MOMENT
    assert await purge(stores) == PurgeCounts(trash=3)
    assert await trash_of(stores) == [late.id]
    statuses = {head.id: head.status for head in await stored_heads(engine)}
    assert {statuses[id] for id in ids} == {SessionStatus.DELETED}
    clock.advance(days=1)
    await clean_up(stores)
    assert await content_ids(engine) == kept.content_ids | late.content_ids


async def test_two_retentions_do_not_meet(engine: Engine, clock: Clock) -> None:
    """Drafts and trash are found by one index, each by its own retention."""
    settings = SETTINGS.model_copy(update={"draft_retention_days": 2, "trash_retention_days": 5})
    stores = stores_over(engine, settings.store_rules())
    await a_session(stores, SessionStatus.DRAFT)
    [id] = await with_trash(stores, 1)
    clock.advance(days=3)
    assert await purge(stores) == PurgeCounts(drafts=1)
    assert await trash_of(stores) == [id]
    clock.advance(days=3)
    assert await purge(stores) == PurgeCounts(trash=1)


MEANWHILE: dict[str, tuple[Doing, SessionStatus, PurgeCounts]] = {
    "restored": (
        lambda stores: stores.trash.restore(OWNER, DRAFT),
        SessionStatus.ACTIVE,
        PurgeCounts(spared=1),
    ),
    "purged": (
        lambda stores: stores.trash.purge(OWNER, DRAFT),
        SessionStatus.DELETED,
        PurgeCounts(spared=1),
    ),
    "deleted again": (
        lambda stores: stores.sessions.delete(OWNER, DRAFT),
        SessionStatus.DELETED,
        PurgeCounts(trash=1),
    ),
}


@pytest.mark.each_way
@pytest.mark.parametrize("verb", ["query", "replace"])
@pytest.mark.parametrize(("meanwhile", "status", "counts"), MEANWHILE.values(), ids=MEANWHILE.keys())
async def test_what_happens_while_the_timer_runs_and_the_timer_have_one_winner(
    engine: Engine, clock: Clock, meanwhile: Doing, status: SessionStatus, counts: PurgeCounts, verb: str
) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    await a_session(stores, SessionStatus.ACTIVE)
    await stores.sessions.delete(OWNER, DRAFT)
    clock.at += RETENTION + A_MOMENT
    raced = InBetween(engine, verb, lambda: meanwhile(stores))
    assert await purge(stores_over(raced, SETTINGS.store_rules())) == counts and raced.done
    [head] = await stored_heads(engine)
    assert head.status is status
    if status is SessionStatus.ACTIVE:
        assert (await stores.sessions.get(OWNER, DRAFT)).content == b"two"
    await assert_sound(engine)


async def test_what_was_restored_and_deleted_again_waits_anew(stores: Stores, clock: Clock) -> None:
    [id] = await with_trash(stores, 1)
    clock.at += RETENTION - A_MOMENT
    await stores.trash.restore(OWNER, id)
    await stores.sessions.save(OWNER, id, saving("again"))
    await stores.sessions.delete(OWNER, id)
    clock.at += 2 * A_MOMENT
    assert await purge(stores) == PurgeCounts()
    assert await trash_of(stores) == [id]


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 4))
async def test_a_run_that_is_killed_is_completed_by_the_next(
    stores: Stores, engine: Engine, clock: Clock, at: int, applied: bool
) -> None:
    await with_trash(stores, 3)
    clock.at += RETENTION + A_MOMENT
    with pytest.raises(StoreUnavailable):
        await purge(stores_over(Dies(engine, at, applied), SETTINGS.store_rules()))
    await purge(stores)
    assert {head.status for head in await stored_heads(engine)} == {SessionStatus.DELETED}
    clock.advance(days=1)
    await clean_up(stores)
    assert await content_ids(engine) == set()


async def test_a_damaged_head_is_counted_and_left_alone(stores: Stores, engine: Engine, clock: Clock) -> None:
    ids = await with_trash(stores, 3)
    await damage(engine, ids[1], revisions="none")
    clock.at += RETENTION + A_MOMENT
    assert await purge(stores) == PurgeCounts(trash=2, skipped=1)
