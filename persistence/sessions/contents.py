"""Contents of sessions: items that are written once, under ids that are never reused, and named by a head."""

import asyncio
import logging
from collections.abc import Collection

from persistence.background import Background
from persistence.content import Packed, Verified
from persistence.documents import new_id, now
from persistence.errors import CorruptItem, PersistenceError
from persistence.faults import named
from persistence.sessions.content_cache import ContentCache
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.storage.charge import metered
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import PAYLOAD, Engine, Item
from persistence.storage.query import Filter, Operator, Query

_log = logging.getLogger(__name__)


def new_content(owner_id: str, session_id: str, packed: Packed) -> Item:
    """Returns a new content item, yet to be written."""
    content = SessionContent(
        id=f"{session_id}~{new_id()}", owner_id=owner_id, session_id=session_id, saved_at=now()
    )
    return {**content.to_item(), PAYLOAD: packed.payload}


def contents_of(session_id: str) -> tuple[Filter, ...]:
    """Returns the filters for the content ids `<session>~...`, which are a range of the index."""
    return (
        Filter("id", Operator.MORE, f"{session_id}~"),
        Filter("id", Operator.LESS, f"{session_id}~~"),
    )


def session_of(id: str) -> str:
    """Returns the session id in the id of a head or of a content."""
    return id.partition("~")[0]


class SessionContents:
    """Reads and removes content items. Reads none that is in the cache."""

    def __init__(self, engine: Engine, background: Background, cache: ContentCache) -> None:
        self._engine, self._background, self._cache = engine, background, cache
        self._contents = DocumentSet(engine, SESSIONS, SessionContent)

    async def read(self, owner_id: str, content_id: str, hash: str, size: int, *, cached: bool = True) -> Verified:
        """Returns the content of that hash and size. One point read, or none if it is in the cache. `cached` is
        False for contents that are hardly read again.

        Raises ItemNotFound if it was pruned, and CorruptItem if it is damaged or another content.
        """
        known = self._cache.find(owner_id, content_id)
        if known is not None and (known.hash, known.size) == (hash, size):
            return Verified(known)
        try:
            stored = await self._engine.read(SESSIONS, content_id, owner_id)
        except ValueError:  # the head is damaged: no engine takes this as an id
            raise CorruptItem("content", content_id) from None
        self._contents.load(stored.item)
        payload = stored.item.get(PAYLOAD)
        if not isinstance(payload, bytes):
            raise CorruptItem("content", content_id)
        verified = Verified.of(Packed(payload, hash, size), content_id)
        if cached:
            self._cache.keep(owner_id, content_id, verified.packed)
        return verified

    def committed(self, head: SessionHead, payload: bytes) -> None:
        """Caches the content that a head names. Both were just committed."""
        assert head.content_id is not None
        packed = Packed(payload, head.metadata.content_hash, head.metadata.content_bytes)
        self._cache.keep(head.owner_id, head.content_id, packed)

    def forget(self, owner_id: str) -> None:
        """Removes an owner's contents from the cache of this process."""
        self._cache.forget(owner_id)

    async def erase_all(self, owner_id: str, session_id: str) -> int:
        """Removes every content of a session that was deleted, and returns how many. A query and a delete each."""
        self.forget(owner_id)
        erased = 0
        query = Query(self._contents.kind, owner_id, ("id",), contents_of(session_id))
        async for page in pages_of(self._engine, SESSIONS, query):
            for item in page:
                await self._contents.discard(item["id"], owner_id)
                erased += 1
        return erased

    async def empty(self, owner_id: str, session_id: str) -> int:
        """As `erase_all`, for a tombstone. What fails is left to the timer, and counts as 0."""
        try:
            return await self.erase_all(owner_id, session_id)
        except PersistenceError as exc:
            _log.warning("Contents of a deleted session are left to the timer: %s", named(exc))
            return 0

    def remove_later(self, owner_id: str, ids: Collection[str]) -> None:
        """Removes contents that no head names, in the background. What fails is left to the timer."""
        if ids:
            self._background.start(self._remove(owner_id, ids))

    async def _remove(self, owner_id: str, ids: Collection[str]) -> None:
        with metered() as charge:
            # At the same time, so that they share one flush of the disk.
            await asyncio.gather(*(self._try_remove(owner_id, id) for id in ids))
        _log.debug("Removed %d contents for %.2f RU", len(ids), charge.request_units)

    async def _try_remove(self, owner_id: str, id: str) -> None:
        try:
            await self._contents.discard(id, owner_id)
        except PersistenceError as exc:
            _log.warning("A content that no session names is left to the timer: %s", named(exc))
