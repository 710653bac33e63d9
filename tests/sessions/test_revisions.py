"""Old versions of a session are read and restored while others write and the history is pruned."""

import asyncio
from collections.abc import Sequence

import pytest

from persistence import Stores
from persistence.conditions import Conditions
from persistence.errors import Changed, Gone, IllegalMove, KeyReused, NotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Item, Replace, Stored
from tests.support.drafts import DRAFT, a_session
from tests.support.engines import AnswersLost, Around, CountingReads
from tests.support.sessions import (
    OWNER,
    assert_sound,
    count,
    new,
    saving,
    session_store,
    sha256,
    stored_heads,
    sweep,
)


async def with_versions(sessions: SessionStore, count: int) -> str:
    """Creates a session of `count` versions. The content of each is its number. Returns the id."""
    id = (await sessions.create(OWNER, new(content="1"))).id
    for number in range(2, count + 1):
        await sessions.save(OWNER, id, saving(str(number)))
    return id


class Overtaken(Around):
    """Others save `saves` times before the next replace, or before the next read of a content."""

    def __init__(self, inner: Engine, others: SessionStore, verb: str, saves: int) -> None:
        super().__init__(inner)
        self._others, self._verb, self._saves = others, verb, saves

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self._overtake("replace", item["owner_id"], item["id"])
        return await super().replace(container, item, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        await self._overtake("replace", partition, operations[0].item["id"])
        return await super().commit(container, partition, operations)

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        session_id, tilde, _ = id.partition("~")
        if tilde:
            await self._overtake("read", partition, session_id)
        return await super().read(container, id, partition)

    async def _overtake(self, verb: str, owner_id: str, session_id: str) -> None:
        if verb == self._verb:
            saves, self._saves = self._saves, 0
            for number in range(saves):
                await self._others.save(owner_id, session_id, saving(f"overtaken {number}"))
            await sweep(self.inner)


async def test_every_version_that_is_kept_can_be_read_as_it_was(engine: Engine) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=5))
    id = await with_versions(sessions, 8)
    head = await sessions.get_head(OWNER, id)
    assert [one.version for one in head.revisions] == [8, 7, 6, 5, 4]
    for version in (8, 7, 6, 5, 4):
        _, revision, content = await sessions.revision(OWNER, id, version)
        assert (revision.version, content) == (version, str(version).encode())
        assert revision.content_hash == sha256(str(version))
    for version in (3, 1, 0, 9):
        with pytest.raises(NotFound):
            await sessions.revision(OWNER, id, version)
        with pytest.raises(NotFound):
            await sessions.restore(OWNER, id, version)
    assert await sessions.get_head(OWNER, id) == head


async def test_revisions_are_their_owners_and_go_with_the_session(stores: Stores) -> None:
    sessions = stores.sessions
    id = await with_versions(sessions, 2)
    for call in (sessions.revision("bob", id, 1), sessions.restore("bob", id, 1)):
        with pytest.raises(NotFound):
            await call
    await sessions.delete(OWNER, id)
    for call in (sessions.revision(OWNER, id, 1), sessions.restore(OWNER, id, 1)):
        with pytest.raises(Gone):
            await call


async def test_restoring_makes_a_version_and_rewrites_nothing(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    id = await with_versions(sessions, 3)
    before = await sessions.get_head(OWNER, id)
    counting.forget()
    after = await sessions.restore(OWNER, id, 1)
    assert [one.kinds for one in counting.asked] == [("session",), ("session", "activity")], "no content is copied"
    assert after.revisions[1:] == before.revisions
    newest, first = after.revisions[0], before.revisions[-1]
    assert (newest.version, newest.action, newest.content_id) == (4, SessionAction.RESTORED, first.content_id)
    assert (after.metadata.version, after.metadata.content_hash) == (4, sha256("1"))
    assert after.metadata.etag != first.content_hash and after.metadata.updated_at > before.metadata.updated_at
    assert (await sessions.get(OWNER, id)).content == b"1"
    assert await count(engine, "content") == 3
    await assert_sound(engine)


async def test_content_is_restored_with_its_media_type(stores: Stores) -> None:
    id = await with_versions(stores.sessions, 1)
    await stores.sessions.save(OWNER, id, saving("<p>", media_type="text/html"), Conditions(save_id="html"))
    await stores.sessions.save(OWNER, id, saving("{}", media_type="application/json"))
    again = await stores.sessions.save(
        OWNER, id, saving("<p>", media_type="text/html"), Conditions(save_id="html")
    )
    assert again.metadata.media_type == "text/html"
    assert (await stores.sessions.restore(OWNER, id, 2)).metadata.media_type == "text/html"
    assert (await stores.sessions.restore(OWNER, id, 1)).metadata.media_type is None


async def test_restoring_what_is_there_writes_nothing(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    id = await with_versions(sessions, 2)
    restored = await sessions.restore(OWNER, id, 1)
    counting.forget()
    for version in (1, 3):
        assert await sessions.restore(OWNER, id, version) == restored
    assert counting.writes == []


async def test_restored_content_outlives_the_version_that_it_came_from(engine: Engine) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=3))
    id = await with_versions(sessions, 2)
    await sessions.restore(OWNER, id, 1)
    for number in (4, 5):
        head = await sessions.save(OWNER, id, saving(str(number)))
    assert [one.version for one in head.revisions] == [5, 4, 3]
    assert (await sessions.revision(OWNER, id, 3))[2] == b"1"
    head = await sessions.restore(OWNER, id, 3)
    assert (await sessions.get(OWNER, id)).content == b"1"
    for number in (7, 8, 9):
        head = await sessions.save(OWNER, id, saving(str(number)))
    await assert_sound(engine)


async def test_a_restore_keeps_to_etags_and_to_its_save_id(stores: Stores, engine: Engine) -> None:
    sessions = stores.sessions
    id = await with_versions(sessions, 2)
    etag = (await sessions.get_head(OWNER, id)).metadata.etag
    restored = await sessions.restore(OWNER, id, 1, Conditions({etag}, save_id="attempt"))
    await sessions.save(OWNER, id, saving("newer"))
    before = await stored_heads(engine)
    assert await sessions.restore(OWNER, id, 1, Conditions({etag}, save_id="attempt")) == restored
    with pytest.raises(Changed):
        await sessions.restore(OWNER, id, 1, Conditions({etag}))
    with pytest.raises(KeyReused):
        await sessions.save(OWNER, id, saving("1"), Conditions(save_id="attempt"))
    assert await stored_heads(engine) == before


async def test_a_closed_session_is_read_and_not_restored(stores: Stores) -> None:
    await a_session(stores, SessionStatus.CLOSED)
    assert (await stores.sessions.revision(OWNER, DRAFT, 1))[2] == b"one"
    with pytest.raises(IllegalMove):
        await stores.sessions.restore(OWNER, DRAFT, 1)


@pytest.mark.parametrize("saves", [1, 2, 3])
async def test_a_restore_that_is_overtaken_restores_what_is_still_kept(engine: Engine, saves: int) -> None:
    others = session_store(engine, SessionRules(keep_revisions=3))
    id = await with_versions(others, 2)
    sessions = SessionStore(
        Shared.over(Overtaken(engine, others, "replace", saves)), SessionRules(keep_revisions=3)
    )
    if saves < 2:
        head = await sessions.restore(OWNER, id, 1)
        assert head.metadata.version == 2 + saves + 1
        assert (await others.get(OWNER, id)).content == b"1"
    else:
        with pytest.raises(NotFound):
            await sessions.restore(OWNER, id, 1)
        assert (await others.get(OWNER, id)).content == f"overtaken {saves - 1}".encode()
    await assert_sound(engine)


async def test_a_restore_whose_answer_the_driver_lost_is_made_once(engine: Engine) -> None:
    sessions = session_store(AnswersLost(engine, ["replace"], times=0))
    id = await with_versions(sessions, 2)
    restored = await session_store(AnswersLost(engine, ["replace"])).restore(OWNER, id, 1)
    assert restored.metadata.version == 3
    assert await stored_heads(engine) == [restored]
    await assert_sound(engine)


async def test_a_version_that_is_pruned_while_it_is_read_is_not_there(engine: Engine) -> None:
    others = session_store(engine, SessionRules(keep_revisions=2))
    id = await with_versions(others, 2)
    sessions = session_store(Overtaken(engine, others, "read", REMEMBERED_VERSIONS))
    with pytest.raises(NotFound):
        await sessions.revision(OWNER, id, 1)


async def test_restores_among_saves_leave_every_content_that_is_named(engine: Engine) -> None:
    stores = [session_store(engine, SessionRules(keep_revisions=2)) for _ in range(2)]
    id = await with_versions(stores[0], 2)

    async def save() -> None:
        for number in range(15):
            await stores[0].save(OWNER, id, saving(f"new {number}"))

    async def restore() -> int:
        restored = 0
        for _ in range(15):
            oldest = (await stores[1].get_head(OWNER, id)).revisions[-1].version
            try:
                await stores[1].restore(OWNER, id, oldest)
                restored += 1
            except NotFound:
                continue  # pruned since the history was read
        return restored

    _, restored = await asyncio.gather(save(), restore())
    assert restored > 0
    await assert_sound(engine)
    assert (await stores[0].get(OWNER, id)).content is not None
