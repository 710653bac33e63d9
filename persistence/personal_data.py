"""Everything that is one person's: to take along, and to delete."""

from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from persistence.collection import Collection
from persistence.documents import Revision, SessionHead
from persistence.engines.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.engines.engine import Engine, Item
from persistence.errors import CorruptItem, Gone, InvalidCursor, ItemNotFound, NotFound
from persistence.query import BY_ID, Query
from persistence.session_store import SessionStore
from persistence.snapshot_documents import AccessLog, Snapshot, Visitor, visitor_item_id
from persistence.snapshot_store import SnapshotStore

EXPORT_BYTES = 8_000_000
"""After so many bytes of content an export stops, to be continued by its cursor."""

ERASE_ITEMS = 1_000
"""After so many items an erasure stops, to be continued by the same call."""

_SESSIONS, _ROWS = "sessions", "rows"
_KINDS_IN_SESSIONS = ("session", "content", "idempotency")


@dataclass(frozen=True, slots=True)
class Exported:
    """One thing that is a person's: a revision of a session, a snapshot or a row, and the content of it."""

    document: SessionHead | Snapshot | AccessLog
    revision: Revision | None = None
    content: bytes | None = None


@dataclass(slots=True)
class Export:
    """Some of what is a person's; `cursor` asks for what follows, None where nothing does."""

    items: list[Exported]
    cursor: str | None = None
    size: int = 0

    def add(self, exported: Exported) -> None:
        """Puts one thing in."""
        self.items.append(exported)
        self.size += len(exported.content or b"")


class Erased(BaseModel):
    """How far an erasure has come: what this call removed, and whether anything is left."""

    model_config = ConfigDict(defer_build=True)

    sessions: int = 0
    snapshots: int = 0
    rows: int = 0
    done: bool = False

    @property
    def items(self) -> int:
        """Everything that this call removed."""
        return self.sessions + self.snapshots + self.rows


class PersonalData:
    """Over all containers, in the person's own partitions and those of their snapshots."""

    def __init__(self, engine: Engine, sessions: SessionStore, snapshots: SnapshotStore) -> None:
        self._engine, self._sessions, self._snapshots = engine, sessions, snapshots
        self._heads = Collection(engine, SESSIONS, SessionHead)
        self._rows = Collection(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
        self._visitors = Collection(engine, SNAPSHOTS, Visitor)

    async def export(self, owner_id: str, cursor: str | None) -> Export:
        """What is theirs, from a cursor on: sessions with every revision that is kept, then visits, and with
        them their own snapshots. What cannot be read is left out. Raises InvalidCursor. A query for each
        document, and the reading of its contents."""
        phase, _, position = (cursor or f"{_SESSIONS}:").partition(":")
        if phase not in (_SESSIONS, _ROWS):
            raise InvalidCursor
        export = Export([])
        if phase == _SESSIONS:
            position = await self._export_sessions(owner_id, position, export)
            if position or export.size >= EXPORT_BYTES:
                export.cursor = f"{_SESSIONS}:{position}" if position else f"{_ROWS}:"
                return export
        position = await self._export_rows(owner_id, position, export)
        export.cursor = f"{_ROWS}:{position}" if position else None
        return export

    async def _export_sessions(self, owner_id: str, position: str, export: Export) -> str:
        """Where to continue; empty at the end."""
        while True:
            page = await self._heads.page(owner_id, (), BY_ID, 1, position or None)
            for head in page.items:
                for revision in head.revisions:
                    await self._export_revision(owner_id, head, revision, export)
            if not (position := page.cursor or "") or export.size >= EXPORT_BYTES:
                return position

    async def _export_revision(self, owner_id: str, head: SessionHead, revision: Revision, export: Export) -> None:
        if revision.content_id is None:
            export.add(Exported(head, revision))
            return
        # Pruned, deleted or damaged: then there is nothing to take along.
        with suppress(NotFound, Gone, CorruptItem):
            _, content = await self._sessions.revision(owner_id, head.id, revision.version)
            export.add(Exported(head, revision, content))

    async def _export_rows(self, owner_id: str, position: str, export: Export) -> str:
        """Where to continue; empty at the end."""
        while True:
            page = await self._rows.page(owner_id, (), BY_ID, 1, position or None)
            for row in page.items:
                export.add(Exported(row))
                if row.owner_id == owner_id and not row.snapshot_deleted:
                    with suppress(NotFound, Gone, CorruptItem):
                        snapshot, content = await self._snapshots.read_own(owner_id, row.snapshot_id)
                        export.add(Exported(snapshot, content=content))
            if not (position := page.cursor or "") or export.size >= EXPORT_BYTES:
                return position

    async def erase(self, owner_id: str) -> Erased:
        """Deletes everything that is theirs: sessions and contents at once, snapshots as by `delete` (so that
        visitors' rows are marked), their rows, and what others' snapshots keep of their visits. Bounded: to be
        called again until `done`; harmless to repeat."""
        erased = Erased()
        for kind in _KINDS_IN_SESSIONS:
            while erased.items < ERASE_ITEMS:
                items = await self._some(kind, owner_id)
                for item in items:
                    await self._discard(item["id"], owner_id)
                    erased.sessions += 1
                if not items:
                    break
        while erased.items < ERASE_ITEMS:
            page = await self._engine.query(
                SNAPSHOT_ACCESS_LOGS, Query("access_log", owner_id, ("id", "owner_id", "snapshot_deleted"))
            )
            for row in page.items:
                await self._erase_row(owner_id, row, erased)
            if not page.items:
                erased.done = True
                break
        return erased

    async def _erase_row(self, owner_id: str, row: Item, erased: Erased) -> None:
        snapshot_id = row["id"]
        if row.get("owner_id") == owner_id and not row.get("snapshot_deleted"):
            # Not found where its create was interrupted.
            with suppress(NotFound):
                try:
                    await self._snapshots.delete(owner_id, snapshot_id)
                except CorruptItem:
                    # Too damaged for a tombstone; its visitors' rows will say no more than that it is gone.
                    await self._engine.delete(SNAPSHOTS, snapshot_id, snapshot_id)
                erased.snapshots += 1
        await self._visitors.discard(visitor_item_id(owner_id), snapshot_id)
        await self._rows.discard(snapshot_id, owner_id)
        erased.rows += 1

    async def _some(self, kind: str, owner_id: str) -> list[Item]:
        return (await self._engine.query(SESSIONS, Query(kind, owner_id, ("id",)))).items

    async def _discard(self, id: str, owner_id: str) -> None:
        with suppress(ItemNotFound):
            await self._engine.delete(SESSIONS, id, owner_id)
