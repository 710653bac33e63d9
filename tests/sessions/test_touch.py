"""The last access is recorded now and then. It makes no version and no ETag, and never fails a read."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.conditions import Conditions
from persistence.errors import Gone, NotFound
from persistence.sessions.documents import SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Engine, Item
from tests.conftest import SETTINGS
from tests.support.breaking import Refuses
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, a_session, draft
from tests.support.engines import Around, CountingReads
from tests.support.sessions import OWNER, assert_sound, new, saving, session_store, sha256, stored_heads

Opening = Callable[[Stores], Awaitable[Any]]
INTERVAL = {"minutes": 15}

# Calls that count as an access to the draft, and calls that do not.
OPENINGS: dict[str, Opening] = {
    "touch": lambda stores: stores.sessions.touch(OWNER, DRAFT),
    "get": lambda stores: stores.sessions.get(OWNER, DRAFT),
    "get what the caller has": lambda stores: get_again(stores),
    "get the draft": lambda stores: stores.drafts.get(OWNER, DRAFT),
    "get the latest draft": lambda stores: stores.drafts.find_latest(OWNER),
}
LOOKS: dict[str, Opening] = {
    "poll": lambda stores: stores.sessions.get_summary(OWNER, DRAFT),
    "look at the history": lambda stores: stores.sessions.get_head(OWNER, DRAFT),
    "list": lambda stores: stores.drafts.page(OWNER),
    "restorable": lambda stores: stores.drafts.restorable(OWNER),
    "read a revision": lambda stores: stores.sessions.revision(OWNER, DRAFT, 1),
    "autosave without a change": lambda stores: stores.drafts.put(OWNER, DRAFT, draft()),
}


async def get_again(stores: Stores) -> None:
    etag = (await stores.sessions.get_head(OWNER, DRAFT)).metadata.etag
    assert (await stores.sessions.get(OWNER, DRAFT, if_none_match={etag})).content is None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
async def test_opening_is_written_once_in_an_interval_and_changes_nothing_else(
    stores: Stores, counting: CountingReads, clock: Clock, opening: Opening
) -> None:
    before, _ = await stores.drafts.put(OWNER, DRAFT, draft())
    for interval in range(3):
        counting.forget()
        clock.advance(minutes=14.9)
        await opening(stores)
        assert counting.writes == [], "no write within the interval after a save or an access"
        clock.advance(minutes=0.2)
        opened_at = clock.at
        for _ in range(5):
            await opening(stores)
            clock.advance(minutes=1)
        assert [one.verb for one in counting.writes] == ["replace"], interval
        [after] = await stored_heads(counting)
        accessed = after.metadata.last_accessed_at
        assert timedelta(0) < accessed - opened_at < timedelta(minutes=1)
        clock.at = accessed
        metadata = before.metadata.model_copy(update={"last_accessed_at": accessed})
        assert after == before.model_copy(update={"metadata": metadata})
        assert after.metadata.etag == before.metadata.etag
        assert after.stale_since == accessed


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
async def test_looking_writes_nothing(
    stores: Stores, counting: CountingReads, clock: Clock, look: Opening
) -> None:
    await stores.drafts.put(OWNER, DRAFT, draft())
    counting.forget()
    for _ in range(3):
        clock.advance(days=1)
        await look(stores)
    assert counting.writes == []


async def test_inside_the_interval_a_touch_reads_what_a_poll_reads(
    stores: Stores, counting: CountingReads
) -> None:
    await stores.drafts.put(OWNER, DRAFT, draft("x" * 100_000))
    counting.forget()
    await stores.sessions.get_summary(OWNER, DRAFT)
    poll = list(counting.asked)
    counting.forget()
    await stores.sessions.touch(OWNER, DRAFT)
    assert counting.asked == poll and len(poll) == 1


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
async def test_an_access_that_cannot_be_written_fails_no_read(
    engine: Engine, clock: Clock, opening: Opening
) -> None:
    refusing = Refuses(engine, SESSIONS, "replace")
    stores = stores_over(refusing, SETTINGS.store_rules())
    await stores.drafts.put(OWNER, DRAFT, draft())
    before = await stored_heads(engine)
    refusing.refusing = True
    clock.advance(**INTERVAL)
    await opening(stores)
    assert refusing.refused == 1 and await stored_heads(engine) == before


async def test_a_touch_that_loses_to_a_save_leaves_the_save(engine: Engine, clock: Clock) -> None:
    class Overtaken(Around):
        async def replace(self, container: Container, item: Item, if_match: str) -> str:
            await other.save(OWNER, item["id"], saving("two"))
            return await super().replace(container, item, if_match)

    other = session_store(engine)
    head = await other.create(OWNER, new())
    clock.advance(**INTERVAL)
    touched = await session_store(Overtaken(engine)).touch(OWNER, head.id)
    assert touched.metadata.etag == head.metadata.etag, "the head that was read, not the newer one"
    [stored] = await stored_heads(engine)
    assert (stored.metadata.version, stored.metadata.content_hash) == (2, sha256("two"))


async def test_a_save_that_loses_to_a_touch_is_made_all_the_same(engine: Engine, clock: Clock) -> None:
    class Touched(Around):
        times = 3

        async def replace(self, container: Container, item: Item, if_match: str) -> str:
            self.times -= 1
            if self.times >= 0:
                clock.advance(**INTERVAL)
                await other.touch(OWNER, item["id"])
            return await super().replace(container, item, if_match)

    other = session_store(engine)
    head = await other.create(OWNER, new())
    saved = await session_store(Touched(engine)).save(
        OWNER, head.id, saving("two"), Conditions({head.metadata.etag})
    )
    assert saved.metadata.version == 2
    [stored] = await stored_heads(engine)
    assert stored == saved
    await assert_sound(engine)


async def test_touches_among_saves_lose_none(engine: Engine) -> None:
    rules = SessionRules(keep_revisions=100, touch_interval=timedelta(0))
    stores = [session_store(engine, rules) for _ in range(3)]
    head = await stores[0].create(OWNER, new(content="0"))
    done, touched = asyncio.Event(), asyncio.Event()

    async def touch() -> None:
        while not done.is_set():
            await stores[2].touch(OWNER, head.id)
            await stores[2].get(OWNER, head.id)
            touched.set()
            await asyncio.sleep(0.02)

    async def save(writer: int) -> None:
        for number in range(12):
            await stores[writer].save(OWNER, head.id, saving(f"{writer} {number}"))
            if number % 3 == 0:
                touched.clear()
                await touched.wait()

    touching = asyncio.create_task(touch())
    await asyncio.gather(save(0), save(1))
    done.set()
    await touching
    [stored] = await stored_heads(engine)
    texts = {"0"} | {f"{writer} {number}" for writer in range(2) for number in range(12)}
    assert {revision.content_hash for revision in stored.revisions} == {sha256(text) for text in texts}
    assert stored.metadata.version == 25
    await assert_sound(engine)


async def test_whoever_may_read_it_may_touch_it_and_nobody_else(stores: Stores, clock: Clock) -> None:
    await a_session(stores, SessionStatus.CLOSED)
    await a_session(stores, SessionStatus.DELETED, "deleted-0001")
    clock.advance(**INTERVAL)
    touched = await stores.sessions.touch(OWNER, DRAFT)
    assert touched.status is SessionStatus.CLOSED
    assert touched.metadata.last_accessed_at > touched.metadata.updated_at
    for owner, id, fault in [("bob", DRAFT, NotFound), (OWNER, "no id", NotFound), (OWNER, "deleted-0001", Gone)]:
        with pytest.raises(fault):
            await stores.sessions.touch(owner, id)


async def test_an_access_is_recorded_after_the_clock_was_put_back(stores: Stores, clock: Clock) -> None:
    await a_session(stores, SessionStatus.DRAFT, DRAFT)
    clock.advance(hours=-2)
    before = clock.at
    touched = await stores.sessions.touch(OWNER, DRAFT)
    assert before < touched.metadata.last_accessed_at <= clock.at
