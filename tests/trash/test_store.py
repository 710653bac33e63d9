"""TrashStore: what deleting keeps, how it is listed, restored and purged, on each engine."""

from dataclasses import replace
from datetime import timedelta

import pytest

from persistence import Stores, stores_over
from persistence.conditions import Conditions
from persistence.errors import Changed, Contended, Gone, IllegalMove, NotFound, Trashed
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.storage.query import Operator
from persistence.trash.store import Emptied
from tests.conftest import SETTINGS
from tests.support.breaking import Refuses
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, OTHER, a_session
from tests.support.engines import CountingReads
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    count,
    damage,
    new,
    saving,
    session_store,
    stored_heads,
)

LIVE = [SessionStatus.DRAFT, SessionStatus.ACTIVE, SessionStatus.CLOSED]
every_live_status = pytest.mark.parametrize("status", LIVE)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def trashed(stores: Stores, status: SessionStatus = SessionStatus.ACTIVE, id: str = DRAFT) -> SessionHead:
    """Returns the head as it was before it was deleted."""
    head = await a_session(stores, status, id)
    await stores.sessions.delete(OWNER, id)
    return head


@every_live_status
async def test_a_restore_gives_back_everything_with_the_status(
    stores: Stores, engine: Engine, clock: Clock, status: SessionStatus
) -> None:
    before = await trashed(stores, status)
    clock.advance(days=3)
    restored = await stores.trash.restore(OWNER, DRAFT)
    assert (restored.status, restored.status_before) == (status, None)
    assert restored.metadata.version == before.metadata.version + 2
    assert restored.revisions[2:] == before.revisions
    assert [one.action.value for one in restored.revisions[:2]] == ["untrashed", "trashed"]
    assert restored.metadata.last_accessed_at > before.metadata.last_accessed_at + timedelta(days=3)
    opened = await stores.sessions.get(OWNER, DRAFT)
    assert (opened.content, opened.head.metadata.title) == (b"two", "Second")
    assert (await stores.sessions.revision(OWNER, DRAFT, 1))[-1] == b"one"
    assert (await stores.trash.page(OWNER)).items == []
    await assert_sound(engine)


async def test_every_call_for_what_is_in_the_trash_says_until_when_it_can_be_restored(stores: Stores) -> None:
    await trashed(stores)
    [listed] = (await stores.trash.page(OWNER)).items
    for call in (
        stores.sessions.get(OWNER, DRAFT),
        stores.sessions.get_summary(OWNER, DRAFT),
        stores.sessions.touch(OWNER, DRAFT),
        stores.sessions.revision(OWNER, DRAFT, 1),
        stores.sessions.restore(OWNER, DRAFT, 1),
        stores.sessions.save(OWNER, DRAFT, saving("late")),
        stores.drafts.put(OWNER, DRAFT, saving("late")),
        stores.drafts.promote(OWNER, DRAFT),
        stores.snapshots.create(OWNER, NewSnapshot(session_id=DRAFT)),
    ):
        with pytest.raises(Trashed) as refused:
            await call
        assert refused.value.facts["trashed"] is True
        purges_at = refused.value.purges_at
    assert listed.metadata.updated_at + timedelta(days=30) == stores.trash.purges_at(listed)
    assert stores.trash.purges_at(listed).isoformat()[:19] == purges_at[:19]


async def test_deleting_changes_no_snapshot(stores: Stores) -> None:
    await a_session(stores, SessionStatus.ACTIVE)
    snapshot = await stores.snapshots.create(OWNER, NewSnapshot(session_id=DRAFT))
    for purge in (False, True):
        await stores.sessions.delete(OWNER, DRAFT, purge=purge)
        assert (await stores.snapshots.get("ben", snapshot.id))[1] == b"two"


@pytest.mark.parametrize("purge", [False, True])
async def test_if_match_is_checked_on_live_ones_only(stores: Stores, engine: Engine, purge: bool) -> None:
    head = await a_session(stores, SessionStatus.ACTIVE)
    with pytest.raises(Changed):
        await stores.sessions.delete(OWNER, DRAFT, {'"1-0123456789abcdef"'}, purge=purge)
    assert await stored_heads(engine) == [head]
    await stores.sessions.delete(OWNER, DRAFT, {head.metadata.etag})
    await stores.sessions.delete(OWNER, DRAFT, {head.metadata.etag}, purge=purge)
    [after] = await stored_heads(engine)
    assert after.status is (SessionStatus.DELETED if purge else SessionStatus.TRASHED)


async def test_what_was_never_known_is_not_found(stores: Stores) -> None:
    for call in (
        stores.sessions.delete(OWNER, OTHER),
        stores.sessions.delete(OWNER, OTHER, purge=True),
        stores.drafts.discard(OWNER, OTHER),
        stores.trash.restore(OWNER, OTHER),
        stores.trash.purge(OWNER, OTHER),
    ):
        with pytest.raises(NotFound):
            await call


async def test_the_trash_of_others_is_as_if_there_were_none(stores: Stores, engine: Engine) -> None:
    await trashed(stores)
    before = await stored_heads(engine)
    for call in (stores.trash.restore("bob", DRAFT), stores.trash.purge("bob", DRAFT)):
        with pytest.raises(NotFound):
            await call
    assert (await stores.trash.page("bob")).items == []
    assert await stores.trash.empty("bob") == Emptied(0, done=True)
    assert await stored_heads(engine) == before


@every_live_status
async def test_only_what_is_in_the_trash_is_restored_or_purged(stores: Stores, status: SessionStatus) -> None:
    await a_session(stores, status)
    for call in (stores.trash.restore(OWNER, DRAFT), stores.trash.purge(OWNER, DRAFT)):
        with pytest.raises(IllegalMove) as refused:
            await call
        assert refused.value.legal[-1] == "deleted"
    assert (await stores.sessions.get(OWNER, DRAFT)).head.status is status


@pytest.mark.parametrize("how", ["purge", "delete", "discard", "empty"])
async def test_a_purge_removes_contents_and_words_at_once(stores: Stores, engine: Engine, how: str) -> None:
    await trashed(stores)
    purging = {
        "purge": lambda: stores.trash.purge(OWNER, DRAFT),
        "delete": lambda: stores.sessions.delete(OWNER, DRAFT, purge=True),
        "discard": lambda: stores.drafts.discard(OWNER, DRAFT, purge=True),
        "empty": lambda: stores.trash.empty(OWNER),
    }[how]
    await purging()
    [tombstone] = await stored_heads(engine)
    assert (tombstone.status, tombstone.metadata.title) == (SessionStatus.DELETED, "")
    assert await content_ids(engine) == set()
    await purging()
    assert await stored_heads(engine) == [tombstone], "a second purge changes nothing"
    for call in (stores.trash.restore(OWNER, DRAFT), stores.sessions.get(OWNER, DRAFT)):
        with pytest.raises(Gone) as refused:
            await call
        assert not isinstance(refused.value, Trashed)


async def test_contents_that_a_purge_could_not_remove_are_left_to_the_timer(
    stores: Stores, engine: Engine
) -> None:
    await trashed(stores)
    refusing = Refuses(engine, SESSIONS, "delete")
    refusing.refusing = True
    await stores_over(refusing, SETTINGS.store_rules()).trash.purge(OWNER, DRAFT)
    assert refusing.refused == 1 and await count(engine, "content") == 2
    await assert_sound(engine)
    assert await count(engine, "content") == 0


async def test_the_last_deleted_comes_first_page_by_page_and_of_one_app(stores: Stores) -> None:
    heads = [await stores.sessions.create(OWNER, new(f"{n}", app="map" if n % 2 else None)) for n in range(5)]
    for n in (3, 0, 4, 1):
        await stores.sessions.delete(OWNER, heads[n].id)
    listed, cursor = [], None
    while True:
        page = await stores.trash.page(OWNER, page_size=3, cursor=cursor)
        listed += [one.metadata.title for one in page.items]
        if (cursor := page.cursor) is None:
            break
    assert listed == ["1", "4", "0", "3"]
    of_map = stores.trash.filters.create("app", "map", Operator.EQUAL)
    assert [one.metadata.title for one in (await stores.trash.page(OWNER, [of_map])).items] == ["1", "3"]
    assert [one.metadata.title for one in (await stores.sessions.page(OWNER)).items] == ["2"]


async def test_a_page_is_one_query_and_a_restore_one_read_and_one_commit(engine: Engine) -> None:
    counting = CountingReads(engine)
    stores = stores_over(counting, SETTINGS.store_rules())
    await trashed(stores)
    counting.forget()
    await stores.trash.page(OWNER)
    assert counting.verbs == ["query"]
    counting.forget()
    await stores.trash.restore(OWNER, DRAFT)
    assert [one.kinds for one in counting.asked] == [("session",), ("session", "activity")]


async def test_emptying_stops_after_so_many_items_and_the_next_call_goes_on(
    stores: Stores, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.trash.store.EMPTY_ITEMS", 5)
    kept = await stores.sessions.create(OWNER, new())
    for number in range(4):
        await trashed(stores, id=f"draft-00001{number}")
    # Each has two contents and a head.
    assert await stores.trash.empty(OWNER) == Emptied(2, done=False)
    assert await stores.trash.empty(OWNER) == Emptied(2, done=False)
    assert await stores.trash.empty(OWNER) == Emptied(0, done=True)
    assert await content_ids(engine) == kept.content_ids


async def test_emptying_leaves_what_is_damaged_and_what_was_restored_since(stores: Stores, engine: Engine) -> None:
    ids = [f"draft-00001{number}" for number in range(4)]
    for id in ids:
        await trashed(stores, id=id)
    await damage(engine, ids[0], revisions="none")
    page = stores.trash.page

    async def page_that_is_old(*args: object) -> object:
        found = await page(OWNER)
        await stores.trash.restore(OWNER, ids[1])
        return found

    stores.trash.page = page_that_is_old  # type: ignore[assignment, method-assign]
    assert await stores.trash.empty(OWNER) == Emptied(2, done=True)
    assert (await stores.sessions.get(OWNER, ids[1])).content == b"two"


async def test_emptying_is_not_done_while_something_could_not_be_purged(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in (DRAFT, OTHER):
        await trashed(stores, id=id)
    purge = stores.sessions.purge

    async def purge_against_others(owner_id: str, session_id: str) -> int:
        if session_id == OTHER:
            raise Contended("session", session_id)
        return await purge(owner_id, session_id)

    with monkeypatch.context() as patch:
        patch.setattr(stores.sessions, "purge", purge_against_others)
        assert await stores.trash.empty(OWNER) == Emptied(1, done=False)
    assert await stores.trash.empty(OWNER) == Emptied(1, done=True)


async def test_a_retry_of_a_restore_gets_its_version(stores: Stores) -> None:
    await trashed(stores)
    named = Conditions(save_id="key")
    restored = await stores.trash.restore(OWNER, DRAFT, named)
    await stores.sessions.save(OWNER, DRAFT, saving("three"))
    again = await stores.trash.restore(OWNER, DRAFT, named)
    assert (again.metadata, again.status) == (restored.metadata, SessionStatus.ACTIVE)


async def test_a_retry_of_a_save_gets_its_version_although_it_was_trashed_since(stores: Stores) -> None:
    await a_session(stores, SessionStatus.ACTIVE)
    named = Conditions(save_id="key")
    saved = await stores.sessions.save(OWNER, DRAFT, saving("three"), named)
    await stores.sessions.delete(OWNER, DRAFT)
    assert await stores.sessions.save(OWNER, DRAFT, saving("three"), named) == saved


@pytest.mark.parametrize("purge", [False, True])
@pytest.mark.parametrize(
    "sessions",
    [SessionRules(trash_retention=timedelta(0)), SessionRules(stored_format=1)],
    ids=["0 days", "format 1"],
)
async def test_without_a_trash_everything_is_deleted_at_once(
    engine: Engine, purge: bool, sessions: SessionRules
) -> None:
    rules = replace(SETTINGS.store_rules(), sessions=sessions)
    earlier, stores = stores_over(engine, SETTINGS.store_rules()), stores_over(engine, rules)
    await trashed(earlier)
    await a_session(stores, SessionStatus.DRAFT, OTHER)
    for id in (DRAFT, OTHER):
        await stores.sessions.delete(OWNER, id, purge=purge)
    assert {head.status for head in await stored_heads(engine)} == {SessionStatus.DELETED}
    assert await content_ids(engine) == set()
    assert (await stores.trash.page(OWNER)).items == []


async def test_a_session_and_its_trash_are_one_item_for_every_store(engine: Engine) -> None:
    """Another process sees the trash at once: there is no second place."""
    head = await session_store(engine).create(OWNER, new())
    await session_store(engine).delete(OWNER, head.id)
    assert await count(engine, "session") == 1
    restored = await session_store(engine).untrash(OWNER, head.id)
    assert restored.content_ids == head.content_ids
