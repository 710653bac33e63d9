"""The snapshots of a person for export and erasure: their access log entries, each with its snapshot."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from persistence.errors import CorruptItem, Forbidden, Gone, ItemNotFound, NotFound
from persistence.kind import Erased, Exported, damaged
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog
from persistence.snapshots.store import SnapshotStore
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import Item
from persistence.storage.query import Query

MARKS = "[0-9]{0,18}|snapshot"
"""`snapshot` after the line of the entry, and 0 after the line of the snapshot."""


class OwnSnapshots:
    """The lines of an access log entry in the export, and its erasure."""

    def __init__(
        self, entries: DocumentSet[AccessLog], snapshots: SnapshotStore, access_logs: AccessLogStore
    ) -> None:
        self._entries, self._snapshots, self._access_logs = entries, snapshots, access_logs

    async def lines(self, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
        """Yields the entry, then the snapshot with its content if it is the person's own."""
        try:
            entry = self._entries.load(item)
        except CorruptItem:
            if not mark:
                yield damaged(item["id"])
            return
        if not mark:
            yield Exported("access_log", {"metadata": entry}, "snapshot")
        if entry.owner_id != owner_id or entry.snapshot_deleted or mark.isdigit():
            return
        try:
            snapshot, content = await self._snapshots.read_own(owner_id, entry.id)
            yield Exported("snapshot", {"metadata": snapshot}, "0", content)
        except (NotFound, Gone):
            pass  # its create was interrupted, or it was deleted or has expired since
        except CorruptItem:
            yield damaged(entry.id)

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Deletes the person's snapshots as `SnapshotStore.delete`, and removes all their access log entries.

        So the timer marks the entries of other visitors. Also removes the person's visitor items of all snapshots.
        """
        # A first visit that is not counted yet has no entry to be found by.
        await self._access_logs.settle_visits(owner_id)
        query = Query(self._entries.kind, owner_id, ("id", "owner_id", "snapshot_deleted"))
        async for page in pages_of(self._entries.engine, self._entries.container, query):
            for entry in page:
                had_snapshot = await self._erase(owner_id, entry)
                yield Erased(counts=("snapshots", "rows") if had_snapshot else ("rows",))

    async def _erase(self, owner_id: str, entry: Item) -> bool:
        """Returns True if the entry was of a snapshot of the person, which was deleted."""
        snapshot_id = entry["id"]
        is_of_another = isinstance(entry.get("owner_id"), str) and entry["owner_id"] != owner_id
        is_live = not is_of_another and entry.get("snapshot_deleted") is not True
        was_deleted = is_live and await self._delete(owner_id, snapshot_id)
        await self._access_logs.erase(owner_id, snapshot_id)
        if is_live and not was_deleted and await self._delete(owner_id, snapshot_id):
            # The snapshot was just being created, and its create wrote to the entry before it was removed. From
            # here on the create finds no entry.
            await self._access_logs.erase(owner_id, snapshot_id)
            was_deleted = True
        return was_deleted

    async def _delete(self, owner_id: str, snapshot_id: str) -> bool:
        """Returns True if the snapshot exists and is the person's. If not, its create was interrupted or is not
        visible yet, or the entry is damaged."""
        with suppress(NotFound, Forbidden, ItemNotFound):
            try:
                await self._snapshots.delete(owner_id, snapshot_id)
            except CorruptItem:
                await self._snapshots.replace_damaged(owner_id, snapshot_id)
            return True
        return False
