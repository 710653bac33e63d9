"""Atomic sync: all items in one commit, or none."""

import asyncio
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks.deltas import delta_of
from persistence.conditions import Conditions
from persistence.errors import (
    Changed,
    CorruptItem,
    Gone,
    IllegalMove,
    InvalidMember,
    ItemsRefused,
    ItemsStale,
    KeyReused,
    NotAtomicHere,
    NotFound,
    PersistenceError,
    Trashed,
)
from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.patches import ContentDelta
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.engine import Engine
from persistence.sync.items import DeltaItem, RefusedItem, SyncItem
from persistence.sync.store import SyncStore
from tests.support.activity import Witness, assert_told
from tests.support.engines import CountingReads, InSteps
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    count,
    damage,
    delete_for_good,
    saving,
    session_store,
    sha256,
    stored_heads,
)
from tests.support.sync import (
    KEY,
    LARGE,
    create,
    etags,
    id_of,
    rename,
    save,
    shown,
    some,
    sync_store,
    trash,
)

ALL_ITEMS: list[SyncItem] = [
    create(10, "new"),
    create(11, "draft", SessionStatus.DRAFT),
    save(0, "two"),
    rename(1, "Renamed"),
    trash(2),
]


async def test_every_kind_of_item_in_one_commit(engine: Engine) -> None:
    witness = Witness(engine)
    counting = CountingReads(witness)
    await some(counting, 3)
    counting.forget()
    heads = await sync_store(counting).apply_together(OWNER, ALL_ITEMS)
    assert [(one.id, one.status, one.metadata.version) for one in heads] == [
        (id_of(10), "active", 1),
        (id_of(11), "draft", 1),
        (id_of(0), "active", 2),
        (id_of(1), "active", 2),
        (id_of(2), "trashed", 2),
    ]
    assert counting.verbs == ["read"] * 5 + ["commit"]
    stored = {one.id: one for one in await stored_heads(engine)}
    assert [stored[one.id] for one in heads] == heads
    assert stored[id_of(1)].metadata.title == "Renamed"
    opened = await session_store(engine).get(OWNER, id_of(0))
    assert opened.content == b"two"
    await assert_sound(engine)
    await assert_told(engine, witness)


async def test_contents_that_do_not_fit_are_written_before_the_commit(engine: Engine) -> None:
    counting = CountingReads(engine)
    await some(engine, 2)
    items: list[SyncItem] = [
        save(0, LARGE),
        save(1, LARGE + "1"),
        create(2, LARGE + "2"),
        rename(3, "x"),
        create(4),
    ]
    with pytest.raises(ItemsRefused):
        await sync_store(counting).apply_together(OWNER, items)
    assert not counting.writes, "nothing is written if an item is refused"
    del items[3]
    counting.forget()
    heads = await sync_store(counting).apply_together(OWNER, items)
    assert [one.kinds for one in counting.writes] == [
        *[("content",)] * 4,
        ("session",) * 4 + ("activity",) * 4,
    ]
    assert [one.metadata.content_hash for one in heads][:2] == [sha256(LARGE), sha256(LARGE + "1")]
    await assert_sound(engine)


async def test_deltas_are_applied_a_few_at_a_time(engine: Engine) -> None:
    base, more = b"x" * 1_500_000, b"y" * 10_000
    heads = await some(engine, 40, base.decode())
    delta = delta_of(base + more, (len(base), 0), more)
    result = sha256((base + more).decode())
    items: list[SyncItem] = [
        DeltaItem(one.id, ContentDelta(one.metadata.etag, delta, result), SessionChange()) for one in heads
    ]
    sync = sync_store(engine)
    tracemalloc.start()
    try:
        saved = await sync.apply_together(OWNER, items)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {one.metadata.content_hash for one in saved} == {result}
    assert peak < 10 * len(base + more), "not the bases of all items at once"


async def test_any_stale_item_and_nothing_is_written(engine: Engine) -> None:
    first = await some(engine, 4)
    others = session_store(engine)
    moved = [await others.save(OWNER, id_of(number), saving("other")) for number in (1, 3)]
    before, contents = await shown(engine), await content_ids(engine)
    items: list[SyncItem] = [save(number, "mine", etag) for number, etag in enumerate(etags(first))]
    with pytest.raises(ItemsStale) as refused:
        await sync_store(engine).apply_together(OWNER, [create(9), *items])
    assert [(one.index, one.id) for one in refused.value.failed] == [(2, id_of(1)), (4, id_of(3))]
    assert [one.error.current for one in refused.value.failed if isinstance(one.error, Changed)] == moved
    assert (await shown(engine), await content_ids(engine)) == (before, contents)


async def test_every_failing_item_is_named_with_its_reason(engine: Engine) -> None:
    heads = await some(engine, 6)
    sessions = session_store(engine)
    await sessions.move(OWNER, id_of(1), SessionAction.CLOSED)
    await sessions.delete(OWNER, id_of(2))
    await delete_for_good(engine, id_of(3))
    await damage(engine, id_of(4), metadata=None)
    items: list[SyncItem] = [
        save(0, "fine"),
        save(1, "closed"),
        save(2, "trashed"),
        save(3, "gone"),
        save(4, "damaged"),
        save(5, "stale", '"7-0123456789abcdef"'),
        save(6, "missing"),
        create(0, "taken"),
        create(2, "taken by what is in the trash"),
        create(3, "taken by a tombstone"),
        RefusedItem(id_of(7), InvalidMember("content", "is not valid UTF-8")),
        replace(create(8), id="malformed"),
    ]
    # One session at most once in a call.
    expected: list[type[PersistenceError]] = [
        IllegalMove, Trashed, Gone, CorruptItem, Changed, NotFound, InvalidMember, NotFound
    ]  # fmt: skip
    sync = sync_store(engine)
    with pytest.raises(ItemsRefused) as refused:
        await sync.apply_together(OWNER, [*items[:7], *items[10:]])
    assert [type(one.error) for one in refused.value.failed] == expected
    assert [one.index for one in refused.value.failed] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not isinstance(refused.value, ItemsStale)
    with pytest.raises(ItemsRefused) as refused:
        await sync.apply_together(OWNER, items[7:10])
    assert [type(one.error) for one in refused.value.failed] == [Changed, Trashed, Gone]
    assert (await sessions.get_head(OWNER, id_of(0))) == heads[0]


async def test_a_session_of_someone_else_is_missing(engine: Engine) -> None:
    await some(engine, 1)
    with pytest.raises(ItemsRefused) as refused:
        await sync_store(engine).apply_together("ben", [save(0, "two"), create(1)])
    [failed] = refused.value.failed
    assert isinstance(failed.error, NotFound)
    assert await count(engine, "session", "ben") == 0
    # An id is free for everyone else.
    [head] = await sync_store(engine).apply_together("ben", [create(0)])
    assert head.owner_id == "ben"


async def test_a_session_may_have_one_item(engine: Engine) -> None:
    with pytest.raises(ValueError, match="twice"):
        await sync_store(engine).apply_together(OWNER, [create(0), save(0, "two")])


async def test_what_changes_nothing_writes_nothing(engine: Engine) -> None:
    heads = await some(engine, 3)
    await session_store(engine).delete(OWNER, id_of(2))
    counting = CountingReads(engine)
    synced = await sync_store(counting).apply_together(
        OWNER, [save(0, "one"), rename(1, "Title 1", heads[1].metadata.etag), trash(2, heads[2].metadata.etag)]
    )
    assert counting.verbs == ["read"] * 3
    assert synced[:2] == heads[:2] and synced[2].status == "trashed"


async def test_without_a_trash_a_session_is_deleted_with_its_contents(engine: Engine) -> None:
    await some(engine, 2)
    rules = SessionRules(trash_retention=timedelta(0))
    heads = await sync_store(engine, rules).apply_together(OWNER, [trash(0), save(1, "two")])
    assert [one.status for one in heads] == ["deleted", "active"]
    assert {id.partition("~")[0] for id in await content_ids(engine)} == {id_of(1)}
    await assert_sound(engine)


async def test_an_autosave_takes_the_place_of_the_autosave_before(engine: Engine) -> None:
    await some(engine, 1)
    sync = sync_store(engine)
    for content in ("two", "three"):
        [head] = await sync.apply_together(OWNER, [replace(save(0, content), autosave=True)])
    assert [(one.version, one.action) for one in head.revisions] == [(3, "autosaved"), (1, "created")]
    await assert_sound(engine)


@pytest.mark.parametrize("content", ["two", LARGE], ids=["one commit", "contents first"])
async def test_a_repeat_returns_what_the_first_try_did(engine: Engine, content: str) -> None:
    await some(engine, 3)
    items: list[SyncItem] = [create(10, content), save(0, content), rename(1, "Renamed"), trash(2)]
    first = await sync_store(engine).apply_together(OWNER, items, KEY)
    others = session_store(engine)
    for number in (0, 1, 10):
        await others.save(OWNER, id_of(number), saving("later", title="Later"))
    before = await shown(engine)
    counting = CountingReads(engine)
    again = await sync_store(counting).apply_together(OWNER, items, KEY)
    assert etags(again) == etags(first)
    assert [one.metadata for one in again] == [one.metadata for one in first]
    assert not counting.writes and await shown(engine) == before


async def test_a_repeat_leaves_alone_what_changed_nothing_at_first(engine: Engine) -> None:
    """The first try is committed. So it is not refused because of what others did since."""
    heads = await some(engine, 2)
    items: list[SyncItem] = [save(0, "one", heads[0].metadata.etag), save(1, "two", heads[1].metadata.etag)]
    first = await sync_store(engine).apply_together(OWNER, items, KEY)
    await session_store(engine).save(OWNER, id_of(0), saving("later"))
    before = await shown(engine)
    again = await sync_store(engine).apply_together(OWNER, items, KEY)
    assert etags(again) == etags(first), "the ETag of a save that the caller has not seen is never returned"
    assert await shown(engine) == before


async def test_a_key_stands_for_one_call(engine: Engine) -> None:
    await some(engine, 2)
    sync = sync_store(engine)
    await sync.apply_together(OWNER, [save(0, "two"), save(1, "two")], KEY)
    other = IdempotencyKey(KEY.key, "another digest")
    with pytest.raises(KeyReused):
        await sync.apply_together(OWNER, [save(0, "two"), create(2)], other)
    assert len(await shown(engine)) == 2


async def test_of_eight_equal_calls_at_once_one_is_written(engine: Engine) -> None:
    await some(engine, 2)
    stores = [sync_store(engine) for _ in range(3)]
    items: list[SyncItem] = [create(10), save(0, "two"), save(1, "two")]
    results = await asyncio.gather(*(stores[n % 3].apply_together(OWNER, items, KEY) for n in range(8)))
    assert {tuple(etags(one)) for one in results} == {tuple(etags(results[0]))}
    assert [version for _, version, _ in (await shown(engine)).values()] == [2, 2, 1]
    await assert_sound(engine)


async def test_it_is_refused_where_a_commit_is_not_whole(engine: Engine) -> None:
    await some(engine, 1)
    before = await shown(engine)
    with pytest.raises(NotAtomicHere):
        await sync_store(InSteps(engine)).apply_together(OWNER, [save(0, "two"), create(1)])
    assert await shown(engine) == before


async def test_saves_in_one_process_wait_for_a_sync_and_go_on_from_it(engine: Engine) -> None:
    heads = await some(engine, 3)
    shared = Shared.over(engine)
    sessions = SessionStore(shared)
    sync = SyncStore(shared, sessions)
    forth = [save(n, "sync", one.metadata.etag) for n, one in enumerate(heads)]
    singles = [sessions.save(OWNER, id_of(n % 3), saving(f"single {n}")) for n in range(12)]
    back = [rename(n, "Sync") for n in (2, 0, 1)]
    results = await asyncio.gather(
        sync.apply_together(OWNER, forth), *singles, sync.apply_together(OWNER, back), return_exceptions=True
    )
    assert not [one for one in results if isinstance(one, BaseException)]
    assert [version for _, version, _ in (await shown(engine)).values()] == [7, 7, 7]
    await assert_sound(engine)


async def test_conditions_of_singles_see_the_etags_of_a_sync(engine: Engine) -> None:
    heads = await sync_store(engine).apply_together(OWNER, [create(0), create(1)])
    saved = await session_store(engine).save(OWNER, id_of(0), saving("two"), Conditions({heads[0].metadata.etag}))
    assert saved.metadata.version == 2
