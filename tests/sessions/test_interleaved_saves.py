"""Two instances write to one session at once, with their calls in every order: no write is lost."""

from collections.abc import Awaitable

import pytest

from persistence.conditions import Conditions
from persistence.errors import Changed, Gone, NotFound
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
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


def autosave(head: SessionHead, content: str) -> Program:
    return lambda over: session_store(over).save(OWNER, head.id, saving(content), autosave=True)


def name(head: SessionHead, version: int, rules: SessionRules = DEFAULT_RULES) -> Program:
    return lambda over: session_store(over, rules).name_revision(OWNER, head.id, version, "Kept")


async def head_of(engine: Engine, session_id: str) -> SessionHead:
    [head] = [one for one in await stored_heads(engine) if one.id == session_id]
    return head


def calls(engine: Engine) -> int:
    """Number of calls of a save that is not disturbed."""
    return 2 if saves_at_once(engine) else 4


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
        assert stored.status is SessionStatus.TRASHED, order
        assert stored.metadata.version == (3 if isinstance(saved, SessionHead) else 2), order


async def test_a_version_is_named_and_stays_or_is_absorbed_and_not_found(engine: Engine) -> None:
    for order in orders(calls(engine), 2):
        store = session_store(engine)
        head = await store.create(OWNER, new(content="0"))
        await store.save(OWNER, head.id, saving("one"), autosave=True)
        saved, named = await interleave(engine, order, autosave(head, "two"), name(head, 2))
        assert isinstance(saved, SessionHead) and isinstance(named, SessionHead | NotFound), (order, saved, named)
        stored = await head_of(engine, head.id)
        await assert_kept_if_named(engine, stored, 2, is_named=isinstance(named, SessionHead))
        assert stored.metadata.version == 3, "naming makes no version"


async def test_a_version_is_named_and_stays_or_is_pruned_and_not_found(engine: Engine) -> None:
    rules = SessionRules(keep_revisions=1)
    for order in orders(calls(engine), 2):
        head = await session_store(engine).create(OWNER, new(content="0"))

        def prune(over: Engine, id: str = head.id) -> Awaitable[object]:
            return session_store(over, rules).save(OWNER, id, saving("one"))

        saved, named = await interleave(engine, order, prune, name(head, 1, rules))
        assert isinstance(saved, SessionHead) and isinstance(named, SessionHead | NotFound), (order, saved, named)
        stored = await head_of(engine, head.id)
        await assert_kept_if_named(engine, stored, 1, is_named=isinstance(named, SessionHead))


async def test_a_version_is_named_and_restored_at_once(engine: Engine) -> None:
    for order in orders(2, 2):
        store = session_store(engine)
        head = await store.create(OWNER, new(content="0"))
        await store.save(OWNER, head.id, saving("one"))

        def restore(over: Engine, id: str = head.id) -> Awaitable[object]:
            return session_store(over).restore(OWNER, id, 1)

        outcomes = await interleave(engine, order, restore, name(head, 1))
        assert all(isinstance(one, SessionHead) for one in outcomes), (order, outcomes)
        stored = await head_of(engine, head.id)
        names = [(one.version, one.name, one.content_hash) for one in stored.revisions]
        assert names == [(3, None, sha256("0")), (2, None, sha256("one")), (1, "Kept", sha256("0"))], order


async def assert_kept_if_named(engine: Engine, head: SessionHead, version: int, *, is_named: bool) -> None:
    await assert_sound(engine)
    names = {one.version: one.name for one in head.revisions}
    assert names.get(version) == ("Kept" if is_named else None)
    assert is_named == (version in names), names
