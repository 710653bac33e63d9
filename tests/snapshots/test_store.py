"""SnapshotStore: creating, opening and listing snapshots. On each engine."""

import random
from bisect import bisect_left
from functools import cache

import pytest

from persistence import Stores
from persistence.content import CONTENT_MAX_BYTES, PACKED_MAX_BYTES, pack
from persistence.documents import is_id, new_id
from persistence.errors import ContentTooLarge, CorruptItem, Forbidden, Gone, NotFound
from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionChange
from persistence.snapshots.documents import NewSnapshot
from persistence.snapshots.filters import FILTERS
from persistence.storage.containers import SESSIONS, SNAPSHOTS
from persistence.storage.engine import PAYLOAD, Engine
from persistence.storage.query import Operator, Sort
from tests.support import sessions as of_sessions
from tests.support.engines import CountingReads
from tests.support.sessions import sha256
from tests.support.snapshots import (
    LARGE,
    OUTSIDER,
    OWNER,
    VISITOR,
    damage,
    entry_of,
    find_snapshot,
    new,
    over,
    visitors_of,
    with_rules,
)
from tests.support.timers import clean_up


async def titles(stores: Stores, owner: str = OWNER) -> list[str]:
    page = await stores.snapshots.page(owner, page_size=100)
    return [entry.snapshot_metadata.title for entry in page.items]


async def test_a_snapshot_comes_back_as_it_was_sent_to_whoever_has_its_id(stores: Stores) -> None:
    content = 'żółć \0 "\\ \u2028 🙂'
    made = await stores.snapshots.create(OWNER, new("Title", content, description="About", app="map"))
    for person in (OWNER, VISITOR):
        snapshot, got = await stores.snapshots.get(person, made.id)
        assert (snapshot, got) == (made, content.encode())
    metadata = made.metadata
    assert (metadata.title, metadata.description, made.app, made.owner_id) == ("Title", "About", "map", OWNER)
    assert (metadata.content_hash, metadata.content_bytes) == (sha256(content), len(content.encode()))
    assert (made.expires_at, made.deleted_at) == (None, None)
    await stores.access_logs.drain()


@pytest.mark.parametrize("content", ["", LARGE], ids=["empty", "large"])
async def test_content_of_any_size_comes_back(stores: Stores, content: str) -> None:
    made = await stores.snapshots.create(OWNER, new(content=content))
    _, got = await stores.snapshots.get(VISITOR, made.id)
    assert got.decode() == content
    assert await titles(stores) == ["First"]
    assert (await visitors_of(stores.engine, made.id))[OWNER].visits == 1
    await stores.access_logs.drain()


async def test_a_small_snapshot_is_one_commit_between_two_writes_of_the_row(engine: Engine) -> None:
    counting = CountingReads(engine)
    _, snapshots, *_ = over(counting)
    await snapshots.create(OWNER, new())
    assert [(one.verb, one.kinds) for one in counting.asked] == [
        ("create", ("access_log",)),
        ("commit", ("snapshot", "visitor")),
        ("create", ("activity",)),
        ("patch", ()),
    ]
    counting.forget()
    await snapshots.create(OWNER, new(content=LARGE))
    # The snapshot before its visitor item: nothing would remove a visitor item without a snapshot.
    assert [(one.verb, one.kinds) for one in counting.asked] == [
        ("create", ("access_log",)),
        ("create", ("snapshot",)),
        ("create", ("visitor",)),
        ("create", ("activity",)),
        ("patch", ()),
    ]


async def test_making_one_counts_as_the_owners_first_visit(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    entry = await entry_of(stores.engine, OWNER, made.id)
    assert entry is not None
    assert (entry.visits, entry.pending, entry.hidden, entry.unsettled_at) == (1, False, False, None)
    assert entry.first_visited_at == entry.last_visited_at == made.metadata.created_at
    visitor = (await visitors_of(stores.engine, made.id))[OWNER]
    assert (visitor.visits, visitor.last_visited_at) == (1, entry.last_visited_at)


async def test_a_session_is_copied_without_being_sent_again(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions, snapshots, logs, _ = over(counting)
    head = await sessions.create(OWNER, of_sessions.new("Session", "content", "About"))
    stored = (await engine.read(SESSIONS, head.content_id or "", OWNER)).item[PAYLOAD]
    made = await snapshots.create(OWNER, NewSnapshot(session_id=head.id))
    assert (made.metadata.title, made.metadata.description) == ("Session", "About")
    assert made.metadata.content_hash == head.metadata.content_hash == sha256("content")
    assert (await engine.read(SNAPSHOTS, made.id, made.id)).item[PAYLOAD] == stored, "packed again"
    named = await snapshots.create(OWNER, NewSnapshot(session_id=head.id, title="Own", description=""))
    assert (named.metadata.title, named.metadata.description) == ("Own", None)
    await logs.drain()


async def test_a_snapshot_of_a_session_stays_as_it_was(stores: Stores) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="before"))
    made = await stores.snapshots.create(OWNER, NewSnapshot(session_id=head.id))
    await stores.sessions.save(OWNER, head.id, SessionChange(content=pack("after"), title="Other"))
    await stores.sessions.delete(OWNER, head.id)
    assert await stores.snapshots.get(OWNER, made.id) == (made, b"before")
    await stores.access_logs.drain()


async def test_only_my_own_living_sessions_can_be_frozen(stores: Stores) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new())
    for session_id in (new_id(), "../sessions", ""):
        with pytest.raises(NotFound):
            await stores.snapshots.create(OWNER, NewSnapshot(session_id=session_id))
    with pytest.raises(NotFound):
        await stores.snapshots.create(OUTSIDER, NewSnapshot(session_id=head.id))
    await stores.sessions.delete(OWNER, head.id)
    with pytest.raises(Gone):
        await stores.snapshots.create(OWNER, NewSnapshot(session_id=head.id))
    assert await titles(stores) == [] == await titles(stores, OUTSIDER)


async def test_a_draft_can_be_frozen(stores: Stores) -> None:
    await stores.sessions.create_draft(OWNER, "draft-000001", of_sessions.new("Draft", "unsaved"), "save-1")
    made = await stores.snapshots.create(OWNER, NewSnapshot(session_id="draft-000001"))
    assert (await stores.snapshots.get(OWNER, made.id))[1] == b"unsaved"
    await stores.access_logs.drain()


async def test_the_owner_finds_all_snapshots_of_a_session_and_nobody_else_learns_of_it(stores: Stores) -> None:
    snapshots, logs = stores.snapshots, stores.access_logs
    head = await stores.sessions.create(OWNER, of_sessions.new())
    first = await snapshots.create(OWNER, NewSnapshot(session_id=head.id, title="First"))
    await snapshots.create(OWNER, new("Other"))
    again = await snapshots.create(OWNER, NewSnapshot(snapshot_id=first.id, title="Again"))
    of_session = [FILTERS.create("session_id", head.id, Operator.EQUAL)]
    library = await snapshots.page(OWNER, of_session)
    assert {one.id for one in library.items} == {first.id, again.id}
    assert {one.id for one in (await logs.page(OWNER, of_session)).items} == {first.id, again.id}
    await snapshots.get(OUTSIDER, first.id)
    await logs.settle_visits(OUTSIDER)
    seen = await entry_of(stores.engine, OUTSIDER, first.id)
    assert seen is not None and seen.session_id is None
    await logs.drain()


async def test_a_snapshot_is_copied_for_another_link_and_that_is_no_visit(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new("Title", "content"))
    again = await stores.snapshots.create(OWNER, NewSnapshot(snapshot_id=made.id))
    assert again.id != made.id and again.metadata.title == "Title"
    assert (await stores.snapshots.get(OWNER, again.id, count=False))[1] == b"content"
    assert (await visitors_of(stores.engine, made.id))[OWNER].visits == 1
    with pytest.raises(Forbidden):
        await stores.snapshots.create(OUTSIDER, NewSnapshot(snapshot_id=made.id))
    await stores.snapshots.delete(OWNER, made.id)
    with pytest.raises(Gone):
        await stores.snapshots.create(OWNER, NewSnapshot(snapshot_id=made.id))
    await stores.access_logs.drain()


async def test_a_damaged_session_makes_no_snapshot(uncached: Stores) -> None:
    head = await uncached.sessions.create(OWNER, of_sessions.new())
    await damage(uncached.engine, SESSIONS, head.content_id or "", OWNER, payload=b"no gzip")
    with pytest.raises(CorruptItem):
        await uncached.snapshots.create(OWNER, NewSnapshot(session_id=head.id))
    assert await titles(uncached) == []


async def test_what_is_too_large_leaves_nothing_behind(engine: Engine) -> None:
    counting = CountingReads(engine)
    _, snapshots, *_ = over(counting)
    with pytest.raises(ContentTooLarge) as caught:
        await snapshots.create(OWNER, too_wordy())
    assert (caught.value.size or 0) > caught.value.limit == PACKED_MAX_BYTES
    assert counting.writes == []
    await snapshots.create(OWNER, new(content=just_packable()))


async def test_what_is_too_large_leaves_its_key_free(stores: Stores) -> None:
    with pytest.raises(ContentTooLarge):
        await stores.snapshots.create(OWNER, too_wordy(), IdempotencyKey("key", "digest of what is too large"))
    made = await stores.snapshots.create(OWNER, new(), IdempotencyKey("key", "digest of what is not"))
    assert await titles(stores) == [made.metadata.title]


def too_wordy() -> NewSnapshot:
    """Returns a snapshot whose content would fit into an item, but not together with its metadata."""
    return new("🙂" * 255, just_packable(), description="🙂" * 2_000, app="🙂" * 100)


@cache
def just_packable() -> str:
    """Returns the longest text that can be packed, of bytes that are about equally frequent."""
    draw = random.Random(1)
    characters = [
        chr(draw.randrange(0x80, 0x800) if draw.random() < 0.34 else draw.randrange(0x80))
        for _ in range(CONTENT_MAX_BYTES * 100 // 134)
    ]

    def is_too_much(length: int) -> bool:
        try:
            return pack("".join(characters[:length])).size < 0
        except ContentTooLarge:
            return True

    longest = bisect_left(range(len(characters)), True, key=is_too_much) - 1
    return "".join(characters[:longest])


@pytest.mark.parametrize("length", [12, 21, 64])
async def test_ids_are_as_long_as_the_setting_says(stores: Stores, length: int) -> None:
    snapshots = with_rules(stores, id_length=length)
    ids = {(await snapshots.create(OWNER, new())).id for _ in range(3)}
    assert len(ids) == 3 and all(len(id) == length and is_id(id, longest=64) for id in ids)
    for id in ids:
        await stores.snapshots.get(VISITOR, id)
    await stores.access_logs.drain()


@pytest.mark.parametrize(
    "id", ["", "short", "x" * 65, "ab/../sessio", "żółćżółćżółć", "aaaaaaaaaaa\n", "visitor~0000"]
)
async def test_a_malformed_id_is_no_snapshot(stores: Stores, id: str) -> None:
    for asking in (stores.snapshots.get, stores.snapshots.delete, stores.snapshots.stats):
        with pytest.raises(NotFound):
            await asking(OWNER, id)


async def test_a_guessed_id_is_no_snapshot(stores: Stores) -> None:
    for asking in (stores.snapshots.get, stores.snapshots.delete, stores.snapshots.stats):
        with pytest.raises(NotFound):
            await asking(OWNER, new_id())


async def test_my_snapshots_are_listed_newest_first_and_nobody_elses(stores: Stores) -> None:
    for title in ("one", "two", "three"):
        await stores.snapshots.create(OWNER, new(title))
    other = await stores.snapshots.create(OUTSIDER, new("other"))
    await stores.snapshots.get(OWNER, other.id)
    await stores.access_logs.drain()
    assert await titles(stores) == ["three", "two", "one"]
    assert await titles(stores, VISITOR) == []
    first = await stores.snapshots.page(OWNER, sort=Sort("snapshot_metadata.title"), page_size=2)
    rest = await stores.snapshots.page(
        OWNER, sort=Sort("snapshot_metadata.title"), page_size=2, cursor=first.cursor
    )
    assert [entry.snapshot_metadata.title for entry in first.items + rest.items] == ["one", "three", "two"]
    assert rest.cursor is None


async def test_listing_reads_no_content(engine: Engine) -> None:
    counting = CountingReads(engine)
    _, snapshots, *_ = over(counting)
    for _ in range(3):
        await snapshots.create(OWNER, new(content=LARGE))
    counting.forget()
    await snapshots.page(OWNER)
    assert counting.verbs == ["query"] and counting.bytes_read < 10_000


async def test_a_damaged_snapshot_fails_only_its_own_opening(stores: Stores) -> None:
    bad, good = [await stores.snapshots.create(OWNER, new(title)) for title in ("bad", "good")]
    await damage(stores.engine, SNAPSHOTS, bad.id, bad.id, payload=b"no gzip")
    with pytest.raises(CorruptItem):
        await stores.snapshots.get(VISITOR, bad.id)
    await damage(stores.engine, SNAPSHOTS, bad.id, bad.id, schema=2)
    for asking in (stores.snapshots.get, stores.snapshots.stats, stores.snapshots.delete):
        with pytest.raises(CorruptItem):
            await asking(OWNER, bad.id)
    assert (await stores.snapshots.get(OWNER, good.id))[1] == b"one"
    assert await titles(stores) == ["good", "bad"]
    await stores.access_logs.drain()


async def test_nothing_changes_a_snapshot_but_its_deletion(stores: Stores) -> None:
    made = await stores.snapshots.create(OWNER, new())
    before = (await stores.engine.read(SNAPSHOTS, made.id, made.id)).etag
    for person in (OWNER, VISITOR):
        await stores.snapshots.get(person, made.id)
    await stores.access_logs.drain()
    await stores.access_logs.remove(OWNER, made.id)
    await stores.snapshots.stats(OWNER, made.id)
    await clean_up(stores)
    assert (await stores.engine.read(SNAPSHOTS, made.id, made.id)).etag == before
    assert await find_snapshot(stores.engine, made.id) == made


def test_a_snapshot_is_made_of_content_or_of_a_session() -> None:
    content = pack("x")
    both = {"title": "T", "content": content, "session_id": new_id()}
    for wrong in ({}, {"content": content}, {"title": "T"}, both):
        with pytest.raises(ValueError):
            NewSnapshot.model_validate(wrong)
