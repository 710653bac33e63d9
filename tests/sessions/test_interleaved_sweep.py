"""A timer removes contents that no head names while a session is written. Their calls come in many orders."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from persistence.conditions import Conditions
from persistence.content import pack
from persistence.documents import now, timestamp_text
from persistence.errors import ItemNotFound
from persistence.sessions.contents import new_content
from persistence.sessions.documents import SessionHead
from persistence.sessions.patches import ContentDelta
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.sync.items import SaveItem
from tests.support.deltas import inserting
from tests.support.interleaved import Program, interleave, some_orders
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    damage,
    new,
    saving,
    session_store,
    sha256,
    stored_heads,
    sweep,
)
from tests.support.sync import sync_store

pytestmark = pytest.mark.each_way

GRACE = timedelta(minutes=1)
RULES = SessionRules(keep_revisions=2)
"""Each write prunes a version."""


def save_delta(head: SessionHead) -> Program:
    delta = ContentDelta(head.metadata.etag, inserting(b"new"), sha256("new"))
    conditions = Conditions({head.metadata.etag})
    return lambda over: session_store(over, RULES).save_delta(OWNER, head.id, delta, conditions)


def restore(head: SessionHead) -> Program:
    return lambda over: session_store(over, RULES).restore(OWNER, head.id, 1)


def sync(head: SessionHead) -> Program:
    return lambda over: sync_store(over, RULES).apply_together(
        OWNER, [SaveItem(head.id, saving("new"), head.metadata.etag)]
    )


def save(head: SessionHead) -> Program:
    return lambda over: session_store(over, RULES).save(OWNER, head.id, saving("new"))


async def with_something_to_sweep(engine: Engine) -> SessionHead:
    """Creates a session whose contents are old, with one that no head names. Returns its head."""
    sessions = session_store(engine, RULES)
    head = await sessions.create(OWNER, new(content="0"))
    head = await sessions.save(OWNER, head.id, saving("1"))
    await engine.create(SESSIONS, new_content(OWNER, head.id, pack("unnamed")))
    for id in await content_ids(engine):
        await damage(engine, id, OWNER, saved_at=timestamp_text(now() - 2 * GRACE))
    for watermark in ("saved_at", "metadata.updated_at"):
        with suppress(ItemNotFound):
            await engine.delete(SESSIONS, watermark, " timers")
    return head


@pytest.mark.parametrize("program", [save_delta, restore, sync, save])
async def test_a_sweep_leaves_what_a_write_names(
    engine: Engine, program: Callable[[SessionHead], Program], most: int
) -> None:
    if program is sync and not await engine.has_conditional_commits():
        pytest.skip("this database cannot commit a sync as a whole")
    for order in some_orders(5, 6, most):
        head = await with_something_to_sweep(engine)

        async def sweep_old(over: Engine) -> None:
            await sweep(over, GRACE)

        written, swept = await interleave(engine, order, program(head), sweep_old)
        assert swept is None and not isinstance(written, BaseException), (order, written, swept)
        [stored] = await stored_heads(engine)
        assert stored.metadata.version == 3, order
        assert await content_ids(engine) >= stored.content_ids, order
        content = await session_store(engine).get(OWNER, head.id, touch=False)
        assert content.content == (b"0" if program is restore else b"new"), order
        await assert_sound(engine)
        await session_store(engine).erase(OWNER, head.id)
