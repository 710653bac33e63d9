"""Who opened which snapshot: one row per person and snapshot, kept with the person.

The row is the truth. Beside the snapshot lies a copy of its counts, the visitor item, so that the owner can be
told from one partition; it takes the row's absolute values after every visit and so heals by itself.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from persistence.documents import SNAPSHOT_ID_MAX_LENGTH, is_id, now, timestamp_text
from persistence.errors import CorruptItem, ItemExists, ItemNotFound, NotFound, PersistenceError
from persistence.keyed import Keyed
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor, visitor_item_id
from persistence.storage.charge import metered
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Increment, Set
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Page, Sort

_log = logging.getLogger(__name__)

VISIT_TIMEOUT_SECONDS = 1.0
_OF_THE_SNAPSHOT = ("app", "expires_at", "snapshot_metadata")
_NEVER = datetime.min.replace(tzinfo=UTC)
_RECENTLY_VISITED = Sort("last_visited_at", descending=True)


class AccessLogStore:
    """A person's rows. What is counted here never gets in the way of what it counts."""

    def __init__(self, shared: Shared) -> None:
        engine = shared.engine
        self._rows = DocumentSet(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = DocumentSet(engine, SNAPSHOTS, Visitor)
        self._background = shared.background
        self._copies = Keyed(_Copy)
        self.filters = FilterFactory(AccessLog)

    def count_visit(self, snapshot: Snapshot, visitor_id: str) -> None:
        """Counts a visit beside the read that it belongs to: nobody waits for it, and it gives up after a
        second. A visit can be lost so, or be counted twice where a driver repeats what had landed."""
        self._background.start(self._count(snapshot, visitor_id), about=(snapshot.id, visitor_id))

    async def drain(self) -> None:
        """Waits for all background work of this store and of those that share its parts."""
        await self._background.drain()

    async def open_row(self, row: AccessLog) -> None:
        """The owner's row, before its snapshot is made. Whoever has taken its id is a driver that repeats after a
        fault, or another try of the same attempt."""
        with suppress(ItemExists):
            await self._rows.create(row)

    async def confirm(self, snapshot: Snapshot) -> bool:
        """Lists the owner's row, because its snapshot is there, with what the snapshot says: another try, whose
        snapshot was not made, may have opened the row. True where it had to be made anew, because it was erased
        meanwhile, or the timer had taken it for that of a create that failed."""
        row = AccessLog.first_visit(snapshot, snapshot.owner_id, snapshot.metadata.created_at)
        item = row.to_item()
        listed = [Set(name, item[name]) for name in ("pending", "unsettled_at", *_OF_THE_SNAPSHOT)]
        try:
            confirmed = await self._rows.patch(snapshot.id, snapshot.owner_id, listed)
        except ItemNotFound:
            await self.open_row(row)
            return True
        if confirmed.snapshot_deleted:
            # It was deleted meanwhile, and the description is back with the rest.
            await self.mark_deleted(snapshot.id, snapshot.owner_id)
        return False

    async def find(self, visitor_id: str, snapshot_id: str) -> AccessLog | None:
        """A person's row for a snapshot. One point read."""
        try:
            return (await self._rows.read(snapshot_id, visitor_id)).document
        except ItemNotFound:
            return None

    async def mark_deleted(self, snapshot_id: str, visitor_id: str) -> None:
        """Marks one person's row, and takes away the words that the snapshot's owner may have regretted."""
        marks = [
            Set("snapshot_deleted", True),
            Set("pending", False),
            Set("snapshot_metadata.description", None),
            Set("unsettled_at", None),
        ]
        try:
            await self._rows.patch(snapshot_id, visitor_id, marks)
        except ItemNotFound:
            pass  # removed by its person meanwhile
        except ValueError as exc:
            raise CorruptItem(self._rows.kind, snapshot_id) from exc

    async def page(
        self,
        visitor_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _RECENTLY_VISITED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[AccessLog]:
        """A page of what a person opened. One query in one partition."""
        shown = [self._is("hidden", False), self._is("pending", False)]
        return await self._rows.page(visitor_id, [*filters, *shown], sort, page_size, cursor)

    async def page_of_library(
        self, owner_id: str, filters: Sequence[Filter], sort: Sort, page_size: int, cursor: str | None
    ) -> Page[AccessLog]:
        """A page of the rows of a person's own snapshots that are not deleted. One query in one partition."""
        own = [
            self.filters.create("owner_id", owner_id, Operator.EQUAL),
            self._is("snapshot_deleted", False),
            self._is("pending", False),
        ]
        return await self._rows.page(owner_id, [*filters, *own], sort, page_size, cursor)

    async def remove(self, visitor_id: str, snapshot_id: str) -> None:
        """Forgets a person's visits to a snapshot, here and in what its owner is told. Of a snapshot of
        their own only the visit history is hidden. Harmless to repeat. Raises NotFound for a malformed id."""
        if not is_id(snapshot_id, SNAPSHOT_ID_MAX_LENGTH):
            raise NotFound("snapshot", snapshot_id)
        # A visit that is being counted was made before this.
        await self._background.settle((snapshot_id, visitor_id))
        row = await self.find(visitor_id, snapshot_id)
        if row is None:
            return
        if row.owner_id == visitor_id and not row.snapshot_deleted:
            with suppress(ItemNotFound):
                await self._rows.patch(snapshot_id, visitor_id, [Set("hidden", True)])
            return
        await self.erase(visitor_id, snapshot_id)

    async def erase(self, visitor_id: str, snapshot_id: str) -> None:
        """Takes away a person's row and its copy, whatever they hold. Harmless to repeat. Three deletes."""
        await self._background.settle((snapshot_id, visitor_id))
        # The copy first: a row without its copy is mended by the next visit, the reverse by nothing.
        await self._visitors.discard(visitor_item_id(visitor_id), snapshot_id)
        await self._rows.discard(snapshot_id, visitor_id)
        # And once more: a visit counted elsewhere may have copied the row just before it went.
        await self._visitors.discard(visitor_item_id(visitor_id), snapshot_id)

    async def _count(self, snapshot: Snapshot, visitor_id: str) -> None:
        # Taken before the row changes: a visit that ends late still finds the state that a newer one left.
        copy = self._copies[snapshot.id, visitor_id]
        with metered() as charge:
            try:
                async with asyncio.timeout(VISIT_TIMEOUT_SECONDS):
                    await self._copy(await self._add_visit(snapshot, visitor_id), copy)
            except (PersistenceError, ValueError, TimeoutError) as exc:
                # ValueError: a damaged row that no visit can be added to.
                _log.warning("A visit was not counted, or only in part: %r", exc)
        _log.debug("A visit was counted for %.2f RU", charge.request_units)

    async def _add_visit(self, snapshot: Snapshot, visitor_id: str) -> AccessLog:
        try:
            return await self._add_to_row(snapshot.id, visitor_id)
        except ItemNotFound:
            row = AccessLog.first_visit(snapshot, visitor_id, now())
        try:
            await self._rows.create(row)
            return row
        except ItemExists:
            # Another first visit was faster, or this was the driver repeating itself.
            return await self._add_to_row(snapshot.id, visitor_id)

    async def _add_to_row(self, snapshot_id: str, visitor_id: str) -> AccessLog:
        at = timestamp_text(now())
        visit = (Increment("visits"), Set("last_visited_at", at), Set("hidden", False))
        row = await self._rows.patch(snapshot_id, visitor_id, visit)
        if row.last_visited_at < row.first_visited_at:
            # Sent before another first visit made the row, and carried out after. Not the time of that one: a
            # visit that was later still may have been added meanwhile.
            last = [Set("last_visited_at", timestamp_text(max(now(), row.first_visited_at)))]
            row = await self._rows.patch(snapshot_id, visitor_id, last)
        return row

    async def _copy(self, row: AccessLog, copy: "_Copy") -> None:
        """Brings the visitor item to the row's values. One at a time for each, so that the newest stays."""
        async with copy.lock:
            state = (row.first_visited_at, row.visits, row.last_visited_at)
            if state > copy.state:
                copy.state = state
                await self._write_copy(Visitor.of(row))

    async def _write_copy(self, visitor: Visitor) -> None:
        item = visitor.to_item()
        values = [Set(name, item[name]) for name in ("visits", "first_visited_at", "last_visited_at")]
        for _ in range(2):
            try:
                await self._visitors.patch(visitor.id, visitor.snapshot_id, values)
                return
            except ItemNotFound:
                pass
            try:
                await self._visitors.create(visitor)
            except ItemExists:
                continue  # another visit of the same person was faster
            # Where the row was erased after the visit was added to it, nothing may be left that tells of it.
            if await self.find(visitor.visitor_id, visitor.snapshot_id) is None:
                await self._visitors.discard(visitor.id, visitor.snapshot_id)
            return

    def _is(self, path: str, value: bool) -> Filter:
        return self.filters.create(path, value, Operator.EQUAL)


class _Copy:
    """Where the copying of one row stands while anyone is at it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        # First visit, number of visits, last visit. The first is later if the row was erased and made again.
        self.state = (_NEVER, 0, _NEVER)
