"""Heads of sessions: reading them, creating them, and replacing them under their etags."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from typing import TypeVar

from persistence.documents import is_id, timestamp_text
from persistence.errors import Gone, ItemChanged, ItemExists, ItemNotFound, NotFound, OwnerFull, Trashed
from persistence.sessions.documents import DELETED_STATUSES, SessionHead, SessionStatus, SessionSummary
from persistence.sessions.history import without_growth
from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import COMMIT_MAX_BYTES, COMMIT_MAX_OPERATIONS, Create, Engine, Item

S = TypeVar("S", bound=SessionSummary)

_CONTENTS_AT_ONCE = 4


class SessionHeads:
    """The heads of all sessions. Those in the trash are purged after `trash_retention`."""

    def __init__(self, engine: Engine, trash_retention: timedelta) -> None:
        self._engine, self._trash_retention = engine, trash_retention
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._summaries = DocumentSet(engine, SESSIONS, SessionSummary)

    async def read(self, owner_id: str, session_id: str) -> Versioned[SessionHead]:
        """Returns the head, which may be a tombstone. Raises NotFound and CorruptItem. One point read."""
        return await _read(self._heads, owner_id, session_id)

    async def get(self, owner_id: str, session_id: str) -> Versioned[SessionHead]:
        """As `read`, but raises as `check_live`."""
        found = await self.read(owner_id, session_id)
        self.check_live(found.document)
        return found

    async def get_summary(self, owner_id: str, session_id: str) -> SessionSummary:
        """Returns what a list shows; the history, most of a head, is not parsed. Raises and costs as `get`."""
        summary = (await _read(self._summaries, owner_id, session_id)).document
        self.check_live(summary)
        return summary

    def purges_at(self, trashed: SessionSummary) -> datetime:
        """Returns when the timer purges a session in the trash."""
        return trashed.metadata.last_accessed_at + self._trash_retention

    def check_live(self, summary: SessionSummary, *, or_trashed: bool = False) -> None:
        """Raises Gone for a tombstone, and Trashed for a session in the trash unless `or_trashed`."""
        if summary.status is SessionStatus.DELETED:
            raise Gone("session", summary.id)
        if summary.status is SessionStatus.TRASHED and not or_trashed:
            raise Trashed("session", summary.id, timestamp_text(self.purges_at(summary)))

    async def create(
        self, head: SessionHead, contents: Sequence[Item], lines: Sequence[Item], *, id_is_new: bool
    ) -> None:
        """Creates the contents that a head names, the head, and the lines of activity that tell of it.

        Raises ItemExists if the head's id is taken. With `id_is_new` the id was made for this call alone, so only
        a driver's own retry can have taken it, and that is ignored. One commit, and a create for each content
        before it if they are large.
        """
        heads = [Create(head.to_item()), *map(Create, lines)]
        # Only the driver's own retry can have taken an id of 72 random bits that was made for this call alone.
        # Reading it back would prove less, because reads may be stale.
        own_retry = suppress(ItemExists) if id_is_new else nullcontext()
        whole = [*map(Create, contents), *heads]
        size = sum(item_size(one.item) for one in whole)
        if size > COMMIT_MAX_BYTES or len(whole) > COMMIT_MAX_OPERATIONS:
            await self.create_contents(contents)
            whole = heads
        with own_retry:
            await self._engine.commit(SESSIONS, head.owner_id, whole)

    async def create_contents(self, contents: Sequence[Item]) -> None:
        """Creates contents for a head that does not name them yet. One create each, a few at a time."""
        few = asyncio.Semaphore(_CONTENTS_AT_ONCE)

        async def create(content: Item) -> None:
            async with few:
                with suppress(ItemExists):  # the driver's own retry
                    await self._engine.create(SESSIONS, content)

        await asyncio.gather(*map(create, contents))

    async def try_replace(
        self, head: SessionHead, etag: str, contents: Sequence[Item] = (), lines: Sequence[Item] = ()
    ) -> Versioned[SessionHead] | None:
        """Replaces a head, creates new content items that it names, and the lines of activity that tell of it. One
        compare-and-set.

        Returns the head with its new etag, or None if another writer was faster. Raises NotFound if the session
        was erased meanwhile. If the database has no room for a deletion, it is written without its line, and as
        `without_growth`.
        """
        try:
            try:
                if contents or lines:
                    return Versioned(head, await self._heads.create_then_replace(contents, head, etag, lines))
                return Versioned(head, await self._heads.replace(head, etag))
            except OwnerFull:
                if contents or head.status not in DELETED_STATUSES:
                    raise
                smaller = without_growth(head)
                return Versioned(smaller, await self._heads.replace(smaller, etag))
        except ItemChanged:
            return None
        except ItemNotFound:
            raise NotFound("session", head.id) from None

    async def discard(self, owner_id: str, session_id: str) -> None:
        """Removes a tombstone, or a damaged head. From then on, the id can be used again."""
        await self._heads.discard(session_id, owner_id)


async def _read(documents: DocumentSet[S], owner_id: str, session_id: str) -> Versioned[S]:
    if not is_id(session_id):
        raise NotFound("session", session_id)
    try:
        return await documents.read(session_id, owner_id)
    except ItemNotFound:
        raise NotFound("session", session_id) from None
