"""Deleting a snapshot: the tombstone is the commit. Nobody can open it from then on. On each engine."""

import asyncio

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id
from persistence.errors import Contended, Forbidden, Gone, NotFound, StoreUnavailable
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.engine import PAYLOAD, Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Dies, Refuses
from tests.support.clock import Clock
from tests.support.engines import AnswersLost, LateReads
from tests.support.snapshots import (
    GRACE,
    LARGE,
    OUTSIDER,
    OWNER,
    RETENTION,
    VISITOR,
    entry_of,
    find_snapshot,
    new,
    over,
    visit,
    visitors_of,
    with_rules,
)
from tests.support.timers import clean_up


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def assert_gone(stores: Stores, snapshot_id: str) -> None:
    """Asserts that every read raises Gone for everybody, and that no list shows the snapshot."""
    for person in (OWNER, VISITOR, OUTSIDER):
        with pytest.raises(Gone):
            await stores.snapshots.get(person, snapshot_id)
        library = await stores.snapshots.page(person, page_size=100)
        assert snapshot_id not in [entry.snapshot_id for entry in library.items]
    with pytest.raises(Gone):
        await stores.snapshots.stats(OWNER, snapshot_id)
    with pytest.raises(Gone):
        await with_rules(stores, show_visitors=True).visitors(OWNER, snapshot_id)


@pytest.mark.parametrize("content", ["one", LARGE], ids=["small", "large"])
async def test_a_deleted_snapshot_is_gone_for_all_and_leaves_no_content(stores: Stores, content: str) -> None:
    made = await stores.snapshots.create(OWNER, new("Secret", content, description="Words", app="map"))
    await visit(stores, VISITOR, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    await assert_gone(stores, made.id)
    item = (await stores.engine.read(SNAPSHOTS, made.id, made.id)).item
    assert PAYLOAD not in item
    tombstone = await find_snapshot(stores.engine, made.id)
    assert tombstone is not None and tombstone.owner_id == OWNER
    assert (tombstone.metadata.title, tombstone.metadata.description) == ("", None)
    assert tombstone.deleted_at == tombstone.unsettled_at is not None


async def test_the_owners_row_is_marked_at_once_and_those_of_visitors_beside_the_answer(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new(description="Words"))
    await visit(stores, VISITOR, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    own = await entry_of(stores.engine, OWNER, made.id)
    assert own is not None
    assert (own.snapshot_deleted, own.snapshot_metadata.description, own.unsettled_at) == (True, None, None)
    assert own.snapshot_metadata.title == "First", "its title stays"
    await stores.access_logs.drain()
    other = await entry_of(stores.engine, VISITOR, made.id)
    assert other is not None and other.snapshot_deleted
    assert (other.snapshot_metadata.title, other.snapshot_metadata.description) == ("First", None)
    assert other.owner_id == OWNER


async def test_as_many_visitors_are_told_at_once_as_is_cheap_and_a_timer_tells_the_rest(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.snapshots.telling.TOLD_AT_ONCE", 3)
    made = await stores.snapshots.create(OWNER, new())
    people = [f"visitor {number}" for number in range(6)]
    for person in people:
        await visit(stores, person, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    await stores.access_logs.drain()
    assert await count_marked(stores, made.id, people) in (2, 3), "the owner is one of three"
    clock.advance(seconds=GRACE.total_seconds() + 1)
    await clean_up(stores)
    assert await count_marked(stores, made.id, people) == 6


async def count_marked(stores: Stores, snapshot_id: str, people: list[str]) -> int:
    entries = [await entry_of(stores.engine, person, snapshot_id) for person in people]
    return sum(entry is not None and entry.snapshot_deleted for entry in entries)


@pytest.mark.parametrize("seconds", [0, 30], ids=["fails", "hangs"])
async def test_visitors_who_cannot_be_told_at_once_neither_delay_nor_fail_the_delete(
    engine: Engine, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.snapshots.telling.TELLING_SECONDS", 0.1)
    plain = stores_over(engine, SETTINGS.store_rules())
    made = await plain.snapshots.create(OWNER, new())
    await visit(plain, VISITOR, made.id)
    await plain.engine.delete(SNAPSHOT_ACCESS_LOGS, made.id, OWNER)
    refusing = Refuses(engine, SNAPSHOT_ACCESS_LOGS, "patch", seconds=seconds)
    refusing.refusing = True
    stores = stores_over(refusing, SETTINGS.store_rules())
    monkeypatch.setattr(stores.access_logs, "find", plain.access_logs.find)
    monkeypatch.setattr(stores.snapshots, "mark_own_entry", plain.snapshots.mark_own_entry)
    await stores.snapshots.delete(OWNER, made.id)
    assert refusing.refused == 0
    await stores.access_logs.drain()
    assert refusing.refused == 1
    await assert_gone(plain, made.id)


async def test_deleting_again_is_harmless(stores: Stores, clock: Clock) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await stores.snapshots.delete(OWNER, made.id)
    tombstone = await find_snapshot(stores.engine, made.id)
    clock.advance(minutes=1)
    await stores.snapshots.delete(OWNER, made.id)
    assert await find_snapshot(stores.engine, made.id) == tombstone
    await assert_gone(stores, made.id)


async def test_only_its_owner_deletes_it_before_and_after(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    for person in (VISITOR, OUTSIDER):
        with pytest.raises(Forbidden):
            await stores.snapshots.delete(person, made.id)
    assert (await stores.snapshots.get(OWNER, made.id))[1] == b"one"
    await stores.snapshots.delete(OWNER, made.id)
    for person in (VISITOR, OUTSIDER):
        with pytest.raises(Forbidden):
            await stores.snapshots.delete(person, made.id)
    await stores.access_logs.drain()


async def test_what_was_never_there_cannot_be_deleted(stores: Stores) -> None:
    with pytest.raises(NotFound):
        await stores.snapshots.delete(OWNER, new_id())


async def test_it_works_although_the_owner_removed_their_own_row(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await stores.access_logs.remove(OWNER, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    await assert_gone(stores, made.id)
    await stores.access_logs.remove(OWNER, made.id)
    entry = await entry_of(stores.engine, OWNER, made.id)
    assert entry is not None and entry.hidden, "an erasure finds the visitors by it"
    await stores.snapshots.delete(OWNER, made.id)


async def test_it_works_although_the_owners_row_is_lost(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await stores.engine.delete(SNAPSHOT_ACCESS_LOGS, made.id, OWNER)
    assert (await stores.snapshots.stats(OWNER, made.id)).visits == 1
    await stores.snapshots.delete(OWNER, made.id)
    await assert_gone(stores, made.id)


async def test_deletes_at_once_all_succeed(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await asyncio.gather(*(stores.snapshots.delete(OWNER, made.id) for _ in range(8)))
    await assert_gone(stores, made.id)


async def test_a_delete_whose_answer_was_lost_finds_itself_done(engine: Engine) -> None:
    losing = AnswersLost(engine, ["replace"])
    stores = stores_over(losing, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    await stores.snapshots.delete(OWNER, made.id)
    assert losing.times == 0
    await assert_gone(stores, made.id)


@pytest.mark.parametrize("seed", range(3))
async def test_late_reads_delete_nothing_twice_and_revive_nothing(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed, most=2)
    _, snapshots, *_ = over(late)
    stores = stores_over(engine, SETTINGS.store_rules())
    for _ in range(10):
        made = await snapshots.create(OWNER, new())
        for _ in range(3):
            try:
                await snapshots.delete(OWNER, made.id)
            except (NotFound, Contended):
                continue
        tombstone = await find_snapshot(engine, made.id)
        assert tombstone is not None and tombstone.deleted_at is not None
        await assert_gone(stores, made.id)
    assert late.answered_late > 0


async def test_a_delete_that_dies_after_its_commit_is_a_delete(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    dying = Dies(engine, at=1, applied=True)
    with pytest.raises(StoreUnavailable):
        await stores_over(dying, SETTINGS.store_rules()).snapshots.delete(OWNER, made.id)
    with pytest.raises(Gone):
        await stores.snapshots.get(OWNER, made.id)
    with pytest.raises(Gone):
        await stores.snapshots.stats(OWNER, made.id)
    # The library still lists it. Deleting it again removes it from there.
    await stores.snapshots.delete(OWNER, made.id)
    await assert_gone(stores, made.id)


async def test_a_row_that_cannot_be_marked_does_not_fail_the_delete(engine: Engine, clock: Clock) -> None:
    refusing = Refuses(engine, SNAPSHOT_ACCESS_LOGS, "patch")
    stores = stores_over(refusing, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    refusing.refusing = True
    await stores.snapshots.delete(OWNER, made.id)
    await stores.access_logs.drain()
    assert refusing.refused == 1
    refusing.refusing = False
    clock.advance(seconds=GRACE.total_seconds() + 1)
    counts = await clean_up(stores)
    assert (counts.rows_marked, counts.visitors_removed) == (1, 1)
    await assert_gone(stores, made.id)


async def test_a_forgotten_snapshot_is_as_one_that_never_was(stores: Stores, clock: Clock) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    clock.advance(seconds=GRACE.total_seconds() + 1)
    await clean_up(stores)
    clock.advance(seconds=RETENTION.total_seconds())
    await clean_up(stores, daily=True)
    assert await find_snapshot(stores.engine, made.id) is None
    assert await visitors_of(stores.engine, made.id) == {}
    for asking in (stores.snapshots.get, stores.snapshots.delete, stores.snapshots.stats):
        with pytest.raises(NotFound):
            await asking(OWNER, made.id)
    entry = await entry_of(stores.engine, VISITOR, made.id)
    assert entry is not None and entry.snapshot_deleted, "a visitor's history stays"
