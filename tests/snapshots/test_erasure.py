"""Erasing everything: the entries of visitors keep nothing of the person's snapshots. On each engine."""

import pytest

from persistence import Rules, Stores, stores_over
from persistence.account.erasure import erase
from persistence.documents import now
from persistence.errors import Gone
from persistence.snapshots.documents import AccessLog
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, Container
from persistence.storage.engine import Engine, Set, Stored
from tests.support.clock import Clock
from tests.support.engines import Around
from tests.support.snapshots import (
    GRACE,
    OWNER,
    RETENTION,
    VISITOR,
    dump,
    entry_of,
    find_snapshot,
    new,
    stored,
    visit,
)
from tests.support.timers import clean_up

WORDS = ("Secret", "secret", "Words", "owner-app", "text/private", OWNER)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def opened(stores: Stores, *people: str) -> str:
    made = await stores.snapshots.create(
        OWNER, new("Secret", description="Words", app="owner-app", media_type="text/private")
    )
    for person in people:
        await visit(stores, person, made.id)
    return made.id


async def assert_says_nothing(engine: Engine, person: str, snapshot_id: str, visits: int = 1) -> None:
    entry = await entry_of(engine, person, snapshot_id)
    assert entry is not None and entry.snapshot_deleted and entry.visits == visits
    item = (await engine.read(SNAPSHOT_ACCESS_LOGS, snapshot_id, person)).item
    values = [*item.values(), *item["snapshot_metadata"].values()]
    assert not {*WORDS} & {value for value in values if isinstance(value, str)}
    assert (entry.owner_id, entry.snapshot_metadata.title, entry.snapshot_metadata.content_hash) == ("", "", "")


async def erase_all(stores: Stores) -> dict[str, int]:
    total: dict[str, int] = {}
    while True:
        erasure = await erase(stores.kinds, OWNER)
        total = {name: total.get(name, 0) + number for name, number in erasure.counts.items()}
        if erasure.done:
            return total


async def test_visitors_keep_nothing_of_it_at_once(engine: Engine, stores: Stores) -> None:
    id = await opened(stores, VISITOR, "cleo")
    counts = await erase_all(stores)
    assert (counts["snapshots"], counts["rows"]) == (1, 1)
    for person in (VISITOR, "cleo"):
        await assert_says_nothing(engine, person, id)
        (row,) = (await stores.access_logs.page(person)).items
        assert row.snapshot_deleted
    tombstone = await find_snapshot(engine, id)
    assert tombstone is not None and tombstone.erased
    assert (tombstone.metadata.content_hash, tombstone.metadata.content_bytes, tombstone.app) == ("", 0, None)
    with pytest.raises(Gone):
        await stores.snapshots.get(VISITOR, id)


async def test_of_many_visitors_a_timer_clears_the_rest(
    engine: Engine, stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.snapshots.telling.TOLD_AT_ONCE", 2)
    people = [f"visitor {number}" for number in range(5)]
    id = await opened(stores, *people)
    await erase_all(stores)
    clock.at += GRACE
    await clean_up(stores)
    for person in people:
        await assert_says_nothing(engine, person, id)
    assert await entry_of(engine, OWNER, id) is None
    tombstone = await find_snapshot(engine, id)
    assert tombstone is not None and tombstone.unsettled_at is None


async def test_marked_entries_count_as_items_of_a_call(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.account.erasure.ERASE_ITEMS", 4)
    for _ in range(2):
        await opened(stores, VISITOR, "cleo", "dora")
    first = await erase(stores.kinds, OWNER)
    assert (first.counts["snapshots"], first.done) == (1, False)


async def test_a_visit_in_flight_does_not_bring_the_texts_back(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine)
    id = await opened(stores)
    snapshot = await find_snapshot(engine, id)
    assert snapshot is not None
    await erase_all(stores)
    entry = AccessLog.first_visit(snapshot, VISITOR, now())
    await engine.create(SNAPSHOT_ACCESS_LOGS, entry.to_item())
    clock.at += GRACE
    await clean_up(stores)
    await assert_says_nothing(engine, VISITOR, id)


async def test_what_was_deleted_before_is_cleared_too(engine: Engine, stores: Stores, clock: Clock) -> None:
    deleted, forgotten, removed = [await opened(stores, VISITOR) for _ in range(3)]
    await stores.snapshots.delete(OWNER, forgotten)
    await stores.access_logs.drain()
    clock.at += GRACE
    await clean_up(stores)
    clock.at += RETENTION
    await clean_up(stores, daily=True)
    assert await find_snapshot(engine, forgotten) is None
    for id in (deleted, removed):
        await stores.snapshots.delete(OWNER, id)
    await stores.access_logs.remove(OWNER, removed)
    await stores.access_logs.drain()
    clock.at += GRACE
    await clean_up(stores)
    counts = await erase_all(stores)
    assert (counts["snapshots"], counts["rows"]) == (0, 3)
    clock.at += GRACE
    await clean_up(stores)
    for id in (deleted, forgotten, removed):
        await assert_says_nothing(engine, VISITOR, id)
    clock.at += RETENTION
    await clean_up(stores, daily=True)
    left = await dump(engine)
    assert {item["kind"] for item in left.values()} == {"access_log"}
    assert {item["visitor_id"] for item in left.values()} == {VISITOR}


async def test_a_create_that_a_timer_would_settle_does_not_come_back(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine)
    id = await opened(stores)
    entry = await entry_of(engine, OWNER, id)
    assert entry is not None
    await erase_all(stores)
    await stores.access_logs.create_pending(entry)
    clock.at += GRACE * 2
    await clean_up(stores)
    assert await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog) == []


async def test_the_pass_over_old_formats_does_not_bring_a_title_back(engine: Engine, clock: Clock) -> None:
    class ErasedMeanwhile(Around):
        """Erases everything before the first renewal of a copy of a title."""

        is_erased = False

        async def patch(self, container: Container, id: str, partition: str, operations: list[Set]) -> Stored:  # type: ignore[override]
            if not self.is_erased and operations[0].path == "snapshot_metadata.title__lower":
                self.is_erased = True
                await erase_all(stores)
            return await super().patch(container, id, partition, operations)

    stores = stores_over(engine)
    id = await opened(stores, VISITOR)
    old = [Set("snapshot_metadata.title__lower", "as of old")]
    await engine.patch(SNAPSHOT_ACCESS_LOGS, id, VISITOR, old)
    clock.at += GRACE
    erased = ErasedMeanwhile(engine)
    await stores_over(erased, Rules(renew_formats=True)).timers.run("sweep_sessions")
    assert erased.is_erased
    await assert_says_nothing(engine, VISITOR, id)
