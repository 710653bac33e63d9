"""What visits change in the store: first the visitor's access log entry, then the visitor item beside the
snapshot."""

from dataclasses import dataclass
from datetime import datetime

from persistence.documents import timestamp_text
from persistence.errors import EngineError, ItemNotFound, StoreUnavailable
from persistence.retry import Attempts
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Increment, Set

_ATTEMPTS_AT_END = 5


@dataclass(slots=True)
class Visits:
    """A number of visits of one person to one snapshot, with the times of the first and the last of them."""

    snapshot: Snapshot
    visitor_id: str
    first: datetime
    last: datetime
    number: int = 1

    def entry(self) -> AccessLog:
        """Returns the entry that they create if they are that person's first ones."""
        entry = AccessLog.first_visit(self.snapshot, self.visitor_id, self.first)
        return entry.model_copy(update={"visits": self.number, "last_visited_at": self.last})


class VisitCounter:
    """Counts visits. A visitor item takes over the entry's absolute values, so each visit repairs it.

    In one process, only one call at a time counts for one person and snapshot. If two processes count, the time of
    the last visit is that of the one that wrote last.
    """

    def __init__(self, shared: Shared) -> None:
        self._entries = DocumentSet(shared.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)
        self._background = shared.background

    async def count(self, visits: Visits) -> None:
        """Adds visits. Usually two patches. Tries ten times if the store is unavailable, and five times if the
        process ends.

        Raises what the last try raised, and CorruptItem or ValueError if the entry is damaged.
        """
        entry: AccessLog | None = None
        fault: EngineError | None = None
        async for attempt in Attempts():
            if attempt >= _ATTEMPTS_AT_END and self._background.is_draining:
                break
            try:
                if fault is not None and entry is None:
                    entry = await self._find_counted(visits)
                if entry is None:
                    entry = await self._add(visits)
                await self._copy(await self._in_order(entry))
                return
            except (StoreUnavailable, ItemNotFound) as exc:  # not found: erased between two calls
                fault = exc
        assert fault is not None, "the loop ends after a fault"
        raise fault

    async def _find_counted(self, visits: Visits) -> AccessLog | None:
        """Returns the entry if an earlier try has added these visits to it, and its response was lost."""
        try:
            entry = (await self._entries.read(visits.snapshot.id, visits.visitor_id)).document
        except ItemNotFound:
            return None
        return entry if entry.last_visited_at == visits.last else None

    async def _add(self, visits: Visits) -> AccessLog:
        try:
            return await self._add_to_entry(visits)
        except ItemNotFound:
            entry = visits.entry()
        if await self._entries.create_once(entry):
            return entry
        # Another process was faster, or the driver repeated its own create.
        return await self._add_to_entry(visits)

    async def _add_to_entry(self, visits: Visits) -> AccessLog:
        added = (
            Increment("visits", visits.number),
            Set("last_visited_at", timestamp_text(visits.last)),
            Set("hidden", False),
        )
        return await self._entries.patch(visits.snapshot.id, visits.visitor_id, added)

    async def _in_order(self, entry: AccessLog) -> AccessLog:
        """Returns the entry with its last visit not before its first one: another process has created it since
        these visits, for later ones."""
        if entry.last_visited_at >= entry.first_visited_at:
            return entry
        last = [Set("last_visited_at", timestamp_text(entry.first_visited_at))]
        return await self._entries.patch(entry.id, entry.visitor_id, last)

    async def _copy(self, entry: AccessLog) -> None:
        """Writes the entry's values to the visitor item."""
        visitor = Visitor.of(entry)
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
            # Another process has created it: patch that one.

    async def _discard_without_entry(self, visitor: Visitor) -> None:
        """Removes the visitor item if the entry was erased after the visit was added to it."""
        try:
            await self._entries.read(visitor.snapshot_id, visitor.visitor_id)
        except ItemNotFound:
            await self._visitors.discard(visitor.id, visitor.snapshot_id)
