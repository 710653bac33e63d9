"""The access log: visits are counted and removed, and counting never delays or fails a read. On each engine."""

import asyncio
import random

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id, now
from persistence.errors import NotFound
from persistence.snapshots.documents import AccessLog, Visitor
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Watched
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads
from tests.support.snapshots import (
    OUTSIDER,
    OWNER,
    VISITOR,
    damage,
    entry_of,
    new,
    stored,
    visit,
    visitors_of,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def history(stores: Stores, person: str) -> dict[str, int]:
    """Returns the number of visits that a person's list shows, by snapshot."""
    return {
        entry.snapshot_id: entry.visits for entry in (await stores.access_logs.page(person, page_size=100)).items
    }


async def assert_in_step(engine: Engine, person: str, snapshot_id: str) -> AccessLog:
    """Asserts that the visitor item has the values of the entry. Returns the entry."""
    entry = await entry_of(engine, person, snapshot_id)
    assert entry is not None
    assert (await visitors_of(engine, snapshot_id))[person] == Visitor.of(entry)
    return entry


async def test_the_first_visit_makes_a_row_that_is_right_from_the_start(stores: Stores, clock: Clock) -> None:
    made = await stores.snapshots.create(OWNER, new("Title", description="About", app="map"))
    clock.advance(hours=1)
    await visit(stores, VISITOR, made.id)
    entry = await assert_in_step(stores.engine, VISITOR, made.id)
    assert (entry.visits, entry.owner_id, entry.app) == (1, OWNER, "map")
    assert entry.snapshot_metadata == made.metadata
    assert entry.first_visited_at == entry.last_visited_at > NOON
    assert not (entry.snapshot_deleted or entry.pending or entry.hidden)


async def test_each_visit_counts_and_only_the_last_one_moves(stores: Stores, clock: Clock) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    first = await assert_in_step(stores.engine, VISITOR, made.id)
    for visits in (2, 3):
        clock.advance(hours=1)
        await visit(stores, VISITOR, made.id)
        entry = await assert_in_step(stores.engine, VISITOR, made.id)
        assert (entry.visits, entry.first_visited_at) == (visits, first.first_visited_at)
        assert (entry.last_visited_at - first.first_visited_at).total_seconds() // 3600 == visits - 1
    await visit(stores, OWNER, made.id)
    assert (await assert_in_step(stores.engine, OWNER, made.id)).visits == 2, "creating it was the first"


async def test_fifty_first_opens_at_once_are_fifty_visits_in_one_row(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    responses = await asyncio.gather(*(stores.snapshots.get(VISITOR, made.id) for _ in range(50)))
    assert all(content == b"one" for _, content in responses)
    await stores.access_logs.drain()
    entry = await assert_in_step(stores.engine, VISITOR, made.id)
    assert entry.visits == 50
    assert made.metadata.created_at < entry.first_visited_at <= entry.last_visited_at
    entries = await stored(stores.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    assert sorted(one["visitor_id"] for one in entries) == [OWNER, VISITOR]
    assert (await stores.snapshots.stats(OWNER, made.id)).visits == 51


async def test_copies_that_overtake_each_other_end_at_the_rows_values(engine: Engine) -> None:
    draw = random.Random(1)

    class Uneven(Watched):
        """Delays each write of a visitor item by a random time."""

        async def before(self, verb: str, container: Container) -> None:
            if container is SNAPSHOTS and verb in ("patch", "create"):
                await asyncio.sleep(draw.uniform(0, 0.02))

    stores = stores_over(Uneven(engine), SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    for _ in range(3):
        await asyncio.gather(*(stores.snapshots.get(VISITOR, made.id) for _ in range(10)))
        await stores.access_logs.drain()
        await assert_in_step(engine, VISITOR, made.id)


async def test_many_people_at_once_are_told_apart(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    people = ["a b", "a/b", "a?b#c\\", "ż" * 100, "A B", "a" * 255]
    await asyncio.gather(*(stores.snapshots.get(person, made.id) for person in people * 3))
    await stores.access_logs.drain()
    for person in people:
        assert (await assert_in_step(stores.engine, person, made.id)).visits == 3
        assert await history(stores, person) == {made.id: 3}


async def test_a_visit_that_was_overtaken_by_a_first_and_a_third_one_is_in_step(engine: Engine) -> None:
    class Overtaken(Watched):
        """Inserts two visits: one creates the entry before the first patch, one follows the second visit."""

        patches = 0

        async def before(self, verb: str, container: Container) -> None:
            if verb == "patch" and container is SNAPSHOT_ACCESS_LOGS:
                self.patches += 1
                if self.patches == 1:
                    # Its first visit is later than the visit that this patch adds.
                    entry = AccessLog.first_visit(made, VISITOR, now())
                    await self.inner.create(container, entry.to_item())

        async def after(self, verb: str, container: Container) -> None:
            if verb == "patch" and container is SNAPSHOT_ACCESS_LOGS and self.patches == 1:
                self.patches += 1
                await stores.snapshots.get(VISITOR, made.id)
                await asyncio.sleep(0.05)

    made = await stores_over(engine, SETTINGS.store_rules()).snapshots.create(OWNER, new())
    stores = stores_over(Overtaken(engine), SETTINGS.store_rules())
    await visit(stores, VISITOR, made.id)
    entry = await assert_in_step(engine, VISITOR, made.id)
    assert entry.visits == 3 and entry.last_visited_at > entry.first_visited_at


async def test_a_visit_that_creates_the_entry_again_after_an_erasure_is_copied(engine: Engine) -> None:
    class Holds(Watched):
        """Holds the patch of the entry until the entry is erased."""

        is_held, is_erased = asyncio.Event(), asyncio.Event()

        async def before(self, verb: str, container: Container) -> None:
            if (verb, container) == ("patch", SNAPSHOT_ACCESS_LOGS):
                self.is_held.set()
                await self.is_erased.wait()

    plain = stores_over(engine, SETTINGS.store_rules())
    made = await plain.snapshots.create(OWNER, new())
    await visit(plain, VISITOR, made.id)
    holding = Holds(engine)
    stores = stores_over(holding, SETTINGS.store_rules())
    await stores.snapshots.get(VISITOR, made.id)
    await holding.is_held.wait()
    await plain.access_logs.erase(VISITOR, made.id)
    holding.is_erased.set()
    await stores.access_logs.drain()
    assert (await assert_in_step(engine, VISITOR, made.id)).visits == 1


async def test_a_later_visit_is_two_patches(engine: Engine) -> None:
    counting = CountingReads(engine)
    stores = stores_over(counting, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    counting.forget()
    await visit(stores, VISITOR, made.id)
    assert counting.verbs == ["read", "patch", "patch"]


async def test_a_removed_row_is_forgotten_by_both_sides_until_the_next_visit(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    for _ in range(3):
        await visit(stores, VISITOR, made.id)
    await stores.access_logs.remove(VISITOR, made.id)
    assert await history(stores, VISITOR) == {}
    assert await entry_of(stores.engine, VISITOR, made.id) is None
    assert (await visitors_of(stores.engine, made.id)).keys() == {OWNER}
    assert (await stores.snapshots.stats(OWNER, made.id)).visits == 1
    await visit(stores, VISITOR, made.id)
    assert await history(stores, VISITOR) == {made.id: 1}
    await assert_in_step(stores.engine, VISITOR, made.id)


async def test_of_my_own_snapshot_only_the_visit_history_is_hidden(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await stores.access_logs.remove(OWNER, made.id)
    await stores.access_logs.remove(OWNER, made.id)
    assert await history(stores, OWNER) == {}
    assert [entry.snapshot_id for entry in (await stores.snapshots.page(OWNER)).items] == [made.id]
    assert (await stores.snapshots.stats(OWNER, made.id)).visits == 1
    await visit(stores, OWNER, made.id)
    assert await history(stores, OWNER) == {made.id: 2}


async def test_removing_is_for_ones_own_row_and_harmless_to_repeat(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    await stores.access_logs.remove(OUTSIDER, made.id)
    assert await history(stores, VISITOR) == {made.id: 1} == await history(stores, OWNER)
    await stores.access_logs.remove(VISITOR, made.id)
    await stores.access_logs.remove(VISITOR, made.id)
    await stores.access_logs.remove(VISITOR, new_id())
    with pytest.raises(NotFound):
        await stores.access_logs.remove(VISITOR, "no id")


async def test_a_row_of_a_deleted_snapshot_leaves_its_owners_history(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    await stores.access_logs.drain()
    assert await history(stores, OWNER) == {}
    assert await history(stores, VISITOR) == {made.id: 1}
    deleted = stores.access_logs.filters.create("snapshot_deleted", True, "EQUAL")
    for person in (OWNER, VISITOR):
        (entry,) = (await stores.access_logs.page(person, [deleted])).items
        assert entry.snapshot_id == made.id and entry.snapshot_deleted
    await stores.access_logs.remove(OWNER, made.id)
    assert (await stores.access_logs.page(OWNER, [deleted])).items == []


async def test_a_visit_before_the_removal_does_not_come_after_it(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    for _ in range(10):
        await stores.snapshots.get(VISITOR, made.id)
        await stores.access_logs.remove(VISITOR, made.id)
        await stores.access_logs.drain()
        assert await entry_of(stores.engine, VISITOR, made.id) is None
        assert (await visitors_of(stores.engine, made.id)).keys() == {OWNER}


@pytest.mark.parametrize("container", [SNAPSHOT_ACCESS_LOGS, SNAPSHOTS], ids=["row", "visitor item"])
async def test_a_count_that_hangs_delays_no_read_and_is_not_lost(engine: Engine, container: Container) -> None:
    class Hangs(Watched):
        hanging, is_released = False, asyncio.Event()

        async def before(self, verb: str, container_: Container) -> None:
            if self.hanging and container_ is container and verb in ("patch", "create"):
                await self.is_released.wait()

    hanging = Hangs(engine)
    stores = stores_over(hanging, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    hanging.hanging = True
    for person in (VISITOR, "cleo", VISITOR):
        _, content = await stores.snapshots.get(person, made.id)
        assert content == b"one"
    await assert_never_ahead(engine, made.id)
    hanging.is_released.set()
    await stores.access_logs.drain()
    assert (await assert_in_step(engine, VISITOR, made.id)).visits == 3
    assert (await assert_in_step(engine, "cleo", made.id)).visits == 1


async def assert_never_ahead(engine: Engine, snapshot_id: str) -> None:
    """Asserts that no visitor item shows more visits, or later ones, than its entry."""
    for person, visitor in (await visitors_of(engine, snapshot_id)).items():
        entry = await entry_of(engine, person, snapshot_id)
        assert entry is not None
        assert visitor.visits <= entry.visits
        assert visitor.last_visited_at <= entry.last_visited_at
        assert visitor.first_visited_at == entry.first_visited_at


async def test_a_lost_visitor_item_comes_back_with_all_visits(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    for _ in range(3):
        await visit(stores, VISITOR, made.id)
    item = (await visitors_of(stores.engine, made.id))[VISITOR]
    await stores.engine.delete(SNAPSHOTS, item.id, made.id)
    await visit(stores, VISITOR, made.id)
    assert (await assert_in_step(stores.engine, VISITOR, made.id)).visits == 4


async def test_a_damaged_row_is_left_out_and_does_not_stop_the_reading(stores: Stores) -> None:
    made = [await stores.snapshots.create(OWNER, new()) for _ in range(3)]
    for one in made:
        await visit(stores, VISITOR, one.id)
    await damage(stores.engine, SNAPSHOT_ACCESS_LOGS, made[0].id, VISITOR, visits="many")
    await damage(stores.engine, SNAPSHOT_ACCESS_LOGS, made[1].id, VISITOR, schema=2)
    assert await history(stores, VISITOR) == {made[2].id: 1}
    for one in made:
        await visit(stores, VISITOR, one.id)
    assert await history(stores, VISITOR) == {made[2].id: 2}
    await stores.access_logs.drain()


async def test_two_instances_that_count_agree_after_the_next_visit(engine: Engine) -> None:
    one, other = stores_over(engine, SETTINGS.store_rules()), stores_over(engine, SETTINGS.store_rules())
    made = await one.snapshots.create(OWNER, new())
    for opened in range(10, 60, 10):
        await asyncio.gather(*(stores.snapshots.get(VISITOR, made.id) for stores in [one, other] * 5))
        await asyncio.gather(one.access_logs.drain(), other.access_logs.drain())
        entry = await entry_of(engine, VISITOR, made.id)
        assert entry is not None and entry.visits == opened
        # The instance with the older count may have written last.
        assert 0 < (await visitors_of(engine, made.id))[VISITOR].visits <= opened
    await visit(one, VISITOR, made.id)
    assert (await assert_in_step(engine, VISITOR, made.id)).visits == 51
