"""Writers of one session in one process: those who wait at the same time share one commit."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from persistence.conditions import Conditions
from persistence.errors import Changed, IllegalMove, StoreUnavailable, Trashed
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionHead, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Item
from tests.support.activity import told
from tests.support.engines import AnswersLost, Around, CountingReads
from tests.support.sessions import OWNER, assert_sound, new, saving, session_store, sha256, stored_heads

WRITERS = 8


class SlowToReplace(Around):
    """Holds each replace until `permits` has a permit for it. `begun` has one for each replace that has begun."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.permits, self.begun = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        self.begun.release()
        await self.permits.acquire()
        return await super().create_then_replace(container, new, item, if_match, then)


async def test_writers_that_wait_share_a_commit_and_every_save_is_a_version(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    saved = await asyncio.gather(
        *(sessions.save(OWNER, head.id, saving(f"save {number}")) for number in range(WRITERS))
    )
    assert sorted(one.metadata.version for one in saved) == list(range(2, WRITERS + 2))
    assert counting.verbs.count("read") == 1, "only the first had nothing to start from"
    commits = [one for one in counting.writes if "session" in one.kinds]
    assert len(commits) == 2, "one for the first, and one for all who waited meanwhile"
    stored = await sessions.get_head(OWNER, head.id)
    assert [r.version for r in stored.revisions] == list(range(WRITERS + 1, 0, -1))
    await assert_sound(engine)
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


async def begun_with(sessions: SessionStore, slow: SlowToReplace, *edits: Coroutine[Any, Any, Any]) -> list[Any]:
    """Starts the edits one after the other. The first is held while the others wait. Returns the tasks."""
    tasks = [asyncio.create_task(edits[0])]
    await slow.begun.acquire()
    tasks += map(asyncio.create_task, edits[1:])
    await asyncio.sleep(0)
    return tasks


async def test_an_edit_that_is_refused_leaves_the_others_of_its_group_alone(engine: Engine) -> None:
    slow = SlowToReplace(engine)
    sessions = session_store(slow)
    head = await sessions.create(OWNER, new())
    stale = Conditions({head.metadata.etag})
    tasks = await begun_with(
        sessions,
        slow,
        sessions.save(OWNER, head.id, saving("first")),
        sessions.save(OWNER, head.id, saving("second")),
        sessions.save(OWNER, head.id, saving("stale"), stale),
        sessions.move(OWNER, head.id, SessionAction.REOPENED),
        sessions.save(OWNER, head.id, saving("third")),
        sessions.delete(OWNER, head.id),
        sessions.save(OWNER, head.id, saving("too late")),
    )
    slow.permits.release()
    slow.permits.release()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    versions = [one.metadata.version if isinstance(one, SessionHead) else type(one) for one in outcomes]
    assert versions == [2, 3, Changed, IllegalMove, 4, type(None), Trashed]
    [stored] = await stored_heads(engine)
    assert (stored.status, stored.metadata.version) == (SessionStatus.TRASHED, 5)
    await assert_sound(engine)


async def test_contents_that_nothing_names_after_a_group_are_not_written(engine: Engine) -> None:
    counting = CountingReads(engine)
    slow = SlowToReplace(counting)
    sessions = session_store(slow)
    head = await sessions.create(OWNER, new())
    tasks = await begun_with(
        sessions,
        slow,
        *(sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(4)),
        sessions.delete(OWNER, head.id, purge=True),
    )
    slow.permits.release()
    slow.permits.release()
    *saved, _ = await asyncio.gather(*tasks)
    assert [one.metadata.version for one in saved] == [2, 3, 4, 5]
    written = sum(one.kinds.count("content") for one in counting.writes)
    assert written == 2, "of the create and the first save; the others share a commit with the deletion"
    await assert_sound(engine)


async def test_a_group_that_loses_its_race_is_applied_to_what_came_before_it(engine: Engine) -> None:
    slow = SlowToReplace(engine)
    sessions, other = session_store(slow), session_store(engine)
    head = await sessions.create(OWNER, new())
    tasks = await begun_with(
        sessions, slow, *(sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(4))
    )
    slow.permits.release()
    await slow.begun.acquire()
    await other.save(OWNER, head.id, SessionChange(title="Faster"))
    slow.permits.release()
    slow.permits.release()
    saved = await asyncio.gather(*tasks)
    assert [one.metadata.version for one in saved] == [2, 4, 5, 6]
    assert {one.metadata.title for one in saved[1:]} == {"Faster"}
    await assert_sound(engine)


async def test_writes_outlive_the_writer_who_commits_them(engine: Engine) -> None:
    """The first of a group commits for all. If its caller goes away, the others are committed all the same."""
    slow = SlowToReplace(engine)
    sessions = session_store(slow)
    head = await sessions.create(OWNER, new())
    tasks = await begun_with(
        sessions, slow, *(sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(4))
    )
    slow.permits.release()
    await tasks[0]
    await slow.begun.acquire()
    tasks[1].cancel()
    slow.permits.release()
    saved = await asyncio.gather(*tasks[2:])
    assert [one.metadata.version for one in saved] == [3, 4]
    stored = await sessions.get_head(OWNER, head.id)
    assert {r.content_hash for r in stored.revisions} == {sha256(t) for t in ("one", "save 0", "save 2", "save 3")}
    await assert_sound(engine)


async def test_a_fault_reaches_the_writer_whose_turn_it_is_and_the_others_try_again(engine: Engine) -> None:
    class FailsOnce(SlowToReplace):
        calls = 0

        async def create_then_replace(
            self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
        ) -> str:
            self.calls += 1
            if self.calls == 2:
                raise StoreUnavailable
            return await super().create_then_replace(container, new, item, if_match, then)

    slow = FailsOnce(engine)
    sessions = session_store(slow)
    head = await sessions.create(OWNER, new())
    tasks = await begun_with(
        sessions, slow, *(sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(4))
    )
    slow.permits.release()
    slow.permits.release()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    versions = [one.metadata.version if isinstance(one, SessionHead) else type(one) for one in outcomes]
    assert versions == [2, StoreUnavailable, 3, 4]
    await assert_sound(engine)


@pytest.mark.each_way
async def test_a_commit_whose_response_is_lost_is_not_made_again_for_those_who_waited(engine: Engine) -> None:
    class LosesOneResponse(SlowToReplace):
        calls = 0

        async def create_then_replace(
            self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
        ) -> str:
            self.calls += 1
            is_lost = self.calls == 2
            etag = await super().create_then_replace(container, new, item, if_match, then)
            if is_lost:
                raise StoreUnavailable
            return etag

    slow = LosesOneResponse(engine)
    sessions = session_store(slow, SessionRules(keep_revisions=200))
    head = await sessions.create(OWNER, new())
    many = 3 * REMEMBERED_VERSIONS
    saves = (sessions.save(OWNER, head.id, saving(f"save {number}")) for number in range(many))
    tasks = await begun_with(sessions, slow, *saves)
    for _ in range(many):
        slow.permits.release()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in outcomes].count(StoreUnavailable) == 1, "the writer whose turn it was"
    saved = [one for one in outcomes if isinstance(one, SessionHead)]
    assert [one.metadata.version for one in saved] == [2, *range(4, many + 2)]
    assert (await sessions.get_head(OWNER, head.id)).metadata.version == many + 1
    assert await told(engine, head.id) == [(1, "created"), *((n, "saved") for n in range(2, many + 2))]
    await assert_sound(engine)


@pytest.mark.each_way
async def test_of_a_group_whose_response_is_lost_one_remembered_version_proves_all(engine: Engine) -> None:
    """Others save before the head is read again, so that it has forgotten the first writes of the group."""
    lossy = AnswersLost(engine, ["replace"], times=0)
    slow = SlowToReplace(lossy)
    sessions, other = (session_store(one, SessionRules(keep_revisions=200)) for one in (slow, engine))
    head = await sessions.create(OWNER, new())

    async def others_save() -> None:
        for number in range(REMEMBERED_VERSIONS - 1):
            await other.save(OWNER, head.id, saving(f"other {number}"))

    saves = [sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(1 + REMEMBERED_VERSIONS)]
    tasks = await begun_with(sessions, slow, *saves)
    slow.permits.release()
    await tasks[0]
    lossy.times, lossy.meanwhile = 1, others_save
    for _ in range(3):
        slow.permits.release()
    saved = await asyncio.gather(*tasks)
    assert [one.metadata.version for one in saved] == list(range(2, 3 + REMEMBERED_VERSIONS))
    last = 1 + len(saved) + REMEMBERED_VERSIONS - 1
    assert (await sessions.get_head(OWNER, head.id)).metadata.version == last
    assert await told(engine, head.id) == [(1, "created"), *((n, "saved") for n in range(2, last + 1))]
    await assert_sound(engine)


async def test_more_writers_than_a_group_holds_are_committed_in_several(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting, SessionRules(keep_revisions=200))
    head = await sessions.create(OWNER, new())
    counting.forget()
    many = 70
    saved = await asyncio.gather(*(sessions.save(OWNER, head.id, saving(f"save {n}")) for n in range(many)))
    assert sorted(one.metadata.version for one in saved) == list(range(2, many + 2))
    assert len([one for one in counting.writes if "session" in one.kinds]) == 8, "1, six times 10, and 9"
    await assert_sound(engine)
