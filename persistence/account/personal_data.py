"""Everything that is one person's: to take along, and to delete."""

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict

from persistence.documents import Document, now
from persistence.errors import CorruptItem, Forbidden, Gone, InvalidCursor, ItemNotFound, NotFound
from persistence.idempotency import IdempotencyRecord
from persistence.sessions.contents import session_of
from persistence.sessions.documents import Revision, SessionContent, SessionHead
from persistence.sessions.store import SessionStore
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog, Snapshot
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, Container
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Query

D = TypeVar("D", bound=Document)

ERASE_ITEMS = 1_000
"""After so many items an erasure stops, to be continued by the same call."""

_SESSIONS, _ROWS = "sessions", "rows"
_PAGE_SIZE = 20
_SNAPSHOT = "snapshot"
_CURSOR = re.compile(r"(\w+):(sessions|rows):([\w-]*):([\w-]*):([0-9]{0,18}|snapshot)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exported:
    """One thing that is a person's: a session or one of its revisions, a snapshot or a row, and the content of it.
    `document` is None where it cannot be read, `unreadable` where that or its content cannot. An export goes on
    behind it from `cursor`."""

    id: str
    cursor: str
    document: SessionHead | Snapshot | AccessLog | None
    revision: Revision | None = None
    content: bytes | None = None
    unreadable: bool = False


class Erased(BaseModel):
    """How far an erasure has come: what this call removed, and whether all is done."""

    model_config = ConfigDict(defer_build=True)

    sessions: int = 0
    snapshots: int = 0
    rows: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an export stands: whose it is (a digest), in which phase, behind which page of it, and how far into
    the item that comes next, if that is still the one of `id`."""

    owner: str
    phase: str = _SESSIONS
    page: str = ""
    id: str = ""
    mark: str = ""

    @classmethod
    def parse(cls, cursor: str | None, owner_id: str) -> Self:
        """Raises InvalidCursor."""
        first = cls(hashlib.sha256(owner_id.encode()).hexdigest()[:16])
        if cursor is None:
            return first
        match = _CURSOR.fullmatch(cursor)
        place = first if match is None else cls(*match.groups())
        if match is None or place.owner != first.owner or (place.phase, place.mark) == (_SESSIONS, _SNAPSHOT):
            raise InvalidCursor
        return place

    def __str__(self) -> str:
        return f"{self.owner}:{self.phase}:{self.page}:{self.id}:{self.mark}"


class PersonalData:
    """Over all containers, in the person's own partitions and those of their snapshots."""

    def __init__(
        self,
        engine: Engine,
        sessions: SessionStore,
        snapshots: SnapshotStore,
        access_logs: AccessLogStore,
        settle_grace: timedelta,
    ) -> None:
        self._engine, self._settle_grace = engine, settle_grace
        self._sessions, self._snapshots, self._access_logs = sessions, snapshots, access_logs
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._contents = DocumentSet(engine, SESSIONS, SessionContent)
        self._reservations = DocumentSet(engine, SESSIONS, IdempotencyRecord)
        self._rows = DocumentSet(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)

    async def export(self, owner_id: str, cursor: str | None) -> AsyncGenerator[Exported, None]:
        """What is theirs, from a cursor on: each session, followed by every revision that is kept, then visits,
        and behind those to their own snapshots these. A content stands with the newest revision that has it.
        Raises InvalidCursor. A query for each 20 documents, and a read for each content."""
        place = _Place.parse(cursor, owner_id)
        if place.phase == _SESSIONS:
            async for item, at in self._items(SESSIONS, self._heads.kind, owner_id, place):
                async for exported in self._export_session(owner_id, item, at):
                    yield exported
            place = _Place(place.owner, _ROWS)
        async for item, at in self._items(SNAPSHOT_ACCESS_LOGS, self._rows.kind, owner_id, place):
            async for exported in self._export_row(owner_id, item, at):
                yield exported

    async def _items(
        self, container: Container, kind: str, owner_id: str, place: _Place
    ) -> AsyncIterator[tuple[Item, _Place]]:
        """Each item of a kind, by id, and its place."""
        model = SessionHead if container is SESSIONS else AccessLog
        fields = tuple(field.alias or name for name, field in model.model_fields.items())
        query = Query(kind, owner_id, fields, page_size=_PAGE_SIZE, cursor=place.page or None)
        while True:
            page = await self._engine.query(container, query)
            for item in page.items:
                yield item, place if place.id == item["id"] else replace(place, id=item["id"], mark="")
                place = _Place(place.owner, place.phase, query.cursor_after(item))
            if page.cursor is None:
                return
            query = replace(query, cursor=page.cursor)

    async def _export_session(self, owner_id: str, item: Item, at: _Place) -> AsyncIterator[Exported]:
        try:
            head = self._heads.load(item)
        except CorruptItem:
            if not at.mark:
                yield Exported(at.id, str(replace(at, mark="0")), None, unreadable=True)
            return
        if not at.mark:
            yield Exported(at.id, str(replace(at, mark=str(head.metadata.version + 1))), head)
        before = int(at.mark) if at.mark else head.metadata.version + 1
        shown: set[str] = set()
        for revision in head.revisions:
            if revision.version >= before:
                continue
            exported = Exported(at.id, str(replace(at, mark=str(revision.version))), head, revision)
            if revision.content_id is not None and revision.content_id not in shown:
                shown.add(revision.content_id)
                try:
                    exported = replace(exported, content=await self._sessions.content_of(owner_id, revision))
                except NotFound:
                    # Saved since, so that there is another newest content; an older one is there no more.
                    if revision is head.revisions[0]:
                        async for each in self._export_anew(owner_id, at):
                            yield each
                        return
                    continue
                except CorruptItem:
                    exported = replace(exported, unreadable=True)
            yield exported

    async def _export_anew(self, owner_id: str, at: _Place) -> AsyncIterator[Exported]:
        """A session that was changed while it was exported, as it is now."""
        with suppress(NotFound, Gone, CorruptItem):
            head = await self._sessions.get_head(owner_id, at.id)
            async for exported in self._export_session(owner_id, head.to_item(), replace(at, mark="")):
                yield exported

    async def _export_row(self, owner_id: str, item: Item, at: _Place) -> AsyncIterator[Exported]:
        try:
            row = self._rows.load(item)
        except CorruptItem:
            if not at.mark:
                yield Exported(at.id, str(replace(at, mark="0")), None, unreadable=True)
            return
        if not at.mark:
            yield Exported(at.id, str(replace(at, mark=_SNAPSHOT)), row)
        if row.owner_id != owner_id or row.snapshot_deleted or at.mark.isdigit():
            return
        behind = str(replace(at, mark="0"))
        try:
            snapshot, content = await self._snapshots.read_own(owner_id, at.id)
            yield Exported(at.id, behind, snapshot, content=content)
        except (NotFound, Gone):
            pass  # its create was interrupted, or it has been deleted or has expired since
        except CorruptItem:
            yield Exported(at.id, behind, None, unreadable=True)

    async def erase(self, owner_id: str) -> Erased:
        """Deletes everything that is theirs: sessions with their contents at once, snapshots as by `delete` (so
        that visitors' rows are marked), their rows, and what others' snapshots keep of their visits. What is
        made meanwhile goes or stays as a whole. Bounded: to be called again until `done`; harmless to repeat."""
        erased, items = Erased(), 0
        async for ids in self._pages(self._heads, owner_id):
            for item in ids:
                items += await self._sessions.erase(owner_id, item["id"])
                erased.sessions += 1
                if items >= ERASE_ITEMS:
                    return erased
        await self._erase_headless(owner_id)
        async for ids in self._pages(self._reservations, owner_id):
            for item in ids:
                await self._reservations.discard(item["id"], owner_id)
                items += 1
            if items >= ERASE_ITEMS:
                return erased
        async for rows in self._pages(self._rows, owner_id):
            for row in rows:
                await self._erase_row(owner_id, row, erased)
                items += 1
                if items >= ERASE_ITEMS:
                    return erased
        erased.done = True
        return erased

    async def _erase_headless(self, owner_id: str) -> None:
        """Contents without a session, which something left that was interrupted. Younger ones are the timer's: the
        head may be on its way."""
        until = now() - self._settle_grace
        async for contents in self._pages(self._contents, owner_id):
            for item in contents:
                try:
                    await self._engine.read(SESSIONS, session_of(item["id"]), owner_id)
                except ItemNotFound:
                    with suppress(CorruptItem, ItemNotFound):
                        if (await self._contents.read(item["id"], owner_id)).document.saved_at <= until:
                            await self._contents.discard(item["id"], owner_id)

    async def _erase_row(self, owner_id: str, row: Item, erased: Erased) -> None:
        snapshot_id = row["id"]
        is_anothers = isinstance(row.get("owner_id"), str) and row["owner_id"] != owner_id
        is_live = not is_anothers and row.get("snapshot_deleted") is not True
        was_deleted = is_live and await self._delete_snapshot(owner_id, snapshot_id)
        await self._access_logs.erase(owner_id, snapshot_id)
        if is_live and not was_deleted and await self._delete_snapshot(owner_id, snapshot_id):
            # Its create was under way, and listed in the row before that went; from here on it finds no row.
            await self._access_logs.erase(owner_id, snapshot_id)
            was_deleted = True
        erased.snapshots += was_deleted
        erased.rows += 1

    async def _delete_snapshot(self, owner_id: str, snapshot_id: str) -> bool:
        """Whether there was one of theirs: none where its create was interrupted, or is not there yet; another's
        where the row is damaged."""
        with suppress(NotFound, Forbidden, ItemNotFound):
            try:
                await self._snapshots.delete(owner_id, snapshot_id)
            except CorruptItem:
                await self._snapshots.replace_damaged(owner_id, snapshot_id)
            return True
        return False

    def _pages(self, documents: DocumentSet[D], owner_id: str) -> AsyncIterator[list[Item]]:
        query = Query(documents.kind, owner_id, ("id", "owner_id", "snapshot_deleted"))
        return pages_of(self._engine, documents.container, query)
