"""Two instances change one session in the trash at once, with their calls in every order: one outcome each."""

from collections import Counter

import pytest

from persistence import stores_over
from persistence.errors import Gone, IllegalMove, Trashed
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.interleaved import Program, interleave, orders
from tests.support.sessions import OWNER, assert_sound, content_ids, new, saving, session_store, stored_heads

pytestmark = pytest.mark.each_way


def restore(id: str) -> Program:
    return lambda over: stores_over(over, SETTINGS.store_rules()).trash.restore(OWNER, id)


def purge(id: str) -> Program:
    return lambda over: stores_over(over, SETTINGS.store_rules()).trash.purge(OWNER, id)


def delete(id: str, *, purge: bool = False) -> Program:
    return lambda over: session_store(over).delete(OWNER, id, purge=purge)


def save(id: str) -> Program:
    return lambda over: session_store(over).save(OWNER, id, saving("saved"))


async def in_trash(engine: Engine) -> SessionHead:
    head = await session_store(engine).create(OWNER, new(content="kept"))
    await session_store(engine).delete(OWNER, head.id)
    return head


async def now_of(engine: Engine, id: str) -> SessionHead:
    [head] = [one for one in await stored_heads(engine) if one.id == id]
    return head


async def test_of_a_restore_and_a_purge_one_wins(engine: Engine) -> None:
    wins: Counter[str] = Counter()
    # A purge looks for lines of activity that are missing before it replaces the head.
    for order in orders(2, 3):
        before = await in_trash(engine)
        restored, purged = await interleave(engine, order, restore(before.id), purge(before.id))
        head = await now_of(engine, before.id)
        if isinstance(restored, SessionHead):
            assert isinstance(purged, IllegalMove), order
            assert head == restored and head.content_ids == before.content_ids, order
            assert (await session_store(engine).get(OWNER, head.id)).content == b"kept"
        else:
            assert isinstance(restored, Gone) and not isinstance(restored, Trashed), order
            assert purged is None and head.status is SessionStatus.DELETED, order
        wins[head.status] += 1
    assert len(wins) == 2
    await assert_sound(engine)


async def test_of_two_restores_one_wins(engine: Engine) -> None:
    for order in orders(2, 2):
        before = await in_trash(engine)
        outcomes = await interleave(engine, order, restore(before.id), restore(before.id))
        [winner] = [one for one in outcomes if isinstance(one, SessionHead)]
        assert sum(isinstance(one, IllegalMove) for one in outcomes) == 1, order
        assert await now_of(engine, before.id) == winner, order


async def test_a_save_is_in_before_it_is_trashed_or_refused_after_it(engine: Engine) -> None:
    for order in orders(3, 2):
        before = await session_store(engine).create(OWNER, new(content="kept"))
        saved, deleted = await interleave(engine, order, save(before.id), delete(before.id))
        assert deleted is None and isinstance(saved, SessionHead | Trashed), order
        head = await now_of(engine, before.id)
        assert head.status is SessionStatus.TRASHED, order
        assert head.metadata.version == (3 if isinstance(saved, SessionHead) else 2), order
        restored = await session_store(engine).untrash(OWNER, before.id)
        content = (await session_store(engine).get(OWNER, before.id)).content
        assert content == (b"saved" if isinstance(saved, SessionHead) else b"kept"), order
        assert before.content_ids <= restored.content_ids, order
    await assert_sound(engine)


async def test_a_save_lands_after_a_restore_or_is_refused_before_it(engine: Engine) -> None:
    for order in orders(3, 2):
        before = await in_trash(engine)
        saved, restored = await interleave(engine, order, save(before.id), restore(before.id))
        assert isinstance(restored, SessionHead) and isinstance(saved, SessionHead | Trashed), order
        head = await now_of(engine, before.id)
        assert head.metadata.version == (4 if isinstance(saved, SessionHead) else 3), order
        assert before.content_ids <= head.content_ids, order
    await assert_sound(engine)


async def test_of_two_deletes_both_succeed_and_a_purge_wins(engine: Engine) -> None:
    for order in orders(2, 3):
        before = await session_store(engine).create(OWNER, new())
        outcomes = await interleave(engine, order, delete(before.id), delete(before.id, purge=True))
        assert outcomes == [None, None], order
        assert (await now_of(engine, before.id)).status is SessionStatus.DELETED, order
    await assert_sound(engine)
    assert await content_ids(engine) == set()
