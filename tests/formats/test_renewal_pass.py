"""On Cosmos DB, a head is renewed by its next write, or by the pass of a timer. No write is lost to it."""

from typing import Any

import pytest

from persistence import Rules, Stores, stores_over
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import SessionHead, StoredFormat
from persistence.sessions.rules import SessionRules
from persistence.snapshots.documents import AccessLog
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, Container
from persistence.storage.engine import Engine, Item, Set
from persistence.timers.scan import TimerRules
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.engines import Around, CountingReads
from tests.support.sessions import OWNER, assert_sound, new, saving, stored_heads
from tests.support.snapshots import new as new_snapshot
from tests.support.snapshots import stored

ITEMS = 5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


def open_over(engine: Engine, stored_format: StoredFormat, items_max: int = 20_000) -> Stores:
    timers = TimerRules(items_max=items_max)
    sessions = SessionRules(stored_format=stored_format)
    return stores_over(engine, Rules(sessions=sessions, timers=timers, renew_formats=stored_format == 2))


async def formats(engine: Engine) -> list[int]:
    return sorted(head.schema_version for head in await stored_heads(engine))


async def with_sessions(stores: Stores) -> list[SessionHead]:
    """Makes sessions with a history, one of them deleted."""
    for number in range(ITEMS):
        head = await stores.sessions.create(OWNER, new(content=f"{number}"))
        await stores.sessions.save(OWNER, head.id, saving(f"{number} again"))
    await stores.sessions.delete(OWNER, head.id)
    return await stored_heads(stores.engine)


async def renew(stores: Stores, times: int = 1) -> int:
    """Runs the timer. Returns how many heads it renewed."""
    return sum([(await stores.timers.run("sweep_sessions"))["heads_renewed"] for _ in range(times)])


async def test_format_1_is_written_until_the_operator_says_2(engine: Engine) -> None:
    before = open_over(engine, 1)
    await with_sessions(before)
    assert await formats(engine) == [1] * ITEMS
    after = open_over(engine, 2)
    live = [head for head in await stored_heads(engine) if head.deleted_at is None]
    await after.sessions.save(OWNER, live[0].id, saving("new"))
    await after.sessions.name_revision(OWNER, live[1].id, 1, "First")
    assert await formats(engine) == [1, 1, 1, 2, 2]
    # A program that still writes format 1 reads both.
    head = await before.sessions.save(OWNER, live[1].id, saving("new"))
    assert [one.name for one in head.revisions] == [None, None, "First"]
    assert await formats(engine) == [1, 1, 1, 1, 2]


async def test_a_first_release_reads_what_is_written_in_format_1(engine: Engine) -> None:
    """It needs a save id of every revision, and times with their names."""
    stores = open_over(engine, 1)
    head = await stores.sessions.create(OWNER, new())
    for number in range(15):
        await stores.sessions.save(OWNER, head.id, saving(f"{number}"), autosave=number > 12)
    item = (await engine.read(SESSIONS, head.id, OWNER)).item
    assert item["schema"] == 1 and len(item["revisions"]) == 15
    for revision in (*item["revisions"], *item["remembered"]):
        assert isinstance(revision["save_id"], str) and revision["saved_at"].endswith("Z")
    assert [one["save_id"] != "" for one in item["revisions"]] == [True] * 9 + [False] * 6
    assert item["revisions"][0]["since"] is not None and item["remembered"][0]["content_id"]


async def test_the_pass_renews_every_head_and_changes_nothing_else(engine: Engine, clock: Clock) -> None:
    before = await with_sessions(open_over(engine, 1))
    clock.advance(hours=1)
    assert await renew(open_over(engine, 2)) == ITEMS
    after = await stored_heads(engine)
    as_before = [head.model_copy(update={"schema_version": 1, "unsettled_at": None}) for head in after]
    assert as_before == [head.model_copy(update={"unsettled_at": None}) for head in before]
    assert await formats(engine) == [2] * ITEMS
    await assert_sound(engine)


async def test_the_pass_goes_on_where_it_was_and_ends(engine: Engine, clock: Clock) -> None:
    await with_sessions(open_over(engine, 1))
    clock.advance(hours=1)
    counting = CountingReads(engine)
    few = open_over(counting, 2, items_max=2)
    assert [await renew(few) for _ in range(4)] == [2, 2, 1, 0]
    # Programs that write format 1 may run for a while after the first run.
    late = await open_over(engine, 1).sessions.create(OWNER, new("late"))
    clock.advance(hours=1)
    assert await renew(few) == 1
    assert (await few.sessions.get_head(OWNER, late.id)).schema_version == 2
    clock.advance(days=2)
    await renew(few)
    whole = open_over(counting, 2)
    await renew(whole, times=2)
    counting.forget()
    await stores_over(counting, Rules()).timers.run("sweep_sessions")
    usual = list(counting.verbs)
    counting.forget()
    await renew(whole)
    assert sorted(counting.verbs) == sorted([*usual, "read"]), "one read more, when all is done"


@pytest.mark.parametrize("at", range(1, 8))
async def test_a_killed_pass_loses_nothing(engine: Engine, clock: Clock, at: int) -> None:
    before = await with_sessions(open_over(engine, 1))
    clock.advance(hours=1)
    with pytest.raises(StoreUnavailable):
        await renew(open_over(Dies(engine, at=at), 2))
    assert await renew(open_over(engine, 2)) <= ITEMS
    assert await formats(engine) == [2] * ITEMS
    assert [head.revisions for head in await stored_heads(engine)] == [head.revisions for head in before]


async def test_a_save_during_the_pass_is_not_lost(engine: Engine, clock: Clock) -> None:
    stores = open_over(engine, 1)
    head = await stores.sessions.create(OWNER, new())
    clock.advance(hours=1)

    class Overtaken(Around):
        async def replace(self, container: Container, item: Item, if_match: str) -> str:
            if item["kind"] == "session":
                await stores.sessions.save(OWNER, head.id, saving("meanwhile"))
            return await super().replace(container, item, if_match)

    assert await renew(open_over(Overtaken(engine), 2)) == 0
    assert (await stores.sessions.get(OWNER, head.id)).content == b"meanwhile"
    clock.advance(hours=1)
    assert await renew(open_over(engine, 2)) == 1
    assert (await stores.sessions.get(OWNER, head.id)).content == b"meanwhile"


@pytest.mark.parametrize("damage", [{"metadata": "gone"}, {"revisions": 5}, {"status": "lost"}], ids=str)
async def test_a_damaged_head_stays_and_stops_nothing(
    engine: Engine, clock: Clock, damage: dict[str, Any]
) -> None:
    before = await with_sessions(open_over(engine, 1))
    stored_head = await engine.read(SESSIONS, before[0].id, OWNER)
    await engine.replace(SESSIONS, {**stored_head.item, **damage}, stored_head.etag)
    clock.advance(hours=1)
    assert await renew(open_over(engine, 2)) == ITEMS - 1
    assert (await engine.read(SESSIONS, before[0].id, OWNER)).item == {**stored_head.item, **damage}


async def test_the_pass_renews_the_lower_case_titles_of_access_logs(engine: Engine, clock: Clock) -> None:
    stores = open_over(engine, 1)
    made = await stores.snapshots.create(OWNER, new_snapshot(title="ΟΔΟΣ"))
    of_old = Set("snapshot_metadata.title__lower", "as of old")
    await engine.patch(SNAPSHOT_ACCESS_LOGS, made.id, OWNER, [of_old])
    clock.advance(hours=1)
    run = await open_over(engine, 2).timers.run("sweep_sessions")
    assert run["logs_renewed"] == 1
    [log] = await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    assert log["snapshot_metadata"]["title__lower"] == made.metadata.title__lower
    assert (await open_over(engine, 2).timers.run("sweep_sessions"))["logs_renewed"] == 0
