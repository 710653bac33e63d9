"""What the timer does: settles what was interrupted, and takes away what nothing needs any more.

Every step finds its work through an index that holds little else, can be repeated, and leaves what it did not
reach to the next run: a run that is killed has lost nothing. Nothing younger than the grace is touched, so no
request can be at it.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TypeVar

from persistence.documents import Document, now
from persistence.errors import Contended, Gone, ItemNotFound, NotFound
from persistence.idempotency import RETENTION as RESERVATION_RETENTION
from persistence.idempotency import IdempotencyRecord
from persistence.sessions.contents import contents_of, session_of
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.sessions.store import SessionStore
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item, Set
from persistence.storage.query import BY_ID, Filter, Operator, Query, Sort
from persistence.timers.work import TimerWork

D = TypeVar("D", bound=Document)

_CONTENT_FIELDS = tuple(field.alias or name for name, field in SessionContent.model_fields.items())


@dataclass(slots=True)
class Counts:
    """What one run did, for its log line. `skipped` items could not be read and were left alone."""

    snapshots_expired: int = 0
    rows_marked: int = 0
    visitors_removed: int = 0
    creates_settled: int = 0
    sessions_swept: int = 0
    contents_removed: int = 0
    tombstones_forgotten: int = 0
    reservations_forgotten: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


@dataclass(slots=True)
class PurgeCounts:
    """What one purge did; `spared` drafts were found stale, and touched before they were deleted."""

    drafts: int = 0
    spared: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"drafts purged {self.drafts}, spared {self.spared}, skipped {self.skipped}"


@dataclass(frozen=True, slots=True)
class CleanupRules:
    """What an operator sets. `items_max` bounds what each step of one run takes on."""

    settle_grace: timedelta = timedelta(minutes=15)
    tombstone_retention: timedelta = timedelta(days=30)
    draft_retention: timedelta = timedelta(days=30)
    items_max: int = 20_000


class Cleanup:
    """One run is `run()`. Two at once do no harm, only some work twice."""

    def __init__(
        self,
        engine: Engine,
        sessions: SessionStore,
        snapshots: SnapshotStore,
        access_logs: AccessLogStore,
        rules: CleanupRules,
    ) -> None:
        self._sessions = sessions
        self._engine, self._snapshot_store, self._access_logs = engine, snapshots, access_logs
        self._rules = rules
        self._work = TimerWork(engine, rules.items_max)
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._contents = DocumentSet(engine, SESSIONS, SessionContent)
        self._snapshots = DocumentSet(engine, SNAPSHOTS, Snapshot)
        self._visitors = DocumentSet(engine, SNAPSHOTS, Visitor)
        self._reservations = DocumentSet(engine, SESSIONS, IdempotencyRecord)
        self._rows = DocumentSet(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)

    async def run(self) -> Counts:
        """All steps, each bounded. Raises what the store raises; the next run continues."""
        counts = Counts()
        at = now()
        settled, forgotten = at - self._rules.settle_grace, at - self._rules.tombstone_retention
        await self._expire_snapshots(counts, at)
        await self._mark_rows(counts, settled)
        await self._settle_creates(counts, settled)
        await self._empty_deleted_sessions(counts, settled)
        await self._sweep_what_was_saved(counts, settled)
        await self._forget_tombstones(counts, self._heads, forgotten)
        await self._forget_tombstones(counts, self._snapshots, forgotten)
        await self._forget_reservations(counts, at - RESERVATION_RETENTION)
        return counts

    async def purge_stale_drafts(self) -> PurgeCounts:
        """Deletes drafts that were neither saved nor opened for the retention; a draft that is touched
        meanwhile survives. Bounded; the next run continues."""
        purged = PurgeCounts()
        until = now() - self._rules.draft_retention

        async def purge(draft: Item) -> None:
            try:
                was_stale = await self._sessions.purge(draft["owner_id"], draft["id"], until)
            except (NotFound, Gone, Contended):
                was_stale = False  # discarded, or being saved
            purged.drafts += was_stale
            purged.spared += not was_stale

        await self._work.each_due(purged, self._heads, "stale_since", until, purge)
        return purged

    async def _expire_snapshots(self, counts: Counts, at: datetime) -> None:
        """Expired snapshots become tombstones; their visitors' rows are marked by a later run."""

        async def expire(item: Item) -> None:
            try:
                current = await self._snapshots.read(item["id"], item["id"])
            except ItemNotFound:
                return
            if current.document.deleted_at is None and await self._snapshot_store.expire(current):
                counts.snapshots_expired += 1

        await self._work.each_due(counts, self._snapshots, "expires_at", at, expire)

    async def _mark_rows(self, counts: Counts, until: datetime) -> None:
        """Marks the rows of everybody who opened a deleted snapshot, then drops its visitor items."""

        async def mark_rows_of(snapshot: Item) -> None:
            snapshot_id = snapshot["id"]
            if await self._mark_rows_of(counts, snapshot_id) and await self._drop_visitors(counts, snapshot_id):
                await self._set_settled(SNAPSHOTS, snapshot)

        await self._work.each_due(counts, self._snapshots, "unsettled_at", until, mark_rows_of, concurrency=1)

    async def _mark_rows_of(self, counts: Counts, snapshot_id: str) -> bool:
        """Whether all of them are marked; False where a run's bound was reached first."""

        async def mark(row: Item) -> None:
            await self._access_logs.mark_deleted(snapshot_id, row["visitor_id"])
            counts.rows_marked += 1

        unmarked = Query(
            self._rows.kind,
            None,
            ("visitor_id",),
            (
                Filter("snapshot_id", Operator.EQUAL, snapshot_id),
                Filter("snapshot_deleted", Operator.EQUAL, False),
            ),
            Sort("snapshot_id"),
            self._work.page_size,
        )
        # A marked row does not match any more, so that the first page is always the next one. A cursor would
        # not do: the rows of one snapshot all have its id, each in a partition of its own.
        for _ in range(0, self._rules.items_max, self._work.page_size):
            if counts.rows_marked >= self._rules.items_max:
                return False
            page = await self._engine.query(SNAPSHOT_ACCESS_LOGS, unmarked)
            await self._work.each(counts, page.items, mark)
            if page.cursor is None:
                return True
        return False

    async def _drop_visitors(self, counts: Counts, snapshot_id: str) -> bool:
        """Whether all of them are gone; False where a run's bound was reached first."""

        async def drop(visitor: Item) -> None:
            await self._visitors.discard(visitor["id"], snapshot_id)
            counts.visitors_removed += 1

        async for page in self._work.pages(SNAPSHOTS, self._visitors.kind, snapshot_id, (), BY_ID, ("id",)):
            await self._work.each(counts, page, drop)
            if counts.visitors_removed >= self._rules.items_max:
                return False
        return True

    async def _settle_creates(self, counts: Counts, until: datetime) -> None:
        """Owners' rows that were left pending are listed, marked or dropped, as their snapshot is."""

        async def settle(row: Item) -> None:
            snapshot_id, owner_id = row["id"], row["visitor_id"]
            try:
                snapshot = (await self._snapshots.read(snapshot_id, snapshot_id)).document
            except ItemNotFound:
                await self._rows.discard(snapshot_id, owner_id)
            else:
                if snapshot.deleted_at is None:
                    await self._snapshot_store.confirm(snapshot)
                else:
                    await self._access_logs.mark_deleted(snapshot_id, owner_id)
            counts.creates_settled += 1

        await self._work.each_due(counts, self._rows, "unsettled_at", until, settle)

    async def _empty_deleted_sessions(self, counts: Counts, until: datetime) -> None:
        """Removes the contents of deleted sessions."""

        async def empty(head: Item) -> None:
            await self._sweep(counts, head["owner_id"], head["id"], until)
            await self._set_settled(SESSIONS, head)

        await self._work.each_due(counts, self._heads, "unsettled_at", until, empty)

    async def _sweep_what_was_saved(self, counts: Counts, until: datetime) -> None:
        """Removes contents that no head names: left by a save that failed, or by one whose pruning was
        interrupted. So only sessions with a content or a head written since the last run are looked at."""

        async def sweep(item: Item) -> None:
            await self._sweep(counts, item["owner_id"], _session_of(item), until)

        await self._work.each_written(counts, self._contents, "saved_at", until, sweep, _session_of)
        await self._work.each_written(counts, self._heads, "metadata.updated_at", until, sweep, _session_of)

    async def _forget_tombstones(self, counts: Counts, documents: DocumentSet[D], until: datetime) -> None:
        """Removes tombstones whose time is over and with which there is nothing left to do."""
        container = documents.container

        async def forget(item: Item) -> None:
            if item.get("unsettled_at") is None:
                await self._engine.delete(container, item["id"], item[container.partition_key])
                counts.tombstones_forgotten += 1

        await self._work.each_due(counts, documents, "deleted_at", until, forget)

    async def _forget_reservations(self, counts: Counts, until: datetime) -> None:
        """Removes what was remembered of Idempotency-Keys."""

        async def forget(record: Item) -> None:
            await self._reservations.discard(record["id"], record["owner_id"])
            counts.reservations_forgotten += 1

        await self._work.each_due(counts, self._reservations, "reserved_at", until, forget)

    async def _sweep(self, counts: Counts, owner_id: str, session_id: str, until: datetime) -> None:
        """Removes the contents of one session that its head does not name, where they are old enough."""

        async def remove(item: Item) -> None:
            if self._contents.load(item).saved_at <= until:
                await self._contents.discard(item["id"], owner_id)
                counts.contents_removed += 1

        # The contents first, then the head: what is written in between is not among them.
        of_session = contents_of(session_id)
        pages = self._work.pages(SESSIONS, self._contents.kind, owner_id, of_session, BY_ID, _CONTENT_FIELDS)
        found = [item async for page in pages for item in page]
        try:
            head = (await self._heads.read(session_id, owner_id)).document
        except ItemNotFound:
            named = frozenset[str]()
        else:
            if head.unsettled_at is not None and head.unsettled_at > until:
                return  # deleted just now: emptied when its own time has come
            named = head.content_ids
        counts.sessions_swept += 1
        unnamed = [item for item in found if item["id"] not in named]
        await self._work.each(counts, unnamed, remove, concurrency=1)

    async def _set_settled(self, container: Container, item: Item) -> None:
        try:
            partition = item[container.partition_key]
            await self._engine.patch(container, item["id"], partition, [Set("unsettled_at", None)])
        except ItemNotFound:
            pass  # another run has forgotten it since


def _session_of(item: Item) -> str:
    return session_of(str(item["id"]))
