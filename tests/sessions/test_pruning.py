"""The history of a session is exact and of limited length. Pruned revisions take their contents with them."""

import asyncio

import pytest

from persistence import stores_over
from persistence.conditions import Conditions
from persistence.errors import Changed, StoreUnavailable
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    new,
    saving,
    session_store,
    sha256,
    stored_content,
)


async def test_the_history_is_exact(engine: Engine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new("a", "one", device_info="phone"))
    await sessions.save(OWNER, head.id, saving("two", device_info="laptop"))
    await sessions.save(OWNER, head.id, SessionChange(title="b"))
    head = await sessions.save(OWNER, head.id, saving("three", title="c"))
    assert [(r.version, r.action, r.title, r.content_hash, r.device_info) for r in head.revisions] == [
        (4, SessionAction.SAVED, "c", sha256("three"), None),
        (3, SessionAction.RENAMED, "b", sha256("two"), None),
        (2, SessionAction.SAVED, "a", sha256("two"), "laptop"),
        (1, SessionAction.CREATED, "a", sha256("one"), "phone"),
    ]
    assert head.revisions[0].saved_at == head.metadata.updated_at
    assert len({r.save_id for r in head.revisions}) == 4
    assert head.revisions[1].content_id == head.revisions[2].content_id


@pytest.mark.parametrize("keep", [1, 3])
async def test_the_history_keeps_the_newest_and_what_they_name(engine: Engine, keep: int) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=keep))
    head = await sessions.create(OWNER, new(content="1"))
    for number in range(2, 7):
        head = await sessions.save(OWNER, head.id, saving(str(number)))
    assert [r.version for r in head.revisions] == [6, 5, 4][:keep]
    assert await content_ids(engine) == head.content_ids
    kept = [await stored_content(engine, r.content_id or "", r.content_bytes) for r in head.revisions]
    assert kept == ["6", "5", "4"][:keep]


async def test_content_stays_while_any_revision_names_it(engine: Engine) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=2))
    head = await sessions.create(OWNER, new(content="1"))
    for title in ("b", "c", "d"):
        head = await sessions.save(OWNER, head.id, SessionChange(title=title))
    assert await content_ids(engine) == head.content_ids and len(head.content_ids) == 1
    assert (await sessions.get(OWNER, head.id)).content == b"1"


async def test_what_cannot_be_pruned_is_left_for_the_timer_and_the_save_stands(engine: Engine) -> None:
    class Undeletable(Around):
        async def delete(self, *_: object) -> None:
            raise StoreUnavailable

    sessions = session_store(Undeletable(engine), SessionRules(keep_revisions=1))
    head = await sessions.create(OWNER, new(content="1"))
    head = await sessions.save(OWNER, head.id, saving("2"))
    assert (await sessions.get(OWNER, head.id)).content == b"2"
    assert len(await content_ids(engine)) == 2
    await assert_sound(engine)


async def test_no_save_waits_for_what_it_prunes(engine: Engine) -> None:
    may_delete = asyncio.Event()

    class SlowToDelete(Around):
        async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
            await may_delete.wait()
            await super().delete(container, id, partition, if_match)

    sessions = session_store(SlowToDelete(engine), SessionRules(keep_revisions=1))
    head = await sessions.create(OWNER, new(content="1"))
    head = await sessions.save(OWNER, head.id, saving("2"))
    with pytest.raises(Changed):
        await sessions.save(OWNER, head.id, saving("3"), Conditions({'"1-0123456789abcdef"'}))
    assert (await sessions.get(OWNER, head.id)).content == b"2"
    may_delete.set()
    await sessions.drain()
    assert await content_ids(engine) == head.content_ids


async def test_closing_waits_for_what_is_being_pruned(engine: Engine) -> None:
    deleted: list[str] = []

    class SlowToDelete(Around):
        async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
            await asyncio.sleep(0.05)
            deleted.append(id)

    stores = stores_over(SlowToDelete(engine), SETTINGS.model_copy(update={"keep_revisions": 1}).store_rules())
    head = await stores.sessions.create(OWNER, new(content="1"))
    for number in range(REMEMBERED_VERSIONS):
        await stores.sessions.save(OWNER, head.id, saving(f"later {number}"))
    await stores.close()
    assert deleted == [head.content_id]
