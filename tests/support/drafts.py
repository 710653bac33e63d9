"""Drafts in tests, and sessions of every status."""

from collections.abc import Awaitable, Callable
from typing import Any

from persistence import Stores
from persistence.content import pack
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sessions.revisions import SessionAction
from tests.support.sessions import OWNER

DRAFTS = "persistence/drafts"
DRAFT = "draft-000001"
OTHER = "draft-000002"

Move = Callable[[Stores, str], Awaitable[Any]]

MOVES: dict[str, Move] = {
    "put": lambda stores, id: stores.drafts.put(OWNER, id, draft("put")),
    "discard": lambda stores, id: stores.drafts.discard(OWNER, id),
    "promote": lambda stores, id: stores.drafts.promote(OWNER, id),
    "close": lambda stores, id: stores.sessions.move(OWNER, id, SessionAction.CLOSED),
    "reopen": lambda stores, id: stores.sessions.move(OWNER, id, SessionAction.REOPENED),
    "save": lambda stores, id: stores.sessions.save(OWNER, id, draft("saved")),
    "restore": lambda stores, id: stores.sessions.restore(OWNER, id, 1),
    "delete": lambda stores, id: stores.sessions.delete(OWNER, id),
}


def draft(content: str | None = "one", **rest: Any) -> SessionChange:
    """Returns the change that a save of a draft sends."""
    return SessionChange(content=None if content is None else pack(content), **rest)


async def a_session(stores: Stores, status: SessionStatus, id: str = DRAFT, owner: str = OWNER) -> SessionHead:
    """Creates a draft and brings it to the status. The content of its first version is "one"."""
    await stores.drafts.put(owner, id, draft(), autosave=False)
    head, _ = await stores.drafts.put(owner, id, draft("two", title="Second"), autosave=False)
    if status in (SessionStatus.ACTIVE, SessionStatus.CLOSED):
        head = await stores.drafts.promote(owner, id)
    if status is SessionStatus.CLOSED:
        head = await stores.sessions.move(owner, id, SessionAction.CLOSED)
    if status in (SessionStatus.TRASHED, SessionStatus.DELETED):
        await stores.drafts.discard(owner, id, purge=status is SessionStatus.DELETED)
    return head
