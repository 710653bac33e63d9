"""Sessions while others write: readers that race a prune, contention, stale reads and lost responses."""

import asyncio
from collections.abc import Sequence

import pytest

from persistence.conditions import Conditions
from persistence.content import pack
from persistence.errors import Changed, Contended, CorruptItem, Gone, ItemNotFound, NotFound
from persistence.retry import ATTEMPTS
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionHead
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Create, Engine, Item, Replace, Stored
from tests.support.engines import AnswersLost, Around, CountingReads, saves_at_once
from tests.support.sessions import (
    OWNER,
    assert_sound,
    count,
    new,
    saving,
    session_store,
    sha256,
    stored_content,
    stored_heads,
    sweep,
)

pytestmark = pytest.mark.each_way


class NeverInTime(Around):
    """Another session store always saves just before a head is replaced."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.faster, self.saves = session_store(inner), 0

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self._be_faster(item)
        return await super().replace(container, item, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        await self._be_faster(operations[0].item)
        return await super().commit(container, partition, operations)

    async def _be_faster(self, head: Item) -> None:
        self.saves += 1
        await self.faster.save(head["owner_id"], head["id"], saving(f"faster {self.saves}"))


class SavedInBetween(Around):
    """Another session store prunes the content before each of the next `times` reads of one."""

    def __init__(self, inner: Engine, other: SessionStore, times: int) -> None:
        super().__init__(inner)
        self.other, self.times = other, times

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        session_id, tilde, _ = id.partition("~")
        if tilde and self.times > 0:
            self.times -= 1
            for number in reversed(range(REMEMBERED_VERSIONS)):
                await self.other.save(partition, session_id, saving(f"overtaken {self.times}.{number}"))
            await sweep(self.inner)
        return await super().read(container, id, partition)


class UnseenContent(Around):
    """A replica that has the head already. The content is missing for the next `unseen` reads."""

    unseen = 0

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if "~" in id and self.unseen > 0:
            self.unseen -= 1
            raise ItemNotFound
        return await super().read(container, id, partition)


class Replayed(Around):
    """Returns the next heads from `replay`, as replicas do that lag further and further behind."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.replay: list[Stored] = []

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if "~" not in id and self.replay:
            return self.replay.pop(0)
        return await super().read(container, id, partition)


async def test_a_reader_that_loses_to_a_prune_reads_what_came_after(engine: Engine) -> None:
    writer = session_store(engine, SessionRules(keep_revisions=1))
    head = await writer.create(OWNER, new())
    reader = session_store(SavedInBetween(engine, writer, times=3))
    got = await reader.get(OWNER, head.id)
    assert got.content == b"overtaken 0.0"
    assert got.head.metadata.content_hash == sha256("overtaken 0.0")


async def test_readers_among_writers_see_whole_sessions(engine: Engine) -> None:
    writer, reader = (session_store(engine, SessionRules(keep_revisions=2)) for _ in range(2))
    head = await writer.create(OWNER, new(content="0"))
    done = asyncio.Event()

    async def read() -> int:
        versions = []
        while not done.is_set():
            got = await reader.get(OWNER, head.id)
            assert got.content is not None and got.head.metadata.content_hash == sha256(got.content.decode())
            versions.append(got.head.metadata.version)
            await asyncio.sleep(0.001)
        assert versions == sorted(versions)
        return len(set(versions))

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for number in range(1, 30):
        await writer.save(OWNER, head.id, saving(str(number)))
    done.set()
    assert max(await asyncio.gather(*readers)) > 1


async def test_a_content_that_is_not_seen_yet_is_waited_for(engine: Engine) -> None:
    unseen = UnseenContent(engine)
    sessions = session_store(unseen)
    head = await sessions.create(OWNER, new())
    unseen.unseen = 2
    assert (await sessions.get(OWNER, head.id)).content == b"one"
    unseen.unseen = 100
    with pytest.raises(CorruptItem):
        await sessions.get(OWNER, head.id)
    # It gives up soon. A missing content must not cause reads without end.
    assert unseen.unseen > 90


async def test_a_first_try_that_was_pruned_takes_nothing_of_the_second_with_it(engine: Engine) -> None:
    head = await session_store(engine).create(OWNER, new(content="0"))
    others = session_store(engine, SessionRules(keep_revisions=1))

    async def overwrite() -> None:
        for number in range(REMEMBERED_VERSIONS + 1):
            await others.save(OWNER, head.id, saving(f"other {number}"))
        await sweep(engine)

    losing = AnswersLost(engine, ["replace"])
    losing.meanwhile = overwrite
    saved = await session_store(losing).save(OWNER, head.id, saving("ours"))
    assert saved.metadata.version == REMEMBERED_VERSIONS + 4
    assert (await others.get(OWNER, head.id)).content == b"ours"
    await assert_sound(engine)


async def test_a_content_that_landed_is_not_sent_again(engine: Engine) -> None:
    rules = SessionRules(keep_revisions=5)
    others = session_store(engine, rules)
    head = await others.create(OWNER, new(content="0"))

    async def rename() -> None:
        for number in range(REMEMBERED_VERSIONS + 1):
            await others.save(OWNER, head.id, SessionChange(title=f"other {number}"))

    counting = CountingReads(engine)
    losing = AnswersLost(counting, ["replace"])
    losing.meanwhile = rename
    saved = await session_store(losing, rules).save(
        OWNER, head.id, SessionChange(title="ours", content=pack("ours"))
    )
    assert (saved.metadata.title, saved.metadata.version) == ("ours", REMEMBERED_VERSIONS + 4)
    first = ("session", "content", "activity") if saves_at_once(engine) else ("content",)
    assert [one.kinds for one in counting.writes if "content" in one.kinds] == [first]


async def test_writers_without_if_match_all_win_in_turn(engine: Engine) -> None:
    stores = [session_store(engine, SessionRules(keep_revisions=100)) for _ in range(2)]
    head = await stores[0].create(OWNER, new(content="0"))
    contents = [f"content {number}" for number in range(24)]
    saved = await asyncio.gather(
        *(stores[number % 2].save(OWNER, head.id, saving(text)) for number, text in enumerate(contents))
    )
    assert sorted(one.metadata.version for one in saved) == list(range(2, 26))
    [stored] = await stored_heads(engine)
    assert {r.content_hash for r in stored.revisions} == {sha256(text) for text in ["0", *contents]}
    await assert_sound(engine)


async def test_writers_with_one_etag_have_one_winner(engine: Engine) -> None:
    stores = [session_store(engine) for _ in range(4)]
    head = await stores[0].create(OWNER, new(content="0"))
    for round in range(1, 6):
        outcomes = await asyncio.gather(
            *(
                store.save(OWNER, head.id, saving(f"{round} {number}"), Conditions({head.metadata.etag}))
                for number, store in enumerate(stores * 2)
            ),
            return_exceptions=True,
        )
        [head] = [one for one in outcomes if isinstance(one, SessionHead)]
        assert sum(isinstance(one, Changed) for one in outcomes) == 7
        assert head.metadata.version == round + 1
        await sweep(engine)
        assert await count(engine, "content") == round + 1, "the contents of refused saves are removed"
    await assert_sound(engine)


async def test_one_revision_kept_under_contention_is_the_last_one_whole(engine: Engine) -> None:
    stores = [session_store(engine, SessionRules(keep_revisions=1)) for _ in range(3)]
    head = await stores[0].create(OWNER, new(content="0"))
    saved = await asyncio.gather(
        *(stores[number % 3].save(OWNER, head.id, saving(f"content {number}")) for number in range(18))
    )
    assert sorted(one.metadata.version for one in saved) == list(range(2, 20))
    [last] = [one for one in saved if one.metadata.version == 19]
    assert await stored_heads(engine) == [last]
    await assert_sound(engine)
    assert len(last.content_ids) == REMEMBERED_VERSIONS


async def test_a_delete_and_saves_have_one_end(engine: Engine) -> None:
    stores = [session_store(engine) for _ in range(2)]
    for _ in range(5):
        head = await stores[0].create(OWNER, new(content="0"))
        *saves, deleted = await asyncio.gather(
            *(stores[number % 2].save(OWNER, head.id, saving(str(number))) for number in range(1, 5)),
            stores[0].delete(OWNER, head.id),
            return_exceptions=True,
        )
        assert deleted is None
        won = [one for one in saves if isinstance(one, SessionHead)]
        assert len(won) + sum(isinstance(one, Gone) for one in saves) == 4
        trashed = SessionHead.model_validate((await engine.read(SESSIONS, head.id, OWNER)).item)
        assert trashed.status == "trashed" and trashed.metadata.version == len(won) + 2
        assert trashed.content_ids == {head.content_id, *(one.content_id for one in won)}
    await assert_sound(engine)


async def test_a_read_older_than_one_before_is_not_believed(engine: Engine) -> None:
    """The stale head has the same content as the save. If it were believed, nothing would be written."""
    replayed = Replayed(engine)
    sessions = session_store(replayed)
    head = await sessions.create(OWNER, new(content="mine"))
    past = [await engine.read(SESSIONS, head.id, OWNER)]
    second = await sessions.save(OWNER, head.id, saving("two"))
    past.insert(0, await engine.read(SESSIONS, head.id, OWNER))
    await sessions.save(OWNER, head.id, saving("three"))
    replayed.replay = list(past)
    saved = await sessions.save(OWNER, head.id, saving("mine"))
    assert (saved.metadata.version, replayed.replay) == (4, [])
    assert (await sessions.get(OWNER, head.id)).content == b"mine"
    # A refusal does not show it either.
    replayed.replay = list(past)
    with pytest.raises(Changed) as refused:
        await sessions.save(OWNER, head.id, saving("five"), Conditions({second.metadata.etag}))
    assert refused.value.current == saved
    await assert_sound(engine)


async def test_if_match_with_an_old_and_a_new_etag_waits_for_the_newer_head(engine: Engine) -> None:
    """The older head has the same content as the save. If it were believed, nothing would be written."""
    replayed = Replayed(engine)
    sessions = session_store(replayed)
    first = await sessions.create(OWNER, new(content="mine"))
    past = await engine.read(SESSIONS, first.id, OWNER)
    second = await sessions.save(OWNER, first.id, saving("two"))
    replayed.replay = [past]
    saved = await sessions.save(
        OWNER, first.id, saving("mine"), Conditions({first.metadata.etag, second.metadata.etag})
    )
    assert (saved.metadata.version, replayed.replay) == (3, [])
    assert (await sessions.get(OWNER, first.id)).content == b"mine"


async def test_after_a_lost_attempt_a_read_that_finds_nothing_is_repeated(engine: Engine) -> None:
    class UnseenOnce(Around):
        """The second read reaches a replica that does not have the head yet."""

        reads = 0

        async def read(self, container: Container, id: str, partition: str) -> Stored:
            self.reads += 1
            if self.reads == 2:
                raise ItemNotFound
            return await super().read(container, id, partition)

    head = await session_store(engine).create(OWNER, new())
    unseen = UnseenOnce(AnswersLost(engine, ["replace"]))
    saved = await session_store(unseen).save(OWNER, head.id, SessionChange(title="Second"))
    assert (saved.metadata.title, saved.metadata.version, unseen.reads) == ("Second", 2, 3)
    assert await stored_heads(engine) == [saved]


async def test_saves_of_one_session_in_one_process_share_commits(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    changes = [SessionChange(title=f"Title {number}") for number in range(1 + REMEMBERED_VERSIONS)]
    await asyncio.gather(*(sessions.save(OWNER, head.id, change) for change in changes))
    replaced = [one for one in counting.writes if one.kinds[0] == "session"]
    assert len(replaced) == 2, "one for the first, and one for all who waited meanwhile"
    assert (await sessions.get_head(OWNER, head.id)).metadata.version == 1 + len(changes)


async def test_ten_lost_attempts_end_in_contended(engine: Engine) -> None:
    head = await session_store(engine).create(OWNER, new())
    counting = CountingReads(NeverInTime(engine))
    losing = session_store(counting)
    with pytest.raises(Contended):
        await losing.save(OWNER, head.id, saving("two"))
    assert counting.verbs.count("commit" if saves_at_once(engine) else "replace") == ATTEMPTS
    [stored] = await stored_heads(engine)
    assert stored.metadata.version == 1 + ATTEMPTS
    assert sha256("two") not in {r.content_hash for r in stored.revisions}
    await assert_sound(engine)


@pytest.mark.parametrize("content", ["small", "x"], ids=["one commit", "two creates"])
@pytest.mark.parametrize("losing", [["commit"], ["create"]], ids=["commit", "create"])
async def test_a_create_whose_answer_was_lost_is_done_once(
    engine: Engine, losing: Sequence[str], content: str
) -> None:
    if content == "x":
        content = "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(500_000))
    lossy = AnswersLost(engine, losing, times=2)
    head = await session_store(lossy).create(OWNER, new(content=content))
    assert await stored_heads(engine) == [head]
    await assert_sound(engine)
    assert await stored_content(engine, head.content_id or "", head.metadata.content_bytes) == content


@pytest.mark.parametrize("if_match", [True, False])
async def test_a_save_whose_answer_was_lost_is_done_once(engine: Engine, if_match: bool) -> None:
    head = await session_store(engine).create(OWNER, new())
    lossy = AnswersLost(engine, ["replace", "create"], times=1 if saves_at_once(engine) else 2)
    saved = await session_store(lossy).save(
        OWNER, head.id, saving("two", title="Second"), Conditions({head.metadata.etag} if if_match else None)
    )
    assert lossy.times == 0
    assert await stored_heads(engine) == [saved]
    assert [r.version for r in saved.revisions] == [2, 1]
    await assert_sound(engine)


async def test_a_save_whose_answer_was_lost_answers_its_own_version_not_a_later_one(engine: Engine) -> None:
    """With the ETag of the later save, the caller's next If-Match would overwrite what it has never seen."""
    other = session_store(engine)
    head = await other.create(OWNER, new(description="About"))
    lossy = AnswersLost(engine, ["replace"])

    async def another_saves() -> None:
        await other.save(OWNER, head.id, saving("another's", title="Another's", device_info="laptop"))

    lossy.meanwhile = another_saves
    mine = session_store(lossy)
    saved = await mine.save(OWNER, head.id, saving("mine", device_info="phone"), Conditions({head.metadata.etag}))
    metadata = saved.metadata
    assert (metadata.version, metadata.title, metadata.device_info) == (2, "First", "phone")
    assert (metadata.content_hash, metadata.content_bytes) == (sha256("mine"), 4)
    assert metadata.updated_at == saved.revisions[0].saved_at
    assert [r.version for r in saved.revisions] == [2, 1]
    with pytest.raises(Changed) as refused:
        await mine.save(OWNER, head.id, saving("mine again"), Conditions({metadata.etag}))
    assert isinstance(refused.value.current, SessionHead)
    assert refused.value.current.metadata.title == "Another's"
    await assert_sound(engine)


async def test_a_delete_whose_answer_was_lost_is_done_once(engine: Engine) -> None:
    head = await session_store(engine).create(OWNER, new())
    await session_store(AnswersLost(engine, ["replace"])).delete(OWNER, head.id, {head.metadata.etag})
    [trashed] = await stored_heads(engine)
    assert (trashed.metadata.version, trashed.revisions[0].action) == (2, SessionAction.TRASHED)


async def test_a_claim_to_have_seen_more_is_looked_at_again_before_it_is_refused(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    with pytest.raises(Changed):
        await sessions.save(OWNER, head.id, SessionChange(title="b"), Conditions({'"2-0123456789abcdef"'}))
    assert counting.verbs == ["read"] * 4
    counting.forget()
    with pytest.raises(NotFound):
        await sessions.save(OWNER, "twelve-chars", SessionChange(title="b"), Conditions({head.metadata.etag}))
    assert counting.verbs == ["read"] * 4
    counting.forget()
    with pytest.raises(NotFound):
        await sessions.save(OWNER, "twelve-chars", SessionChange(title="b"))
    assert counting.verbs == ["read"]
