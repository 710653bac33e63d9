"""The cache of contents saves reads. It is bounded in bytes, and shows nothing that a head does not name."""

import asyncio
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence import stores_over
from persistence.account.erasure import erase
from persistence.content import Packed, pack
from persistence.errors import CorruptItem, Gone, NotFound
from persistence.sessions.content_cache import ENTRY_BYTES, ContentCache
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.charge import metered
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import PAYLOAD, Engine
from tests.conftest import SETTINGS
from tests.support.engines import CountingReads
from tests.support.sessions import OWNER, damage, new, saving, session_store

CACHED = SessionRules(cached_bytes=100_000)


@pytest.fixture
def sessions(counting: CountingReads) -> SessionStore:
    return session_store(counting, CACHED)


def reads(counting: CountingReads) -> list[str]:
    """Returns the verbs and kinds of the calls since the last one."""
    done = [f"{one.verb} {' '.join(one.kinds)}" for one in counting.asked]
    counting.forget()
    return done


def packed(size: int) -> Packed:
    return Packed(bytes(size), "", size)


async def test_the_content_of_a_known_session_costs_no_read(
    counting: CountingReads, sessions: SessionStore, engine: Engine
) -> None:
    head = await sessions.create(OWNER, new())
    counting.forget()
    assert (await sessions.get(OWNER, head.id)).content == b"one"
    assert reads(counting) == ["read session"], "what was just created"
    await sessions.save(OWNER, head.id, saving("two"))
    counting.forget()
    assert (await sessions.get(OWNER, head.id)).content == b"two"
    assert reads(counting) == ["read session"], "what was just saved"
    other = session_store(counting, CACHED)
    for expected in (["read session", "read content"], ["read session"]):
        assert (await other.get(OWNER, head.id)).content == b"two"
        assert reads(counting) == expected, "what was just read"
    uncached = session_store(counting)
    for _ in range(2):
        assert (await uncached.get(OWNER, head.id)).content == b"two"
        assert reads(counting) == ["read session", "read content"]


async def test_a_get_of_a_known_session_is_one_call_on_cosmos(engine: Engine, sessions: SessionStore) -> None:
    if not isinstance(engine, CosmosEngine):
        pytest.skip("SQLite is no call away")
    head = await sessions.create(OWNER, new())
    with metered() as charge:
        await sessions.get(OWNER, head.id)
    assert charge.calls == 1


async def test_what_another_process_saved_is_read_and_never_the_old_content(
    counting: CountingReads, sessions: SessionStore, engine: Engine
) -> None:
    head = await sessions.create(OWNER, new())
    other = session_store(engine, CACHED)
    for number in range(3):
        await other.save(OWNER, head.id, saving(f"save {number}"))
        assert (await sessions.get(OWNER, head.id)).content == f"save {number}".encode()


async def test_a_restored_content_is_known(counting: CountingReads, sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new())
    await sessions.save(OWNER, head.id, saving("two"))
    await sessions.restore(OWNER, head.id, 1)
    counting.forget()
    assert (await sessions.get(OWNER, head.id)).content == b"one"
    assert reads(counting) == ["read session"]
    assert (await sessions.revision(OWNER, head.id, 2))[-1] == b"two"
    assert reads(counting) == ["read session"]


async def test_reading_the_history_does_not_fill_the_cache(
    counting: CountingReads, sessions: SessionStore, engine: Engine
) -> None:
    head = await sessions.create(OWNER, new())
    other = session_store(counting, CACHED)
    counting.forget()
    for _ in range(2):
        await other.revision(OWNER, head.id, 1)
        assert reads(counting) == ["read session", "read content"]


async def test_a_content_is_verified_when_it_is_read_and_damage_is_not_kept(engine: Engine) -> None:
    head = await session_store(engine).create(OWNER, new())
    sessions = session_store(engine, CACHED)
    assert head.content_id is not None
    await damage(engine, head.content_id, **{PAYLOAD: pack("two").payload})
    for _ in range(2):
        with pytest.raises(CorruptItem):
            await sessions.get(OWNER, head.id)
    await damage(engine, head.content_id, **{PAYLOAD: pack("one").payload})
    assert (await sessions.get(OWNER, head.id)).content == b"one"


async def test_a_head_that_names_the_id_with_another_hash_is_not_served_from_memory(
    engine: Engine, sessions: SessionStore
) -> None:
    head = await sessions.create(OWNER, new())
    await damage(engine, head.id, **{"metadata.content_hash": pack("two").hash})
    with pytest.raises(CorruptItem):
        await sessions.get(OWNER, head.id)


async def test_a_deleted_session_is_gone_at_once_and_not_in_memory(sessions: SessionStore) -> None:
    kept = await sessions.create(OWNER, new())
    ben = await sessions.create("ben", new())
    cache = sessions._contents._cache
    for erased in (False, True):
        head = await sessions.create(OWNER, new())
        assert cache.find(OWNER, head.content_id or "") is not None
        await (sessions.erase(OWNER, head.id) if erased else sessions.delete(OWNER, head.id, purge=True))
        with pytest.raises(NotFound if erased else Gone):
            await sessions.get(OWNER, head.id)
        assert cache.find(OWNER, head.content_id or "") is None
    assert (await sessions.get(OWNER, kept.id)).content == b"one"
    assert cache.find("ben", ben.content_id or "") is not None, "of another person"


async def test_a_session_in_the_trash_is_not_served_from_memory_and_a_purge_removes_it(
    sessions: SessionStore,
) -> None:
    head = await sessions.create(OWNER, new())
    await sessions.delete(OWNER, head.id)
    with pytest.raises(Gone):
        await sessions.get(OWNER, head.id)
    await sessions.purge(OWNER, head.id)
    assert sessions._contents._cache.bytes == 0


async def test_an_erasure_leaves_nothing_of_its_owner_in_memory(engine: Engine) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    for number in range(3):
        await stores.sessions.create(OWNER, new(content=str(number)))
    await stores.sessions.create("ben", new())
    cache = stores.sessions._contents._cache
    assert cache.bytes > 4 * ENTRY_BYTES
    assert (await erase(stores.kinds, OWNER)).done
    assert list(cache._entries) and {owner for owner, _ in cache._entries} == {"ben"}


async def test_a_purged_draft_is_not_in_memory(engine: Engine) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    head, _ = await stores.drafts.put(OWNER, "draft-000001", saving("mine"))
    cache = stores.sessions._contents._cache
    assert cache.find(OWNER, head.content_id or "") is not None
    until = datetime(2999, 1, 1, tzinfo=UTC)
    assert await stores.sessions.purge_due(OWNER, head.id, SessionStatus.DRAFT, until)
    assert cache.bytes == 0


async def test_snapshots_are_not_kept(counting: CountingReads) -> None:
    stores = stores_over(counting, SETTINGS.store_rules())
    snapshot = await stores.snapshots.create(
        OWNER, NewSnapshot(title="First", description=None, content=pack("one"))
    )
    for _ in range(2):
        counting.forget()
        await stores.snapshots.get("ben", snapshot.id)
        await stores.access_logs.drain()
        assert "snapshot" in {kind for one in counting.asked for kind in one.kinds if one.verb == "read"}
    assert stores.sessions._contents._cache.bytes == 0


async def test_saves_at_the_same_time_leave_the_current_content_in_memory(
    counting: CountingReads, sessions: SessionStore
) -> None:
    head = await sessions.create(OWNER, new())
    await asyncio.gather(*(sessions.save(OWNER, head.id, saving(f"save {number}")) for number in range(8)))
    await sessions.save(OWNER, head.id, SessionChange(title="Renamed"))
    counting.forget()
    await sessions.get(OWNER, head.id)
    assert reads(counting) == ["read session"]


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = ContentCache(3 * ENTRY_BYTES + 30)
    for id in "abc":
        cache.keep(OWNER, id, packed(10))
    assert cache.find(OWNER, "a") is not None
    cache.keep(OWNER, "d", packed(10))
    assert [id for id in "abcd" if cache.find(OWNER, id) is not None] == ["a", "c", "d"]
    cache.keep(OWNER, "e", packed(3 * ENTRY_BYTES + 31))
    assert cache.find(OWNER, "e") is None and cache.find(OWNER, "a") is not None, "too large, so nothing goes"


def test_without_room_nothing_is_kept() -> None:
    cache = ContentCache(0)
    cache.keep(OWNER, "a", packed(0))
    assert cache.find(OWNER, "a") is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["keep", "find", "forget"]), st.sampled_from("ab"), st.sampled_from("xyz"))
        | st.tuples(st.just("keep"), st.sampled_from("ab"), st.text("xyz", min_size=2, max_size=3)),
        max_size=60,
    ),
    st.integers(0, 6 * ENTRY_BYTES),
)
def test_the_cache_is_within_its_bound_after_anything(steps: list[tuple[str, str, str]], most: int) -> None:
    cache = ContentCache(most)
    for step, owner, id in steps:
        match step:
            case "keep":
                cache.keep(owner, id, packed(len(id) * 200))
            case "find":
                cache.find(owner, id)
            case _:
                cache.forget(owner)
                assert not [of for of, _ in cache._entries if of == owner]
        sizes = [len(one.payload) + ENTRY_BYTES for one in cache._entries.values()]
        assert cache.bytes == sum(sizes) <= most
        assert {(of, id) for of, ids in cache._ids.items() for id in ids} == set(cache._entries)


@pytest.mark.parametrize("size", [0, 100, 10_000])
def test_the_memory_that_it_takes_is_within_its_bound(size: int) -> None:
    most = 2_000_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        cache = ContentCache(most)
        for number in range(5_000):
            # Each name is another object, as in requests.
            owner, id = f"{number // 2:036}", f"{number:012}~{number:012}"
            cache.keep(owner, id, Packed(bytes(bytearray(size)), f"{number:064}", size))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert most / 3 < taken <= most
    assert cache.bytes > most * 0.99
