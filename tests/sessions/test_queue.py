"""Writers of one session in one process: each starts from the head that the writer before it committed."""

import asyncio

import pytest

from persistence.conditions import Conditions
from persistence.errors import Changed
from persistence.sessions.documents import SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Item
from tests.support.engines import Around, CountingReads
from tests.support.sessions import OWNER, new, saving, session_store

WRITERS = 8


class SlowToReplace(Around):
    """Holds each replace until `permits` has a permit for it. `begun` has one for each replace that has begun."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.permits, self.begun = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def create_then_replace(self, container: Container, new: Item, item: Item, if_match: str) -> str:
        self.begun.release()
        await self.permits.acquire()
        return await super().create_then_replace(container, new, item, if_match)


async def test_writers_that_wait_read_nothing_and_every_save_is_a_version(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    saved = await asyncio.gather(
        *(sessions.save(OWNER, head.id, saving(f"save {number}")) for number in range(WRITERS))
    )
    assert sorted(one.metadata.version for one in saved) == list(range(2, WRITERS + 2))
    assert counting.verbs.count("read") == 1, "only the first had nothing to start from"
    counting.forget()
    await sessions.save(OWNER, head.id, saving("later"))
    assert counting.verbs.count("read") == 1, "what was committed before is not kept for later writers"


async def test_a_writer_that_waits_sees_the_end_of_the_one_before(engine: Engine) -> None:
    slow = SlowToReplace(engine)
    sessions = session_store(slow)
    head = await sessions.create(OWNER, new())
    first = asyncio.create_task(sessions.save(OWNER, head.id, saving("first")))
    await slow.begun.acquire()
    same, stale = [
        asyncio.create_task(sessions.save(OWNER, head.id, saving("first"))),
        asyncio.create_task(sessions.save(OWNER, head.id, saving("stale"), Conditions({head.metadata.etag}))),
    ]
    await asyncio.sleep(0)
    slow.permits.release()
    assert (await same).metadata.version == (await first).metadata.version == 2, "the same content is no version"
    with pytest.raises(Changed):
        await stale


async def test_a_head_that_another_process_has_replaced_since_is_read_again(engine: Engine) -> None:
    slow = SlowToReplace(engine)
    sessions, other = session_store(slow), session_store(engine)
    head = await sessions.create(OWNER, new())
    first = asyncio.create_task(sessions.save(OWNER, head.id, saving("first")))
    await slow.begun.acquire()
    second = asyncio.create_task(sessions.save(OWNER, head.id, saving("second")))
    await asyncio.sleep(0)
    slow.permits.release()
    await first
    await slow.begun.acquire()
    await other.move(OWNER, head.id, SessionAction.CLOSED)
    await other.move(OWNER, head.id, SessionAction.REOPENED)
    for _ in range(2):
        slow.permits.release()
    assert (await second).metadata.version == 5
    stored = await other.get_head(OWNER, head.id)
    assert stored.status is SessionStatus.ACTIVE
    assert [one.version for one in stored.revisions] == [5, 4, 3, 2, 1]


async def test_a_writer_that_gives_up_leaves_no_head_to_the_writers_after_it(engine: Engine) -> None:
    slow = SlowToReplace(engine)
    sessions, other = session_store(slow), session_store(engine)
    head = await sessions.create(OWNER, new())
    first = asyncio.create_task(sessions.save(OWNER, head.id, saving("first")))
    await slow.begun.acquire()
    waiting = [asyncio.create_task(sessions.save(OWNER, head.id, saving(f"save {n}"))) for n in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    for _ in range(2):
        slow.permits.release()
    await first
    await asyncio.gather(*waiting, return_exceptions=True)
    saved = await other.save(OWNER, head.id, saving("elsewhere"))
    assert await sessions.save(OWNER, head.id, saving("elsewhere")) == saved, "the stored head, not an older one"
