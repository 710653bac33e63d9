"""The access log: who opened which snapshot. One entry per person and snapshot, in the person's partition.

The entry is the source of truth. A visitor item beside the snapshot repeats its counts, so that the owner can
read them from one partition.
"""

from collections.abc import Sequence
from contextlib import suppress

from persistence.errors import CorruptItem, ItemNotFound
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor, visitor_item_id
from persistence.snapshots.reads import check_id
from persistence.snapshots.visit_queue import VisitQueue
from persistence.snapshots.visits import VisitCounter
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Set
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Page, Sort

_RECENTLY_VISITED = Sort("last_visited_at", descending=True)


class AccessLogStore:
    """The access log entries of all people."""

    def __init__(self, shared: Shared) -> None:
        self._entries = DocumentSet(shared.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._background, self._limits = shared.background, shared.limits
        self._visits = VisitQueue(shared.background, VisitCounter(shared).count)
        self.filters = FilterFactory(AccessLog)

    async def count_visit(self, snapshot: Snapshot, visitor_id: str) -> None:
        """Adds a visit to those that are counted in the background, within a second. Never fails the read, and
        delays it by at most a second, if 10,000 visits wait. A visit is lost if the process dies first."""
        await self._visits.add(snapshot, visitor_id)

    async def settle_visits(self, visitor_id: str) -> None:
        """Waits until the visits that a person has made through this process are counted."""
        await self._visits.settle(visitor_id)

    async def drain(self) -> None:
        """Waits for all background work of this store and of the stores that share its parts."""
        await self._background.drain()

    async def create_pending(self, entry: AccessLog) -> None:
        """Creates the owner's entry before the snapshot. ItemExists is ignored: it is our own retry, or another
        try under the same idempotency key."""
        await self._entries.create_once(
            entry.model_copy(update={"pending": True, "unsettled_at": entry.first_visited_at})
        )

    async def confirm(self, snapshot: Snapshot) -> bool:
        """Lists a snapshot that exists in its owner's log. Returns True if the entry had to be created again: an
        erasure removed it, or a timer treated the create as failed.

        The entry takes over the values of the snapshot. Another try, whose snapshot was not created, may have
        created it.
        """
        entry = AccessLog.first_visit(snapshot, snapshot.owner_id, snapshot.metadata.created_at)
        item = entry.to_item()
        names = ("pending", "unsettled_at", "app", "expires_at", "snapshot_metadata")
        try:
            confirmed = await self._entries.patch(
                snapshot.id, snapshot.owner_id, [Set(name, item[name]) for name in names]
            )
        except ItemNotFound:
            await self._entries.create_once(entry)
            return True
        finally:
            self._limits.changed(snapshot.owner_id)
        if confirmed.snapshot_deleted:
            # It was deleted meanwhile, and the patch has written the description again.
            await self.mark_deleted(snapshot.id, snapshot.owner_id)
        return False

    async def find(self, visitor_id: str, snapshot_id: str) -> AccessLog | None:
        """Returns a person's entry for a snapshot, or None. One point read."""
        try:
            return (await self._entries.read(snapshot_id, visitor_id)).document
        except ItemNotFound:
            return None

    async def mark_deleted(self, snapshot_id: str, visitor_id: str) -> None:
        """Marks the snapshot of one entry as deleted and clears its description, because its owner may not want it
        shown any more. Does nothing if there is no entry."""
        marks = [
            Set("snapshot_deleted", True),
            Set("pending", False),
            Set("snapshot_metadata.description", None),
            Set("unsettled_at", None),
        ]
        try:
            await self._entries.patch(snapshot_id, visitor_id, marks)
        except ItemNotFound:
            pass
        except ValueError as exc:
            raise CorruptItem(self._entries.kind, snapshot_id) from exc
        finally:
            self._limits.changed(visitor_id)

    async def page(
        self,
        visitor_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _RECENTLY_VISITED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[AccessLog]:
        """Returns a page of what a person opened. One query in one partition."""
        shown = [self._is("hidden", False), self._is("pending", False)]
        return await self._entries.page(visitor_id, [*filters, *shown], sort, page_size, cursor)

    async def page_of_library(
        self, owner_id: str, filters: Sequence[Filter], sort: Sort, page_size: int, cursor: str | None
    ) -> Page[AccessLog]:
        """Returns a page of the entries of a person's own live snapshots. One query in one partition."""
        own = [
            self.filters.create("owner_id", owner_id, Operator.EQUAL),
            self._is("snapshot_deleted", False),
            self._is("pending", False),
        ]
        return await self._entries.page(owner_id, [*filters, *own], sort, page_size, cursor)

    async def remove(self, visitor_id: str, snapshot_id: str) -> None:
        """Removes a person's entry and its visitor item. An entry of the person's own live snapshot is only
        hidden from the history. Harmless to repeat. Raises NotFound if the id is malformed."""
        check_id(snapshot_id)
        # A visit that is being counted was made before this call.
        await self._visits.settle(visitor_id)
        entry = await self.find(visitor_id, snapshot_id)
        if entry is None:
            return
        if entry.owner_id == visitor_id and not entry.snapshot_deleted:
            with suppress(ItemNotFound):
                await self._entries.patch(snapshot_id, visitor_id, [Set("hidden", True)])
            return
        await self.erase(visitor_id, snapshot_id)

    async def erase(self, visitor_id: str, snapshot_id: str) -> None:
        """Removes a person's entry and its visitor item, even if they are damaged. Harmless to repeat.
        Three deletes."""
        await self._visits.settle(visitor_id)
        item_id = visitor_item_id(visitor_id)
        # The visitor first: the next visit restores a missing visitor, but nothing removes one without an entry.
        await self._visitors.discard(item_id, snapshot_id)
        await self._entries.discard(snapshot_id, visitor_id)
        # Again: a visit counted by another process may have copied the entry just before it was removed.
        await self._visitors.discard(item_id, snapshot_id)

    def _is(self, path: str, value: bool) -> Filter:
        return self.filters.create(path, value, Operator.EQUAL)
