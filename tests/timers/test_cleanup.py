"""What the timers complete and remove, and what they never change. On each engine, with a clock of the test."""

import asyncio
import logging
from datetime import datetime, timedelta

import pytest
from azure.functions.decorators.timer import TimerTrigger

from functions.app import build_app
from persistence import Stores
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.engine import PAYLOAD, Engine
from tests.conftest import SETTINGS
from tests.support import sessions as of_sessions
from tests.support.breaking import Dies
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads, InSteps
from tests.support.sessions import content_ids, delete_for_good, session_store
from tests.support.snapshots import (
    GRACE,
    OWNER,
    RETENTION,
    VISITOR,
    damage,
    dump,
    entry_of,
    find_snapshot,
    new,
    over,
    visit,
    visitors_of,
)
from tests.support.timers import Counts, clean_up

PEOPLE = ["ben", "cleo", "dora"]
A_MOMENT = timedelta(seconds=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def opened(stores: Stores, title: str = "First", expires_at: datetime | None = None) -> str:
    """Makes a snapshot that all PEOPLE have opened."""
    made = await stores.snapshots.create(OWNER, new(title, description="Words", expires_at=expires_at))
    for person in PEOPLE:
        await visit(stores, person, made.id)
    return made.id


async def save_that_dies(engine: Engine, session_id: str, content: str, at: int, keep: int = 20) -> None:
    store = session_store(Dies(InSteps(engine), at), SessionRules(keep_revisions=keep))
    try:
        await store.save(OWNER, session_id, SessionChange(content=pack(content)))
    except StoreUnavailable:
        pass


async def test_the_rows_of_all_who_opened_a_deleted_snapshot_are_marked(stores: Stores, clock: Clock) -> None:
    id, other = await opened(stores), await opened(stores, "Other")
    await stores.snapshots.delete(OWNER, id)
    clock.at += GRACE + A_MOMENT
    counts = await clean_up(stores)
    assert (counts.rows_marked, counts.visitors_removed) == (len(PEOPLE), len(PEOPLE) + 1)
    for person in [OWNER, *PEOPLE]:
        row = await entry_of(stores.engine, person, id)
        assert row is not None and row.snapshot_deleted and not row.pending
        assert (row.snapshot_metadata.title, row.snapshot_metadata.description) == ("First", None)
        assert row.unsettled_at is None and row.visits == 1
        kept = await entry_of(stores.engine, person, other)
        assert kept is not None and not kept.snapshot_deleted and kept.snapshot_metadata.description == "Words"
    assert await visitors_of(stores.engine, id) == {}
    assert len(await visitors_of(stores.engine, other)) == len(PEOPLE) + 1
    tombstone = await find_snapshot(stores.engine, id)
    assert tombstone is not None and tombstone.unsettled_at is None and tombstone.deleted_at is not None


async def test_an_expired_snapshot_becomes_a_tombstone_and_then_its_rows_are_marked(
    stores: Stores, clock: Clock
) -> None:
    id = await opened(stores, expires_at=NOON + timedelta(hours=1))
    clock.at = NOON + timedelta(minutes=59)
    assert (await clean_up(stores, daily=True)).snapshots_expired == 0
    clock.at = NOON + timedelta(hours=1)
    assert (await clean_up(stores, daily=True)).snapshots_expired == 1
    assert PAYLOAD not in (await stores.engine.read(SNAPSHOTS, id, id)).item
    row = await entry_of(stores.engine, VISITOR, id)
    assert row is not None and not row.snapshot_deleted, "a visit may still be counted"
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).rows_marked == len(PEOPLE), "that of the owner was marked at once"
    assert (await stores.snapshots.page(OWNER)).items == []


async def test_contents_that_no_head_names_are_removed(engine: Engine, stores: Stores, clock: Clock) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    await save_that_dies(engine, head.id, "lost", at=2)
    assert len(await content_ids(engine)) == 2
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).contents_removed == 1
    assert await content_ids(engine) == head.content_ids


async def test_an_old_content_whose_pruning_was_interrupted_is_removed(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    short = session_store(engine, SessionRules(keep_revisions=1))
    for number in range(REMEMBERED_VERSIONS - 1):
        await short.save(OWNER, head.id, SessionChange(content=pack(f"{number}")))
    clock.at += timedelta(hours=1)
    assert (await clean_up(stores)).contents_removed == 0
    await save_that_dies(engine, head.id, "the first version is not remembered any more", at=3, keep=1)
    assert len(await content_ids(engine)) == REMEMBERED_VERSIONS + 1
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).contents_removed == 1
    assert await content_ids(engine) == (await stores.sessions.get_head(OWNER, head.id)).content_ids


async def test_a_content_without_any_session_is_removed(engine: Engine, stores: Stores, clock: Clock) -> None:
    with pytest.raises(StoreUnavailable):
        large = of_sessions.new(content="".join(chr(0x100 + i * 7919 % 0x5000) for i in range(500_000)))
        await session_store(Dies(engine, at=2)).create(OWNER, large)
    assert len(await content_ids(engine)) == 1
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).contents_removed == 1
    assert await content_ids(engine) == set()


async def test_the_contents_of_deleted_sessions_are_removed(stores: Stores, clock: Clock) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    await stores.sessions.save(OWNER, head.id, SessionChange(content=pack("two")))
    kept = await stores.sessions.create(OWNER, of_sessions.new())
    await delete_for_good(stores.engine, head.id)
    clock.at += GRACE + A_MOMENT
    counts = await clean_up(stores)
    assert counts.contents_removed == 2
    assert await content_ids(stores.engine) == kept.content_ids
    item = (await stores.engine.read(SESSIONS, head.id, OWNER)).item
    assert (item["status"], item["unsettled_at"]) == ("deleted", None)


async def test_nothing_younger_than_the_grace_is_touched(engine: Engine, stores: Stores, clock: Clock) -> None:
    id = await opened(stores)
    gone = await stores.sessions.create(OWNER, of_sessions.new())
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    await clean_up(stores)
    clock.at = NOON + timedelta(hours=1)
    await stores.snapshots.delete(OWNER, id)
    await delete_for_good(stores.engine, gone.id)
    await save_that_dies(engine, head.id, "lost", at=2)
    with pytest.raises(StoreUnavailable):
        await over(Dies(engine, at=2))[1].create(OWNER, new("Pending"))
    before = await dump(engine)
    clock.at = NOON + timedelta(hours=1) + GRACE - A_MOMENT
    counts = await clean_up(stores)
    assert await dump(engine) == before
    assert (counts.rows_marked, counts.creates_settled, counts.contents_removed) == (0, 0, 0)
    clock.at += 2 * A_MOMENT
    counts = await clean_up(stores)
    assert (counts.rows_marked, counts.creates_settled, counts.contents_removed) == (len(PEOPLE), 1, 2)


async def test_tombstones_are_forgotten_after_their_time_and_not_before(stores: Stores, clock: Clock) -> None:
    id = await opened(stores)
    head = await stores.sessions.create(OWNER, of_sessions.new())
    clock.at = NOON + timedelta(hours=1)
    await stores.snapshots.delete(OWNER, id)
    await delete_for_good(stores.engine, head.id)
    clock.at = NOON + timedelta(hours=1) + RETENTION - A_MOMENT
    assert (await clean_up(stores, daily=True)).tombstones_forgotten == 0
    assert await find_snapshot(stores.engine, id) is not None
    clock.at += 2 * A_MOMENT
    assert (await clean_up(stores, daily=True)).tombstones_forgotten == 2
    left = await dump(stores.engine)
    assert {item["kind"] for item in left.values()} == {"access_log"}


async def test_what_lives_is_never_touched(stores: Stores, clock: Clock) -> None:
    for number in range(3):
        head = await stores.sessions.create(OWNER, of_sessions.new(content=f"{number}"))
        for text in ("a", "b"):
            await stores.sessions.save(OWNER, head.id, SessionChange(content=pack(f"{number}{text}")))
        await opened(stores, f"Snapshot {number}", expires_at=NOON + timedelta(days=900))
    await stores.sessions.create_draft(OWNER, "draft-000001", of_sessions.new(), "save-1")
    before = await dump(stores.engine)
    for days in (1, 31, 365):
        clock.at += timedelta(days=days)
        counts = await clean_up(stores)
        assert await dump(stores.engine) == before
        assert str(counts).count(" 0") >= 7, counts


async def test_running_again_changes_nothing(engine: Engine, stores: Stores, clock: Clock) -> None:
    await stores.snapshots.delete(OWNER, await opened(stores))
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    await save_that_dies(engine, head.id, "lost", at=2)
    clock.at += GRACE + A_MOMENT
    await clean_up(stores)
    after = await dump(engine)
    assert await clean_up(stores) == Counts()
    clock.at += timedelta(hours=1)
    assert await clean_up(stores) == Counts()
    assert await dump(engine) == after


async def test_two_runs_at_once_do_no_harm(engine: Engine, stores: Stores, clock: Clock) -> None:
    ids = [await opened(stores, f"{number}") for number in range(3)]
    gone = [await stores.sessions.create(OWNER, of_sessions.new()) for _ in range(3)]
    for id, head in zip(ids, gone, strict=True):
        await stores.snapshots.delete(OWNER, id)
        await delete_for_good(stores.engine, head.id)
    with pytest.raises(StoreUnavailable):
        await over(Dies(engine, at=2))[1].create(OWNER, new("Pending"))
    for wait in (GRACE, RETENTION):
        clock.at += wait + A_MOMENT
        await asyncio.gather(
            clean_up(stores, daily=True), *(clean_up(over(engine)[3], daily=True) for _ in range(2))
        )
    left = await dump(engine)
    assert len(left) == 3 * (len(PEOPLE) + 1)
    assert all(item["snapshot_deleted"] for item in left.values())


async def test_damaged_items_are_counted_and_left_alone(engine: Engine, stores: Stores, clock: Clock) -> None:
    bad_session = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    bad_content = await stores.sessions.create(OWNER, of_sessions.new(content="two"))
    await save_that_dies(engine, bad_session.id, "lost", at=2)
    await save_that_dies(engine, bad_content.id, "lost", at=2)
    (lost,) = (
        await content_ids(engine)
        - bad_session.content_ids
        - bad_content.content_ids
        - {id for id in await content_ids(engine) if id.startswith(bad_session.id)}
    )
    await damage(engine, SESSIONS, bad_session.id, OWNER, revisions="none")
    await damage(engine, SESSIONS, lost, OWNER, session_id=None, saved_at=clock.at.isoformat()[:10])
    expiring = await opened(stores, expires_at=NOON + timedelta(minutes=1))
    await damage(engine, SNAPSHOTS, expiring, expiring, owner_id=None)
    deleted, good = await opened(stores), await opened(stores)
    await damage(engine, SNAPSHOT_ACCESS_LOGS, deleted, VISITOR, snapshot_metadata="none")
    for id in (deleted, good):
        await stores.snapshots.delete(OWNER, id)
    clock.at += GRACE + A_MOMENT
    counts = await clean_up(stores, daily=True)
    # The session twice: by its content and by its head. Then its content, the snapshot and the access log.
    assert counts.skipped >= 5
    assert (await engine.read(SESSIONS, lost, OWNER)).item["session_id"] is None
    assert len([id for id in await content_ids(engine) if id.startswith(bad_session.id)]) == 2
    assert counts.rows_marked == 2 * len(PEOPLE) - 1
    for person in PEOPLE:
        row = await entry_of(engine, person, good)
        assert row is not None and row.snapshot_deleted


async def test_a_damaged_watermark_is_made_anew(engine: Engine, stores: Stores, clock: Clock) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="one"))
    await save_that_dies(engine, head.id, "lost", at=2)
    await clean_up(stores)
    await damage(engine, SESSIONS, "saved_at", " timers", until="once")
    clock.at += GRACE + A_MOMENT
    await clean_up(stores)
    assert await content_ids(engine) == head.content_ids
    assert (await engine.read(SESSIONS, "saved_at", " timers")).item["until"] > NOON.isoformat()


async def test_the_timer_writes_one_line_of_counts(
    stores: Stores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await stores.snapshots.delete(OWNER, await opened(stores))
    clock.at += GRACE + A_MOMENT
    functions = {
        function.get_function_name(): function
        for function in build_app(stores, SETTINGS.app_rules()).get_functions()
    }
    timer = functions["mark_deleted_snapshot_logs"]
    trigger = timer.get_trigger()
    assert isinstance(trigger, TimerTrigger) and trigger.schedule == SETTINGS.cleanup_schedule
    caplog.set_level(logging.INFO, "savepoint.timers")
    await timer.get_user_function()(None)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "savepoint.timers"]
    assert line.startswith("mark_deleted_snapshot_logs: rows_marked 3, visitors_removed 4")
    assert "\n" not in line and "skipped 0" in line
    assert line.endswith(" RU, backlog 0, trash_bytes unknown, oldest_unsettled_s 0")


async def test_a_fault_of_the_store_rises_as_what_it_is(engine: Engine, stores: Stores, clock: Clock) -> None:
    await stores.snapshots.delete(OWNER, await opened(stores))
    clock.at += GRACE + A_MOMENT
    with pytest.raises(StoreUnavailable):
        await clean_up(over(Dies(engine, at=1))[3])


async def test_a_session_is_swept_once_by_each_run(engine: Engine, stores: Stores, clock: Clock) -> None:
    made = await stores.sessions.create(OWNER, of_sessions.new())
    renamed = await stores.sessions.create(OWNER, of_sessions.new())
    for _ in range(3):
        clock.at += timedelta(minutes=2)
        await stores.sessions.save(OWNER, made.id, SessionChange(content=pack(str(clock.at))))
    clock.at += GRACE + A_MOMENT
    counting = CountingReads(engine)
    assert (await clean_up(over(counting)[3])).sessions_swept == 2
    reads = [one for one in counting.asked if one.verb == "read" and made.id in one.ids]
    assert len(reads) == 1, "of the head"
    await stores.sessions.save(OWNER, renamed.id, SessionChange(title="Renamed"))
    clock.at += GRACE + A_MOMENT
    assert (await clean_up(stores)).sessions_swept == 1
