"""Telling the visitors of a deleted snapshot: their access log entries are marked."""

import asyncio
import logging
from contextlib import suppress

from persistence.background import count_lost
from persistence.errors import CorruptItem, PersistenceError
from persistence.faults import named
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import Visitor
from persistence.storage.charge import metered
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.query import Query

TOLD_AT_ONCE = 200
"""The most visitors who are told at once. A timer tells the others, and those whose visit is in flight."""

TELLING_SECONDS = 2.0
_CONCURRENCY = 8
_log = logging.getLogger(__name__)


class Telling:
    """Finds visitors by their items in the snapshot's own partition: no query crosses partitions."""

    def __init__(self, shared: Shared, access_logs: AccessLogStore) -> None:
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._background, self._access_logs = shared.background, access_logs

    def start(self, owner_id: str, snapshot_id: str) -> None:
        """Tells visitors in the background. It never delays or fails the deletion."""
        self._background.start(self._try(owner_id, snapshot_id))

    async def tell(self, owner_id: str, snapshot_id: str, *, erased: bool) -> int:
        """Marks the entries of up to `TOLD_AT_ONCE` visitors, not that of the owner, and returns how many. One
        query, and a patch each. Damaged entries are left. `erased` as for `AccessLogStore.mark_deleted`."""
        query = Query(self._visitors.kind, snapshot_id, ("visitor_id",), page_size=TOLD_AT_ONCE)
        page = await self._visitors.engine.query(SNAPSHOTS, query)
        named = [item.get("visitor_id") for item in page.items]
        visitors = [one for one in named if isinstance(one, str) and one != owner_id]
        turns = asyncio.Semaphore(_CONCURRENCY)

        async def mark(visitor_id: str) -> None:
            async with turns:
                with suppress(CorruptItem):
                    await self._access_logs.mark_deleted(snapshot_id, visitor_id, erased=erased)

        await asyncio.gather(*map(mark, visitors))
        return len(visitors)

    async def _try(self, owner_id: str, snapshot_id: str) -> None:
        with metered() as charge:
            try:
                async with asyncio.timeout(TELLING_SECONDS):
                    await self.tell(owner_id, snapshot_id, erased=False)
            except (PersistenceError, TimeoutError) as exc:
                count_lost("telling")
                _log.warning("Visitors of a deleted snapshot are left for the timer to tell: %s", named(exc))
        _log.debug("Visitors of a deleted snapshot were told for %.2f RU", charge.request_units)
