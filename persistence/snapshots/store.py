"""Snapshots: frozen copies that every signed-in user who has the id can open.

Each snapshot has its own partition. Its owner finds it through an entry in the owner's own access log. Deleting
replaces the snapshot by a tombstone, and this replace is the commit.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from persistence.activity.documents import Actor
from persistence.content import Verified
from persistence.documents import now
from persistence.errors import (
    Contended,
    CorruptItem,
    Forbidden,
    ItemChanged,
    ItemNotFound,
    NotFound,
    PersistenceError,
)
from persistence.faults import is_damage, log_fault, named
from persistence.idempotency import IdempotencyKey
from persistence.retry import Attempts
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.creation import SnapshotCreation
from persistence.snapshots.documents import AccessLog, NewSnapshot, Snapshot, SnapshotStats, Visitor
from persistence.snapshots.lines import lines_of_deleted
from persistence.snapshots.reads import SnapshotReads
from persistence.snapshots.rules import SnapshotRules
from persistence.snapshots.telling import Telling
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.query import Aggregate, Filter, Operator, Page, Query, Sort

_log = logging.getLogger(__name__)

_DELETE_ATTEMPTS = 5
_NEWEST = Sort("snapshot_metadata.created_at", descending=True)
_LAST_VISITED = Sort("last_visited_at", descending=True)


class SnapshotStore:
    """The snapshots of all owners. Raises NotFound for a malformed or unknown id, and StoreUnavailable."""

    def __init__(
        self,
        shared: Shared,
        sessions: SessionStore,
        access_logs: AccessLogStore,
        rules: SnapshotRules,
    ) -> None:
        self._engine, self._access_logs, self._rules = shared.engine, access_logs, rules
        self._activity = shared.activity
        self._snapshots = DocumentSet(shared.engine, SNAPSHOTS, Snapshot)
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._reads = SnapshotReads(shared.engine)
        self._creation = SnapshotCreation(shared, sessions, access_logs, self._reads, rules)
        self._telling = Telling(shared, access_logs)
        self.filters = access_logs.filters

    async def create(self, owner_id: str, new: NewSnapshot, key: IdempotencyKey | None = None) -> Snapshot:
        """Creates a snapshot, which counts as its owner's first visit. Returns the first one again if `key` was
        used before.

        Raises ContentTooLarge, TooMany, StorageFull, KeyReused, InvalidMember if the expiry is not allowed, and as
        `SessionStore.get` if it copies a session. Nothing was written then.
        """
        return await self._creation.create(owner_id, new, key)

    async def confirm(self, snapshot: Snapshot) -> bool:
        """Lists an existing snapshot in its owner's access log. Returns False if the database has no room for the
        line of activity. One patch. A query follows if the entry was missing: an erasure may have removed it, and
        then it must not come back."""
        return await self._creation.confirm(snapshot)

    async def get(self, visitor_id: str, snapshot_id: str, *, count: bool = True) -> tuple[Snapshot, bytes]:
        """As `get_content`, with the content as UTF-8 alone."""
        snapshot, verified = await self.get_content(visitor_id, snapshot_id, count=count)
        return snapshot, verified.text

    async def get_content(
        self, visitor_id: str, snapshot_id: str, *, count: bool = True
    ) -> tuple[Snapshot, Verified]:
        """Returns the snapshot and its content, to everybody who has the id. If `count`, the visit is counted in
        the background. One point read. Raises Gone if it was deleted or has expired, and CorruptItem."""
        snapshot, verified = await self._reads.get_content(snapshot_id)
        if count:
            await self._access_logs.count_visit(snapshot, visitor_id)
        return snapshot, verified

    async def read_own(self, owner_id: str, snapshot_id: str) -> tuple[Snapshot, bytes]:
        """As `get`, but only for the owner, and without counting a visit. Raises Forbidden."""
        snapshot, verified = await self._reads.get_content(snapshot_id)
        if snapshot.owner_id != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        return snapshot, verified.text

    async def is_own(self, owner_id: str, snapshot_id: str) -> bool:
        """Returns True if the snapshot exists, can be read and belongs to the owner. One query."""
        snapshot = await self._reads.find_without_content(snapshot_id)
        return snapshot is not None and snapshot.owner_id == owner_id

    async def page(
        self,
        owner_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _NEWEST,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[AccessLog]:
        """Returns a page of the owner's snapshots, as entries of the owner's access log. One query."""
        return await self._access_logs.page_of_library(owner_id, filters, sort, page_size, cursor)

    async def delete(self, owner_id: str, snapshot_id: str) -> None:
        """Replaces the snapshot by a tombstone: reads raise Gone from then on. Harmless to repeat.

        Raises Forbidden if it belongs to someone else. The owner's entry is marked at once. Those of visitors are
        marked in the background, within two seconds; a timer marks the rest.
        """
        if await self._bury(owner_id, snapshot_id):
            self._telling.start(owner_id, snapshot_id)

    async def erase(self, owner_id: str, snapshot_id: str) -> int:
        """As `delete`, for an owner who erases everything: entries of visitors keep nothing of the snapshot, also
        if it was deleted before. Returns the number of those that were marked; a timer marks the rest.

        A damaged snapshot is replaced, too. Raises NotFound, Forbidden and Contended.
        """
        try:
            await self._bury(owner_id, snapshot_id, erased=True)
        except Exception as exc:
            if not is_damage(exc):
                raise
            log_fault(f"The damaged snapshot {snapshot_id} is replaced by a tombstone", exc)
            await self._replace_damaged(owner_id, snapshot_id)
        try:
            return await self._telling.tell(owner_id, snapshot_id, erased=True)
        except PersistenceError as exc:
            _log.warning("Visitors of an erased snapshot are left for the timer to tell: %s", named(exc))
            return 0

    async def erase_forgotten(self, owner_id: str, snapshot_id: str) -> None:
        """Makes the tombstone of a snapshot anew, so that a timer clears the entries of its visitors: it was
        deleted so long ago that its tombstone was forgotten."""
        at = now()
        await self._snapshots.create_once(Snapshot.damaged(snapshot_id, owner_id, at).tombstone(at, erased=True))

    async def expire(self, current: Versioned[Snapshot]) -> bool:
        """Replaces an expired snapshot by a tombstone. Returns False if another writer was faster.

        The entry of its owner is marked before: after an interruption the next run finds the snapshot again.
        """
        return await self._replace_by_tombstone(current)

    async def mark_own_entry(self, snapshot_id: str, owner_id: str, actor: Actor = Actor.ME) -> bool:
        """Writes a line of activity about a deleted snapshot, then marks its owner's entry. Returns False if the
        database has no room for the line. One read, one create and one patch.

        Until the entry is marked, a timer repeats this. If there is no entry, an erasure has removed it, and
        nothing is written. A damaged entry is marked, too.
        """
        try:
            entry = await self._access_logs.find(owner_id, snapshot_id)
        except CorruptItem:
            entry = None
        has_room = True
        if entry is not None and not entry.snapshot_deleted:
            for line in lines_of_deleted(entry, now(), actor):
                has_room = await self._activity.note(line) and has_room
        await self._access_logs.mark_deleted(snapshot_id, owner_id)
        return has_room

    async def _bury(self, owner_id: str, snapshot_id: str, *, erased: bool = False) -> bool:
        """Returns True if this call wrote the tombstone, and False if it was there."""
        async for _ in Attempts(_DELETE_ATTEMPTS):
            current = await self._reads.get(snapshot_id)
            snapshot = current.document
            if snapshot.owner_id != owner_id:
                raise Forbidden("snapshot", snapshot_id)
            is_new = snapshot.deleted_at is None or (erased and not snapshot.erased)
            # The entry of a tombstone is marked too: the first delete may have been interrupted before that.
            if not is_new or await self._replace_by_tombstone(current, erased=erased):
                await self.try_mark_own_entry(snapshot_id, owner_id)
                return is_new
        raise Contended("snapshot", snapshot_id)

    async def _replace_damaged(self, owner_id: str, snapshot_id: str) -> None:
        """Replaces a damaged snapshot by the tombstone of an erased one.

        Raises Forbidden if its owner can be read and is someone else, NotFound, and Contended.
        """
        try:
            stored = await self._engine.read(SNAPSHOTS, snapshot_id, snapshot_id)
        except ItemNotFound:
            raise NotFound("snapshot", snapshot_id) from None
        stored_owner = stored.item.get("owner_id")
        if isinstance(stored_owner, str) and stored_owner != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        damaged = Snapshot.damaged(snapshot_id, owner_id, now())
        if not await self._replace_by_tombstone(Versioned(damaged, stored.etag), erased=True):
            raise Contended("snapshot", snapshot_id)

    async def stats(self, owner_id: str, snapshot_id: str) -> SnapshotStats:
        """Returns how often a snapshot was opened. Five queries in its partition; none reads the content. Raises
        Gone, and Forbidden if it belongs to someone else."""
        await self._reads.check_owned(owner_id, snapshot_id)
        query = Query(self._visitors.kind, snapshot_id, ("id",))
        first, last = ("first_visited_at", "last_visited_at")
        count, total, earliest, latest = await asyncio.gather(
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.COUNT),
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.SUM, "visits"),
            self._engine.aggregate(SNAPSHOTS, _of_times(query, first), Aggregate.MIN, first),
            self._engine.aggregate(SNAPSHOTS, _of_times(query, last), Aggregate.MAX, last),
        )
        return SnapshotStats(
            visits=int(total or 0),
            visitors=int(count or 0),
            first_visited_at=_time(earliest),
            last_visited_at=_time(latest),
        )

    async def visitors(
        self,
        owner_id: str,
        snapshot_id: str,
        sort: Sort = _LAST_VISITED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[Visitor]:
        """Returns a page of the people who opened a snapshot. Raises as `stats`, and Forbidden if the operator
        does not show visitors."""
        if not self._rules.show_visitors:
            raise Forbidden("snapshot", snapshot_id, "Visitors are not shown here.")
        await self._reads.check_owned(owner_id, snapshot_id)
        return await self._visitors.page(snapshot_id, (), sort, page_size, cursor)

    async def _replace_by_tombstone(self, current: Versioned[Snapshot], *, erased: bool = False) -> bool:
        """Returns False if another writer was faster. One replace."""
        try:
            await self._snapshots.replace(current.document.tombstone(now(), erased=erased), current.etag)
            return True
        except ItemChanged:
            return False

    async def try_mark_own_entry(self, snapshot_id: str, owner_id: str, actor: Actor = Actor.ME) -> bool:
        """As `mark_own_entry`. What fails is left to the timer."""
        try:
            return await self.mark_own_entry(snapshot_id, owner_id, actor)
        except PersistenceError as exc:
            _log.warning("The access log entry of a deleted snapshot is left to the timer: %s", named(exc))
            return True


def _of_times(query: Query, path: str) -> Query:
    """Returns the query of the items that have a text at the path that begins with a digit, as all times do."""
    texts = (Filter(path, Operator.MORE_OR_EQUAL, "0"), Filter(path, Operator.LESS, ":"))
    return replace(query, filters=texts)


def _time(stored: object) -> datetime | None:
    """Returns a stored time. None if there is none, or if it is damaged."""
    try:
        at = datetime.fromisoformat(str(stored))
    except ValueError:
        return None
    return at if at.tzinfo is UTC else None
