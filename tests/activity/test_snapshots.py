"""Lines about snapshots: each that was made or deleted has its line, also after interruptions."""

from datetime import timedelta

import pytest

from persistence import stores_over
from persistence.activity.documents import ActivityLine, Actor, event_id
from persistence.errors import StoreUnavailable
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.activity import stored_lines
from tests.support.breaking import Dies
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads
from tests.support.http import Client
from tests.support.snapshots import GRACE, OWNER, find_snapshot, new, over, visit
from tests.support.timers import clean_up

ME = "persistence/me"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def told(engine: Engine) -> dict[str, ActivityLine]:
    """Returns the owner's lines about snapshots, by action. There is one of each at most."""
    lines = await stored_lines(engine, OWNER)
    assert len({one.action for one in lines}) == len(lines)
    return {one.action.value: one for one in lines}


async def test_making_and_deleting_a_snapshot_are_two_lines(engine: Engine, clock: Clock) -> None:
    stores = over(engine)[3]
    made = await stores.snapshots.create(OWNER, new("Wells", content="one", app="map"))
    await visit(stores, "ben", made.id)
    await stores.snapshots.delete(OWNER, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    lines = await told(engine)
    assert lines.keys() == {"created", "deleted"}
    for action, line in lines.items():
        assert line.id == event_id("snapshot", made.id, action)
        assert (line.subject.id, line.subject.title, line.app) == (made.id, "Wells", "map")
        assert (line.content_hash, line.content_bytes) == (made.metadata.content_hash, 3)
        assert (line.actor, line.version, line.device_info) == (Actor.ME, None, None)
    assert lines["created"].at == made.metadata.created_at < lines["deleted"].at
    assert await stored_lines(engine, "ben") == [], "visits are no activity"


async def test_a_snapshot_that_expires_is_deleted_by_a_timer(engine: Engine, clock: Clock) -> None:
    stores = over(engine)[3]
    await stores.snapshots.create(OWNER, new("Wells", expires_at=NOON + timedelta(hours=1)))
    clock.advance(hours=2)
    await clean_up(stores, daily=True)
    deleted = (await told(engine))["deleted"]
    assert (deleted.actor, deleted.subject.title) == (Actor.TIMER, "Wells")


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 5))
async def test_a_create_that_ends_anywhere_has_its_line_if_it_was_committed(
    engine: Engine, clock: Clock, at: int, applied: bool
) -> None:
    snapshots = over(Dies(engine, at, applied))[1]
    try:
        await snapshots.create(OWNER, new())
    except StoreUnavailable:
        pass
    clock.advance(seconds=GRACE.total_seconds() + 1)
    stores = over(engine)[3]
    await clean_up(stores)
    listed = [entry.snapshot_id for entry in (await stores.snapshots.page(OWNER)).items]
    assert [line.subject.id for line in (await told(engine)).values()] == listed
    assert len(listed) == (1 if at > 2 or (at == 2 and applied) else 0)


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 4))
async def test_a_delete_that_ends_anywhere_has_its_line_if_it_was_committed(
    engine: Engine, clock: Clock, at: int, applied: bool
) -> None:
    stores = over(engine)[3]
    made = await stores.snapshots.create(OWNER, new("Wells"))
    counting = CountingReads(engine)
    dying = Dies(counting, at, applied)
    try:
        await over(dying)[1].delete(OWNER, made.id)
    except StoreUnavailable:
        pass
    assert dying.dead and len(counting.writes) == at - (not applied)
    clock.advance(seconds=GRACE.total_seconds() + 1)
    await clean_up(stores)
    snapshot = await find_snapshot(engine, made.id)
    assert snapshot is not None
    is_deleted = snapshot.deleted_at is not None
    assert is_deleted == (at > 1 or applied)
    lines = await told(engine)
    assert lines.keys() == ({"created", "deleted"} if is_deleted else {"created"})
    assert all(line.subject.title == "Wells" for line in lines.values())


async def test_a_snapshot_that_is_deleted_before_its_entry_was_confirmed_has_both_lines(
    engine: Engine, clock: Clock
) -> None:
    # The create dies before it writes its line, and the caller still gets the snapshot.
    made = await over(Dies(engine, at=3))[1].create(OWNER, new())
    assert await told(engine) == {}
    await over(engine)[1].delete(OWNER, made.id)
    assert (await told(engine)).keys() == {"created", "deleted"}


async def test_after_an_erasure_the_timer_writes_no_line(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, "ben", made.id)
    client = Client(stores, SETTINGS, OWNER)
    assert (await client.call("DELETE", ME, headers={"savepoint-confirm": OWNER})).json["done"]
    clock.advance(seconds=GRACE.total_seconds() + 1)
    counts = await clean_up(stores)
    assert (counts.rows_marked, counts.visitors_removed) == (0, 1), "the erasure itself has told the visitor"
    assert await told(engine) == {}
