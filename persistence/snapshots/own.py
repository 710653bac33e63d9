"""The snapshots of a person for export and erasure: their access log entries, each with its snapshot."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from persistence.documents import now
from persistence.errors import CorruptItem, Forbidden, Gone, NotFound
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
            entry = self._entries.load(item).seen(now())
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
        except (CorruptItem, Forbidden):  # Forbidden: the entry and the snapshot name different owners
            yield damaged(entry.id)

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Deletes the person's snapshots as `SnapshotStore.erase`, and removes all their access log entries.

        So nothing of them is left in the entries of other visitors, also of those that were deleted before; a
        timer clears what this does not reach. Also removes the person's visitor items of all snapshots.
        """
        # A first visit that is not counted yet has no entry to be found by.
        await self._access_logs.settle_visits(owner_id)
        query = Query(self._entries.kind, owner_id, ("id", "owner_id", "snapshot_deleted"))
        async for page in pages_of(self._entries.engine, self._entries.container, query):
            for entry in page:
                yield await self._erase(owner_id, entry)

    async def _erase(self, owner_id: str, entry: Item) -> Erased:
        """Erases the snapshot of an entry if it is the person's, and removes the entry."""
        snapshot_id = entry["id"]
        is_live = entry.get("snapshot_deleted") is not True
        is_of_another = isinstance(entry.get("owner_id"), str) and entry["owner_id"] != owner_id
        if is_of_another and is_live:
            # It says that it is of another's snapshot. If it is damaged, the snapshot knows better.
            is_of_another = not await self._snapshots.is_own(owner_id, snapshot_id)
        is_live = is_live and not is_of_another
        told = None if is_of_another else await self._erase_snapshot(owner_id, snapshot_id)
        if told is None and not is_of_another and not is_live:
            await self._snapshots.erase_forgotten(owner_id, snapshot_id)
        await self._access_logs.erase(owner_id, snapshot_id)
        if is_live and told is None:
            told = await self._erase_snapshot(owner_id, snapshot_id)
            if told is not None:
                # The snapshot was just being created, and its create wrote to the entry before it was removed.
                # From here on the create finds no entry.
                await self._access_logs.erase(owner_id, snapshot_id)
        return Erased(1 + (told or 0), ("snapshots", "rows") if is_live and told is not None else ("rows",))

    async def _erase_snapshot(self, owner_id: str, snapshot_id: str) -> int | None:
        """Returns how many visitors were told. None if the snapshot does not exist, or is not the person's: its
        create was interrupted or is not visible yet, it was forgotten, or the entry is damaged."""
        with suppress(NotFound, Forbidden):
            return await self._snapshots.erase(owner_id, snapshot_id)
        return None
