"""Saves with `on_conflict=copy` in tests."""

from typing import Any

from persistence import Stores
from persistence.conditions import Conditions
from persistence.drafts.conflict_copies import ConflictCopy
from persistence.sessions.documents import SessionChange, SessionHead
from tests.support.sessions import OWNER, saving


async def save_or_copy(
    stores: Stores,
    id: str,
    content: str | None,
    *,
    key: str,
    etag: str | None = None,
    owner: str = OWNER,
    **rest: Any,
) -> SessionHead | ConflictCopy:
    """Saves a session, with this ETag as `If-Match`."""
    change = SessionChange(**rest) if content is None else saving(content, **rest)
    conditions = Conditions(None if etag is None else {etag}, save_id=key)
    return await stores.conflict_copies.save_or_copy(
        owner, id, change, conditions, lambda: stores.sessions.save(owner, id, change, conditions)
    )


async def copy_of(
    stores: Stores, id: str, content: str, *, key: str, etag: str | None = None, **rest: Any
) -> ConflictCopy:
    """As `save_or_copy`, for a save that is refused."""
    copy = await save_or_copy(stores, id, content, key=key, etag=etag, **rest)
    assert isinstance(copy, ConflictCopy)
    return copy
