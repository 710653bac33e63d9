"""Any list of items has the same end together as one by one."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence import Stores
from persistence.content import pack
from persistence.errors import Changed, ItemsRefused, ItemsStale, PersistenceError
from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sync.items import CreateItem, SaveItem, SyncItem, TrashItem
from tests.support.drafts import a_session
from tests.support.sessions import new, stored_heads
from tests.support.sync import id_of

MANY = 6
STATUSES: Sequence[SessionStatus | None] = (None, *SessionStatus)
Tag = Literal["none", "current", "stale"]

TEXTS = st.sampled_from(["two", "three", "four"])
CHANGES = st.builds(
    SessionChange,
    title=st.none() | TEXTS.map(str.title),
    description=st.sampled_from([None, "", "About"]),
    content=st.none() | TEXTS.map(pack),
    app=st.sampled_from([None, "", "map"]),
)
TAGS: st.SearchStrategy[Tag] = st.sampled_from(["none", "current", "current", "stale"])
KINDS = st.sampled_from(["create", "save", "save", "autosave", "trash"])
NEW_STATUSES: st.SearchStrategy[Literal[SessionStatus.DRAFT, SessionStatus.ACTIVE]] = st.sampled_from(
    [SessionStatus.DRAFT, SessionStatus.ACTIVE]
)


@st.composite
def items(draw: st.DrawFn, heads: Sequence[SessionHead | None], *, valid: bool) -> list[SyncItem]:
    """Draws items of different sessions. If `valid`, each of them can be applied."""
    drawn: list[SyncItem] = []
    for number in draw(st.lists(st.integers(0, MANY - 1), min_size=1, unique=True)):
        head = heads[number]
        kind, tag = draw(KINDS), draw(TAGS)
        is_editable = head is not None and head.status in (SessionStatus.DRAFT, SessionStatus.ACTIVE)
        if valid:
            kind = "create" if head is None else kind if is_editable and kind != "create" else "trash"
            tag = "none" if tag == "stale" else tag
        etag = '"99-0123456789abcdef"' if tag == "stale" else None
        if tag == "current" and head is not None:
            etag = head.metadata.etag
        if kind == "create":
            drawn.append(CreateItem(id_of(number), new(content=draw(TEXTS)), draw(NEW_STATUSES)))
        elif kind == "trash":
            drawn.append(TrashItem(id_of(number), etag))
        else:
            drawn.append(SaveItem(id_of(number), draw(CHANGES), etag, kind == "autosave"))
    return drawn


async def prepared(
    stores: Stores, owner: str, statuses: Sequence[SessionStatus | None]
) -> list[SessionHead | None]:
    for number, status in enumerate(statuses):
        if status is not None:
            await a_session(stores, status, id_of(number), owner)
    heads = {head.id: head for head in await stored_heads(stores.engine, owner)}
    return [heads.get(id_of(number)) for number in range(MANY)]


async def state(stores: Stores, owner: str) -> dict[str, Any]:
    """Returns all that is stored of each session, without times and the ids of contents and writes."""
    return {
        head.id: (
            head.status,
            head.status_before,
            head.app,
            head.metadata.description,
            head.metadata.etag,
            [(one.version, one.action, one.title, one.content_hash, one.content_bytes) for one in head.revisions],
            len(head.remembered),
            head.kept_bytes,
        )
        for head in await stored_heads(stores.engine, owner)
    }


FEW = settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)
WITH_SESSIONS = st.lists(st.sampled_from(STATUSES), min_size=MANY, max_size=MANY)


@pytest.mark.parametrize("valid", [True, False], ids=["valid", "any"])
@FEW
@given(statuses=WITH_SESSIONS, data=st.data())
async def test_together_is_as_one_by_one(
    stores: Stores, valid: bool, statuses: Sequence[SessionStatus | None], data: st.DataObject
) -> None:
    together, alone = f"together-{uuid4()}", f"alone-{uuid4()}"
    heads = await prepared(stores, together, statuses)
    await prepared(stores, alone, statuses)
    drawn = data.draw(items(heads, valid=valid))
    key = IdempotencyKey("key", "digest")
    before = await state(stores, together)
    expected = [(await stores.sync.apply_each(alone, [item], key))[0] for item in drawn]
    failed = [(index, type(one)) for index, one in enumerate(expected) if isinstance(one, PersistenceError)]
    assert not (failed and valid)
    try:
        synced = await stores.sync.apply_together(together, drawn, key)
    except ItemsRefused as exc:
        assert [(one.index, type(one.error)) for one in exc.failed] == failed
        assert isinstance(exc, ItemsStale) == all(error is Changed for _, error in failed)
        assert await state(stores, together) == before
        return
    assert not failed
    assert await state(stores, together) == await state(stores, alone)
    for one, other in zip(synced, expected, strict=True):
        assert other is None or (isinstance(other, SessionHead) and one.metadata.etag == other.metadata.etag)
    after = await state(stores, together)
    again = await stores.sync.apply_together(together, drawn, key)
    assert await state(stores, together) == after
    assert [one.metadata.etag for one in again] == [one.metadata.etag for one in synced]
