"""Counting visits in the background: first in the visitor's access log entry, then in the visitor item beside
the snapshot."""

import asyncio
import logging
from datetime import UTC, datetime

from persistence.documents import now, timestamp_text
from persistence.errors import ItemNotFound, PersistenceError
from persistence.faults import named
from persistence.keyed import Keyed
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.storage.charge import metered
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Increment, Set

_log = logging.getLogger(__name__)

VISIT_TIMEOUT_SECONDS = 1.0
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Copying:
    """The newest state of one entry that was copied to its visitor item, while any visit is being counted."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        # First visit, number of visits, last visit. The first one is later if the entry was created again.
        self.state = (_NEVER, 0, _NEVER)


class VisitCounter:
    """Counts visits. A visitor item takes over the entry's absolute values, so each visit repairs it."""

    def __init__(self, shared: Shared) -> None:
        self._entries = DocumentSet(shared.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._background = shared.background
        self._copying = Keyed(_Copying)

    def start(self, snapshot: Snapshot, visitor_id: str) -> None:
        """Starts counting a visit. Usually two patches."""
        self._background.start(self._count(snapshot, visitor_id), about=(snapshot.id, visitor_id))

    async def settle(self, snapshot_id: str, visitor_id: str) -> None:
        """Waits for the visits that this process is counting for one person and snapshot."""
        await self._background.settle((snapshot_id, visitor_id))

    async def _count(self, snapshot: Snapshot, visitor_id: str) -> None:
        # Taken before the entry changes: a visit that ends late still sees the state that a newer one copied.
        copying = self._copying[snapshot.id, visitor_id]
        with metered() as charge:
            try:
                async with asyncio.timeout(VISIT_TIMEOUT_SECONDS):
                    await self._copy(await self._add_visit(snapshot, visitor_id), copying)
            except (PersistenceError, ValueError, TimeoutError) as exc:
                # ValueError: the entry is damaged, and no visit can be added to it.
                _log.warning("A visit was not counted, or only in part: %s", named(exc))
        _log.debug("A visit was counted for %.2f RU", charge.request_units)

    async def _add_visit(self, snapshot: Snapshot, visitor_id: str) -> AccessLog:
        try:
            return await self._add_to_entry(snapshot.id, visitor_id)
        except ItemNotFound:
            entry = AccessLog.first_visit(snapshot, visitor_id, now())
        if await self._entries.create_once(entry):
            return entry
        # Another first visit was faster, or the driver repeated its own create.
        return await self._add_to_entry(snapshot.id, visitor_id)

    async def _add_to_entry(self, snapshot_id: str, visitor_id: str) -> AccessLog:
        at = timestamp_text(now())
        visit = (Increment("visits"), Set("last_visited_at", at), Set("hidden", False))
        entry = await self._entries.patch(snapshot_id, visitor_id, visit)
        if entry.last_visited_at < entry.first_visited_at:
            # This patch was sent before another first visit created the entry, and applied after it. The time is
            # not that of the first visit: a still later visit may have been added meanwhile.
            last = [Set("last_visited_at", timestamp_text(max(now(), entry.first_visited_at)))]
            entry = await self._entries.patch(snapshot_id, visitor_id, last)
        return entry

    async def _copy(self, entry: AccessLog, copying: _Copying) -> None:
        """Writes the entry's values to the visitor item, if no newer values were written."""
        async with copying.lock:
            state = (entry.first_visited_at, entry.visits, entry.last_visited_at)
            if state > copying.state:
                copying.state = state
                await self._write(Visitor.of(entry))

    async def _write(self, visitor: Visitor) -> None:
        item = visitor.to_item()
        values = [Set(name, item[name]) for name in ("visits", "first_visited_at", "last_visited_at")]
        for _ in range(2):
            try:
                await self._visitors.patch(visitor.id, visitor.snapshot_id, values)
                return
            except ItemNotFound:
                pass
            if await self._visitors.create_once(visitor):
                await self._discard_without_entry(visitor)
                return
            # Another visit of the same person has created it: patch that one.

    async def _discard_without_entry(self, visitor: Visitor) -> None:
        """Removes the visitor item if the entry was erased after the visit was added to it."""
        try:
            await self._entries.read(visitor.snapshot_id, visitor.visitor_id)
        except ItemNotFound:
            await self._visitors.discard(visitor.id, visitor.snapshot_id)
