"""Two instances write to one session at once, with their calls in every order: no write is lost."""

import pytest

from persistence.conditions import Conditions
from persistence.errors import Changed, Gone
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.storage.engine import Engine
from tests.support.engines import saves_at_once
from tests.support.interleaved import Program, interleave, orders
from tests.support.sessions import OWNER, assert_sound, new, saving, session_store, sha256, stored_heads

pytestmark = pytest.mark.each_way


def save(head: SessionHead, content: str, *, if_match: bool = False) -> Program:
    conditions = Conditions({head.metadata.etag} if if_match else None)
    return lambda over: session_store(over).save(OWNER, head.id, saving(content), conditions)


def rename(head: SessionHead) -> Program:
    return lambda over: session_store(over).save(OWNER, head.id, SessionChange(title="Renamed"))


def delete(head: SessionHead) -> Program:
    return lambda over: session_store(over).delete(OWNER, head.id)


async def head_of(engine: Engine, session_id: str) -> SessionHead:
    [head] = [one for one in await stored_heads(engine) if one.id == session_id]
    return head


def calls(engine: Engine) -> int:
    """Number of calls of a save that is not disturbed."""
    return 2 if saves_at_once(engine) else 3


async def test_both_of_two_saves_become_versions(engine: Engine) -> None:
    for order in orders(calls(engine), calls(engine)):
        head = await session_store(engine).create(OWNER, new(content="0"))
        saved = await interleave(engine, order, save(head, "one"), save(head, "two"))
        versions = {
            one.metadata.version: one.metadata.content_hash for one in saved if isinstance(one, SessionHead)
        }
        assert versions in ({2: sha256("one"), 3: sha256("two")}, {2: sha256("two"), 3: sha256("one")}), order
        stored = await head_of(engine, head.id)
        assert {one.version: one.content_hash for one in stored.revisions} == versions | {1: sha256("0")}, order
    await assert_sound(engine)


async def test_of_two_saves_with_one_etag_one_wins(engine: Engine) -> None:
    for order in orders(calls(engine), calls(engine)):
        head = await session_store(engine).create(OWNER, new(content="0"))
        outcomes = await interleave(
            engine, order, save(head, "one", if_match=True), save(head, "two", if_match=True)
        )
        [winner] = [one for one in outcomes if isinstance(one, SessionHead)]
        assert sum(isinstance(one, Changed) for one in outcomes) == 1, order
        assert await head_of(engine, head.id) == winner, order
    await assert_sound(engine)


async def test_a_save_and_a_rename_both_land(engine: Engine) -> None:
    for order in orders(calls(engine), 2):
        head = await session_store(engine).create(OWNER, new(content="0"))
        await interleave(engine, order, save(head, "one"), rename(head))
        metadata = (await head_of(engine, head.id)).metadata
        assert (metadata.version, metadata.title, metadata.content_hash) == (3, "Renamed", sha256("one")), order
    await assert_sound(engine)


async def test_a_save_is_in_before_a_delete_or_refused_after_it(engine: Engine) -> None:
    for order in orders(calls(engine), 2):
        head = await session_store(engine).create(OWNER, new(content="0"))
        saved, deleted = await interleave(engine, order, save(head, "one"), delete(head))
        assert deleted is None and isinstance(saved, SessionHead | Gone), (order, saved, deleted)
        stored = await head_of(engine, head.id)
        assert stored.status is SessionStatus.DELETED, order
        assert stored.metadata.version == (3 if isinstance(saved, SessionHead) else 2), order
