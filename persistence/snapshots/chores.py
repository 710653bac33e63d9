"""The steps of the timers over snapshots and access log entries. What deletes is in the daily one."""

from datetime import datetime

from persistence.activity.documents import Actor
from persistence.errors import ItemNotFound
from persistence.kind import Counts
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Item
from persistence.storage.query import BY_ID, Filter, Operator, Query, Sort
from persistence.timers.scan import Scan, TimerRules


class SnapshotChores:
    """The steps of the timer, in their order."""

    def __init__(
        self, shared: Shared, snapshots: SnapshotStore, access_logs: AccessLogStore, rules: TimerRules
    ) -> None:
        engine = self._engine = shared.engine
        self._store, self._access_logs, self._rules = snapshots, access_logs, rules
        self._scan = Scan(engine, rules.items_max)
        self._snapshots = DocumentSet(engine, SNAPSHOTS, Snapshot)
        self._visitors = DocumentSet(engine, SNAPSHOTS, Visitor)
        self._entries = DocumentSet(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)

    async def expire(self, at: datetime, counts: Counts) -> None:
        """Replaces expired snapshots by tombstones. Nobody could open them since they expired, and no list has
        shown them. A run of the other timer marks the entries of their visitors."""

        async def expire(item: Item) -> None:
            current = await self._snapshots.read(item["id"], item["id"])
            snapshot = current.document
            if snapshot.deleted_at is not None:
                return
            if not await self._store.try_mark_own_entry(snapshot.id, snapshot.owner_id, Actor.TIMER):
                counts.add("skipped")
            if await self._store.expire(current):
                counts.add("snapshots_expired")

        await self._scan.each_due(counts, self._snapshots, "expires_at", at, expire)

    async def mark_entries(self, at: datetime, counts: Counts) -> None:
        """Marks the entry of every person who opened a deleted snapshot, then removes its visitor items."""

        async def mark(snapshot: Item) -> None:
            if await self._mark_entries_of(counts, snapshot) and await self._drop_visitors(counts, snapshot["id"]):
                await self._scan.set_settled(SNAPSHOTS, snapshot)
            else:
                counts.backlog += 1

        await self._scan.each_unsettled(
            counts,
            self._snapshots,
            at,
            self._rules.settle_grace,
            mark,
            concurrency=1,
            select=("owner_id", "erased"),
        )

    async def settle_creates(self, at: datetime, counts: Counts) -> None:
        """Lists, marks or removes the owner's entry of an interrupted create, depending on its snapshot."""

        async def settle(entry: Item) -> None:
            snapshot_id, owner_id = entry["id"], entry["visitor_id"]
            try:
                snapshot = (await self._snapshots.read(snapshot_id, snapshot_id)).document
            except ItemNotFound:
                await self._entries.discard(snapshot_id, owner_id)
            else:
                if snapshot.erased:
                    await self._access_logs.erase(owner_id, snapshot_id)
                elif snapshot.deleted_at is None:
                    if not await self._store.confirm(snapshot):
                        counts.add("skipped")
                elif not await self._store.mark_own_entry(snapshot_id, owner_id):
                    counts.add("skipped")
            counts.add("creates_settled")

        await self._scan.each_unsettled(counts, self._entries, at, self._rules.settle_grace, settle)

    async def forget_tombstones(self, at: datetime, counts: Counts) -> None:
        """Removes the tombstones of snapshots after the retention."""
        await self._scan.forget_tombstones(counts, self._snapshots, await self._rules.tombstones_until(at))

    async def _mark_entries_of(self, counts: Counts, snapshot: Item) -> bool:
        """Returns True if all are marked, and False if the limit of a run was reached first."""
        snapshot_id, erased = snapshot["id"], snapshot.get("erased") is True

        async def mark(entry: Item) -> None:
            visitor_id = entry["visitor_id"]
            if visitor_id != entry.get("owner_id"):
                await self._access_logs.mark_deleted(snapshot_id, visitor_id, erased=erased)
            elif erased:
                await self._access_logs.erase(visitor_id, snapshot_id)
            elif not await self._store.mark_own_entry(snapshot_id, visitor_id):
                counts.add("skipped")
            counts.add("rows_marked")

        of_snapshot = Filter("snapshot_id", Operator.EQUAL, snapshot_id)
        is_due = Filter("snapshot_deleted", Operator.EQUAL, False)
        if erased:
            # It may have been deleted before, so its entries are those that still name the owner.
            is_due = Filter("owner_id", Operator.EQUAL, snapshot["owner_id"])
        unmarked = Query(
            self._entries.kind,
            None,
            ("visitor_id", "owner_id"),
            (of_snapshot, is_due),
            Sort("snapshot_id"),
            self._scan.page_size,
        )
        # A marked entry no longer matches, so the first page is always the next one. A cursor does not work here:
        # the entries of one snapshot have the same id, each in its own partition.
        for _ in range(0, self._rules.items_max, self._scan.page_size):
            if counts["rows_marked"] >= self._rules.items_max:
                return False
            page = await self._engine.query(SNAPSHOT_ACCESS_LOGS, unmarked)
            await self._scan.each(counts, page.items, mark)
            if page.cursor is None:
                return True
        return False

    async def _drop_visitors(self, counts: Counts, snapshot_id: str) -> bool:
        """Returns True if all are removed, and False if the limit of a run was reached first."""

        async def drop(visitor: Item) -> None:
            await self._visitors.discard(visitor["id"], snapshot_id)
            counts.add("visitors_removed")

        async for page in self._scan.pages(SNAPSHOTS, self._visitors.kind, snapshot_id, (), BY_ID, ("id",)):
            await self._scan.each(counts, page, drop)
            if counts["visitors_removed"] >= self._rules.items_max:
                return False
        return True
