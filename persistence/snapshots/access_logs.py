"""The access log: who opened which snapshot. One entry per person and snapshot, in the person's partition.

The entry is the source of truth. A visitor item beside the snapshot repeats its counts, so that the owner can
read them from one partition.
"""

from collections.abc import Sequence
from contextlib import suppress

from persistence.documents import now
from persistence.errors import CorruptItem, ItemNotFound
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor, visitor_item_id
from persistence.snapshots.filters import FILTERS, flag, is_expired, kept, of_owner, unexpired
from persistence.snapshots.reads import check_id
from persistence.snapshots.visit_queue import VisitQueue
from persistence.snapshots.visits import VisitCounter
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Set
from persistence.storage.query import Condition, Filter, Page, Sort, Unless

_RECENTLY_VISITED = Sort("last_visited_at", descending=True)
_ERASED = [
    Set("owner_id", ""),
    Set("app", None),
    Set("snapshot_metadata.title", ""),
    Set("snapshot_metadata.title__lower", ""),
    Set("snapshot_metadata.content_hash", ""),
    Set("snapshot_metadata.content_bytes", 0),
    Set("snapshot_metadata.media_type", None),
]


class AccessLogStore:
    """The access log entries of all people."""

    def __init__(self, shared: Shared) -> None:
        self._entries = DocumentSet(shared.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._background, self._limits, self._switch = shared.background, shared.limits, shared.switch
        self._visits = VisitQueue(shared.background, VisitCounter(shared).count)
        self.filters = FILTERS

    async def count_visit(self, snapshot: Snapshot, visitor_id: str) -> None:
        """Adds a visit to those that are counted in the background, within a second. Never fails the read, and
        delays it by at most a second, if 10,000 visits wait. A visit is lost if the process dies first. In
        read-only mode, visits are not counted."""
        if not await self._switch.is_on():
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
        names = ["pending", "unsettled_at", "app", "expires_at", "snapshot_metadata"]
        names += ["session_id"] if entry.session_id else []
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

    async def mark_deleted(self, snapshot_id: str, visitor_id: str, *, erased: bool = False) -> None:
        """Marks the snapshot of one entry as deleted and clears its description, because its owner may not want it
        shown any more. Does nothing if there is no entry. One patch.

        If its owner erased everything, the entry of a visitor keeps only the visits and when it was created.
        """
        marks = [
            Set("snapshot_deleted", True),
            Set("snapshot_metadata.description", None),
            Set("unsettled_at", None),
        ]
        # Cosmos DB takes ten. The entry of a visitor is never pending.
        marks += _ERASED if erased else [Set("pending", False)]
        try:
            await self._entries.patch(snapshot_id, visitor_id, marks)
        except ItemNotFound:
            pass
        except ValueError:
            raise CorruptItem(self._entries.kind, snapshot_id) from None
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
        """Returns a page of what a person opened. One query in one partition.

        Deleted snapshots of the person's own are left out, unless a filter names `snapshot_deleted`. Expired ones
        count as deleted.
        """
        at = now()
        deleted = next((one for one in filters if one.path == "snapshot_deleted"), None)
        if deleted is None:
            gone = (flag("snapshot_deleted", True), is_expired(at))
            chosen: list[Condition] = [Unless((of_owner(visitor_id), each)) for each in gone]
        elif deleted.value is True:
            chosen = [Unless((flag("snapshot_deleted", False), unexpired(at)), name="deleted")]
        else:
            chosen = [deleted, unexpired(at)]
        others = [one for one in filters if one is not deleted]
        shown = [flag("hidden", False), flag("pending", False)]
        page = await self._entries.page(visitor_id, [*others, *chosen, *shown], sort, page_size, cursor)
        return Page([entry.seen(at) for entry in page.items], page.cursor)

    async def page_of_library(
        self, owner_id: str, filters: Sequence[Filter], sort: Sort, page_size: int, cursor: str | None
    ) -> Page[AccessLog]:
        """Returns a page of the entries of a person's own live snapshots: neither deleted nor expired. One query
        in one partition."""
        return await self._entries.page(
            owner_id, [*filters, *kept(owner_id), unexpired(now())], sort, page_size, cursor
        )

    async def remove(self, visitor_id: str, snapshot_id: str) -> None:
        """Removes a person's entry and its visitor item. An entry of the person's own snapshot is only hidden:
        the library lists it, and an erasure finds the visitors of the snapshot by it, also after the snapshot was
        deleted. Harmless to repeat. Raises NotFound if the id is malformed."""
        check_id(snapshot_id)
        # A visit that is being counted was made before this call.
        await self._visits.settle(visitor_id)
        entry = await self.find(visitor_id, snapshot_id)
        if entry is None:
            return
        if entry.owner_id == visitor_id:
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
