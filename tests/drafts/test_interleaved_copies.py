"""Two instances meet while one of them makes a copy, with their calls in many orders: one whole copy, or none."""

from collections import Counter

import pytest

from persistence import stores_over
from persistence.drafts.conflict_copies import ConflictCopy
from persistence.errors import Gone, NotFound, Trashed
from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.copies import copy_of, save_or_copy
from tests.support.interleaved import Program, interleave, orders, some_orders
from tests.support.sessions import OWNER, assert_sound, new, saving, session_store, stored_heads, sweep

pytestmark = pytest.mark.each_way


async def overtaken(engine: Engine) -> SessionHead:
    """Creates a session that is saved once more. Returns it as it was."""
    head = await session_store(engine).create(OWNER, new("Plan", "0"))
    await session_store(engine).save(OWNER, head.id, saving("theirs"))
    return head


def save(head: SessionHead, key: str, *, stale: bool = True) -> Program:
    etag = head.metadata.etag if stale else None
    return lambda over: save_or_copy(
        stores_over(over, SETTINGS.store_rules()), head.id, "mine", key=key, etag=etag
    )


def copy(head: SessionHead, key: IdempotencyKey | None = None) -> Program:
    return lambda over: session_store(over).copy(OWNER, head.id, key=key)


def delete(id: str, *, purge: bool) -> Program:
    return lambda over: session_store(over).delete(OWNER, id, purge=purge)


async def heads_besides(engine: Engine, id: str) -> list[SessionHead]:
    return [one for one in await stored_heads(engine) if one.id != id]


async def content_of(engine: Engine, id: str) -> bytes | None:
    return (await session_store(engine).get(OWNER, id, touch=False)).content


async def start_anew(engine: Engine) -> None:
    for head in await stored_heads(engine):
        await session_store(engine).erase(OWNER, head.id)


async def test_two_tries_of_one_save_make_one_copy(engine: Engine, most: int) -> None:
    for order in some_orders(3, 3, most):
        head = await overtaken(engine)
        copies = await interleave(engine, order, save(head, "key"), save(head, "key"))
        assert copies[0] == copies[1] and isinstance(copies[0], ConflictCopy), order
        assert await heads_besides(engine, head.id) == [copies[0].draft], order
        await start_anew(engine)


async def test_two_tries_of_one_copy_make_one_copy(engine: Engine, most: int) -> None:
    for order in some_orders(5, 5, most):
        head = await overtaken(engine)
        key = IdempotencyKey(head.id, "digest")
        copies = await interleave(engine, order, copy(head, key), copy(head, key))
        assert copies[0] == copies[1] and isinstance(copies[0], SessionHead), order
        assert await heads_besides(engine, head.id) == [copies[0]], order
        await start_anew(engine)
    await assert_sound(engine)


@pytest.mark.parametrize("purge", [False, True])
async def test_a_save_that_meets_a_deletion_becomes_a_copy(engine: Engine, purge: bool) -> None:
    currents: set[SessionStatus | None] = set()
    for order in orders(4, 3):
        head = await overtaken(engine)
        made, deleted = await interleave(engine, order, save(head, "key"), delete(head.id, purge=purge))
        assert deleted is None and isinstance(made, ConflictCopy), (order, made)
        assert await content_of(engine, made.draft.id) == b"mine", order
        assert [one.id for one in await heads_besides(engine, head.id)] == [made.draft.id], order
        currents.add(None if made.current is None else made.current.status)
        await start_anew(engine)
    assert currents == {SessionStatus.ACTIVE, None if purge else SessionStatus.TRASHED}


async def test_a_save_without_an_etag_is_saved_or_copied_when_the_session_is_restored(engine: Engine) -> None:
    done: Counter[type] = Counter()
    for order in orders(4, 2):
        head = await overtaken(engine)
        await session_store(engine).delete(OWNER, head.id)

        async def restore(over: Engine, id: str = head.id) -> object:
            return await session_store(over).untrash(OWNER, id)

        saved, restored = await interleave(engine, order, save(head, "key", stale=False), restore)
        assert isinstance(restored, SessionHead), order
        others = await heads_besides(engine, head.id)
        if isinstance(saved, ConflictCopy):
            assert [one.id for one in others] == [saved.draft.id], order
            assert await content_of(engine, saved.draft.id) == b"mine", order
            assert await content_of(engine, head.id) == b"theirs", order
        else:
            assert isinstance(saved, SessionHead) and others == [], order
            assert await content_of(engine, head.id) == b"mine", order
        done[type(saved)] += 1
        await start_anew(engine)
    assert len(done) == 2


@pytest.mark.parametrize("purge", [False, True])
async def test_a_repeat_finds_the_copy_before_it_is_deleted_and_makes_none_after(
    engine: Engine, purge: bool, most: int
) -> None:
    for order in some_orders(3, 3, most):
        head = await overtaken(engine)
        stores = stores_over(engine, SETTINGS.store_rules())
        first = await copy_of(stores, head.id, "mine", key="key", etag=head.metadata.etag)
        again, deleted = await interleave(engine, order, save(head, "key"), delete(first.draft.id, purge=purge))
        assert deleted is None, order
        if isinstance(again, ConflictCopy):
            assert again == first, order
        else:
            assert isinstance(again, Gone) and isinstance(again, Trashed) is not purge, (order, again)
        [stored] = await heads_besides(engine, head.id)
        assert stored.status is (SessionStatus.DELETED if purge else SessionStatus.TRASHED), order
        await start_anew(engine)


async def test_a_sweep_leaves_what_is_being_copied(engine: Engine, most: int) -> None:
    for order in some_orders(6, 6, most):
        head = await overtaken(engine)
        before = {one.id for one in await stored_heads(engine)}

        async def copy_both(over: Engine, head: SessionHead = head) -> None:
            await save(head, head.id)(over)
            await copy(head)(over)

        assert await interleave(engine, order, copy_both, sweep) == [None, None], order
        ids = [one.id for one in await stored_heads(engine) if one.id not in before]
        assert {await content_of(engine, id) for id in ids} == {b"mine", b"theirs"}, order
    await assert_sound(engine)


async def test_a_copy_has_the_content_that_was_read_or_the_session_is_gone(engine: Engine, most: int) -> None:
    done: Counter[type] = Counter()
    for order in some_orders(3, 5, most):
        head = await overtaken(engine)
        copied, deleted = await interleave(engine, order, copy(head), delete(head.id, purge=True))
        assert deleted is None, order
        others = await heads_besides(engine, head.id)
        if isinstance(copied, SessionHead):
            assert [one.id for one in others] == [copied.id], order
            assert await content_of(engine, copied.id) == b"theirs", order
        else:
            assert isinstance(copied, Gone) and others == [], (order, copied)
        done[type(copied)] += 1
        await start_anew(engine)
    assert len(done) == 2


async def test_a_copy_of_a_version_is_whole_or_not_found_while_the_version_is_pruned(engine: Engine) -> None:
    rules = SessionRules(keep_revisions=1)
    done: Counter[type] = Counter()
    for order in orders(3, 4):
        head = await session_store(engine, rules).create(OWNER, new("Plan", "0"))
        for number in range(9):
            await session_store(engine, rules).save(OWNER, head.id, saving(f"{number}"))
        newest = await session_store(engine, rules).get_head(OWNER, head.id)

        async def prune(over: Engine, id: str = head.id) -> None:
            store = session_store(over, rules)
            await store.save(OWNER, id, saving("newest"))
            await store.drain()

        async def copy_version(over: Engine, newest: SessionHead = newest) -> object:
            return await session_store(over, rules).copy(OWNER, newest.id, version=newest.metadata.version)

        copied, pruned = await interleave(engine, order, copy_version, prune)
        assert pruned is None and isinstance(copied, SessionHead | NotFound), (order, copied)
        if isinstance(copied, SessionHead):
            assert await content_of(engine, copied.id) == b"8", order
        done[type(copied)] += 1
        await start_anew(engine)
    assert len(done) == 2
    await assert_sound(engine)
