"""A create that is interrupted at any point: every listed snapshot opens, and the timer settles the rest."""

import pytest

from persistence import Stores, stores_over
from persistence.errors import StoreUnavailable
from persistence.idempotency import IdempotencyKey
from persistence.snapshots.documents import AccessLog, Visitor
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Dies, Refuses, Watched
from tests.support.clock import Clock
from tests.support.engines import AnswersLost
from tests.support.snapshots import (
    GRACE,
    LARGE,
    OWNER,
    VISITOR,
    entry_of,
    new,
    over,
    stored,
    visitors_of,
)
from tests.support.timers import clean_up

# Each point at which a create can be interrupted: before or after one of its writes.
SMALL = [("small", "one", at, applied) for at in (1, 2, 3, 4) for applied in (False, True)]
TWO_PARTS = [("large", LARGE, at, applied) for at in (1, 2, 3, 4, 5) for applied in (False, True)]
every_point = pytest.mark.parametrize(
    ("content", "at", "applied"),
    [
        pytest.param(content, at, applied, id=f"{name}, {'after' if applied else 'before'} write {at}")
        for name, content, at, applied in SMALL + TWO_PARTS
    ],
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def assert_listed_ones_open(stores: Stores) -> int:
    """Asserts that every listed snapshot opens. Returns their number."""
    library = (await stores.snapshots.page(OWNER)).items
    history = (await stores.access_logs.page(OWNER)).items
    assert [entry.snapshot_id for entry in library] == [entry.snapshot_id for entry in history]
    for entry in library:
        _, content = await stores.snapshots.get(VISITOR, entry.snapshot_id)
        assert len(content) == entry.snapshot_metadata.content_bytes
    await stores.access_logs.drain()
    return len(library)


@every_point
async def test_a_create_that_ends_anywhere_is_settled(
    engine: Engine, clock: Clock, content: str, at: int, applied: bool
) -> None:
    dying = Dies(engine, at, applied)
    last = 4 if content == "one" else 5
    created = None
    try:
        created = await stores_over(dying, SETTINGS.store_rules()).snapshots.create(OWNER, new(content=content))
    except StoreUnavailable:
        assert at < last - 1
    assert dying.dead, "the create has fewer writes than this"

    stores = stores_over(engine, SETTINGS.store_rules())
    listed = await assert_listed_ones_open(stores)
    assert listed == (1 if (at, applied) == (last, True) else 0)
    entries = await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    # Within the grace the create may still be running, so its entry is not touched.
    assert (await clean_up(stores)).creates_settled == 0
    assert await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog) == entries

    clock.advance(seconds=GRACE.total_seconds() + 1)
    counts = await clean_up(stores)
    assert counts.creates_settled == len([entry for entry in entries if entry["pending"]])
    # What was committed is listed, and nothing else is left.
    committed = at > 2 or (at == 2 and applied)
    assert await assert_listed_ones_open(stores) == (1 if committed else 0)
    if created is not None:
        assert committed, "an acknowledged snapshot is missing"
    for entry in await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog):
        assert (entry["pending"], entry["unsettled_at"]) == (False, None)
    visitors = await stored(engine, SNAPSHOTS, Visitor)
    assert {one["visitor_id"] for one in visitors} <= {OWNER, VISITOR}
    assert committed or not visitors


async def test_a_snapshot_deleted_before_its_row_was_confirmed_is_marked(engine: Engine, clock: Clock) -> None:
    refusing = Refuses(engine, SNAPSHOT_ACCESS_LOGS, "patch")
    refusing.refusing = True
    stores = stores_over(refusing, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new(description="Words"))
    await stores.snapshots.delete(OWNER, made.id)
    refusing.refusing = False
    clock.advance(seconds=GRACE.total_seconds() + 1)
    await clean_up(stores)
    entry = await entry_of(engine, OWNER, made.id)
    assert entry is not None
    assert (entry.snapshot_deleted, entry.pending, entry.unsettled_at) == (True, False, None)
    assert entry.snapshot_metadata.description is None
    assert (await stores.snapshots.page(OWNER)).items == []


async def test_a_repeat_that_the_timer_overtakes_is_listed_all_the_same(engine: Engine, clock: Clock) -> None:
    key = IdempotencyKey("key", "digest")
    with pytest.raises(StoreUnavailable):
        await stores_over(Dies(engine, at=3), SETTINGS.store_rules()).snapshots.create(OWNER, new(), key)
    clock.advance(seconds=GRACE.total_seconds() + 1)

    class TimerInBetween(Watched):
        """Runs the timer after the retry has found its old entry, and before it writes the snapshot."""

        async def before(self, verb: str, container: Container) -> None:
            if verb == "commit":
                assert (await clean_up(over(engine)[3])).creates_settled == 1

    made = await stores_over(TimerInBetween(engine), SETTINGS.store_rules()).snapshots.create(OWNER, new(), key)
    stores = stores_over(engine, SETTINGS.store_rules())
    assert [entry.snapshot_id for entry in (await stores.snapshots.page(OWNER)).items] == [made.id]
    entry = await entry_of(engine, OWNER, made.id)
    assert entry is not None and (entry.visits, entry.pending) == (1, False)


@pytest.mark.parametrize("content", ["one", LARGE], ids=["small", "large"])
async def test_a_create_whose_answers_are_lost_finds_itself_done(engine: Engine, content: str) -> None:
    losing = AnswersLost(engine, ["create", "commit"], times=9)
    stores = stores_over(losing, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new(content=content))
    assert losing.times == (6 if content == "one" else 5)
    losing.times = 0
    assert (await stores.snapshots.get(VISITOR, made.id))[1] == content.encode()
    await stores.access_logs.drain()
    assert [entry.snapshot_id for entry in (await stores.snapshots.page(OWNER)).items] == [made.id]
    assert (await visitors_of(engine, made.id)).keys() == {OWNER, VISITOR}
