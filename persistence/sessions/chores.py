"""The work of timers and erasure on sessions: they remove deleted sessions, and contents that no head names."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import TypeVar

from persistence.documents import Document, now
from persistence.errors import CorruptItem, ItemNotFound
from persistence.kind import Counts, Erased
from persistence.sessions.contents import contents_of, session_of
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.sessions.late_lines import LateLines
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import BY_ID, Filter, Operator, Query
from persistence.timers.grace import is_settled
from persistence.timers.scan import Scan, TimerRules

D = TypeVar("D", bound=Document)


class SessionChores:
    """Steps of the timers, and the erasure of a person's sessions."""

    def __init__(self, engine: Engine, sessions: SessionStore, late_lines: LateLines, rules: TimerRules) -> None:
        self._engine, self._sessions, self._rules = engine, sessions, rules
        self._late_lines = late_lines
        self._scan = Scan(engine, rules.items_max)
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._contents = DocumentSet(engine, SESSIONS, SessionContent)

    async def empty_deleted(self, at: datetime, counts: Counts) -> None:
        """Removes the contents of deleted sessions."""

        async def empty(head: Item) -> None:
            await self._sweep(counts, head["owner_id"], head["id"], at)
            await self._scan.set_settled(SESSIONS, head)

        await self._scan.each_unsettled(counts, self._heads, at, self._rules.settle_grace, empty)

    async def sweep_saved(self, at: datetime, counts: Counts) -> None:
        """Removes contents that no head names: a save failed, or was interrupted while it pruned. Writes lines of
        activity that an interrupted save lacks.

        Looks only at sessions that have a content or a head written since the last run, and once at each. The scan
        of heads does not find a session that is saved again and again, and that of contents none that was renamed.
        """
        until = at - self._rules.settle_grace
        swept = set[tuple[str, str]]()  # both scans are bounded, so this is, too

        async def sweep(item: Item) -> None:
            session = (item["owner_id"], _session_of(item))
            if session in swept:
                return
            head = await self._sweep(counts, *session, at)
            if head is not None:
                await self._write_late_lines(counts, head, at)
            swept.add(session)

        # Each watermark has the name under which it was first stored.
        await self._scan.each_written(
            counts, self._contents, "saved_at", until, sweep, group=_session_of, watermark="saved_at"
        )
        path = "metadata.updated_at"
        await self._scan.each_written(counts, self._heads, path, until, sweep, group=_session_of, watermark=path)

    async def forget_tombstones(self, at: datetime, counts: Counts) -> None:
        """Removes the tombstones of sessions after the retention."""
        await self._scan.forget_tombstones(counts, self._heads, await self._rules.tombstones_until(at))

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Removes each session with its contents, then contents that have no head."""
        async for page in self._pages(self._heads, owner_id):
            for item in page:
                yield Erased(await self._sessions.erase(owner_id, item["id"]), ("sessions",))
        # The head of a younger content may still be on its way. The timer removes it if not.
        async for page in self._pages(self._contents, owner_id):
            for item in page:
                if await self._discard_headless(owner_id, item["id"]):
                    yield Erased()

    async def _discard_headless(self, owner_id: str, content_id: str) -> bool:
        """Returns True if it removed the content: no head, and old enough or damaged."""
        try:
            await self._engine.read(SESSIONS, session_of(content_id), owner_id)
        except ItemNotFound:
            if not await self._may_get_a_head(owner_id, content_id):
                await self._contents.discard(content_id, owner_id)
                return True
        return False

    async def _may_get_a_head(self, owner_id: str, content_id: str) -> bool:
        try:
            content = (await self._contents.read(content_id, owner_id)).document
        except (CorruptItem, ItemNotFound):
            return False
        return not self._is_settled(content.saved_at, now())

    async def _sweep(self, counts: Counts, owner_id: str, session_id: str, at: datetime) -> SessionHead | None:
        """Removes contents of one session that its head does not name, if they are settled. Returns the head. None
        if there is none, or a tombstone that is not settled."""

        async def remove(item: Item) -> None:
            if self._is_settled(self._contents.load(item).saved_at, at):
                await self._contents.discard(item["id"], owner_id)
                counts.add("contents_removed")

        # Without those that are named now, because a query costs what the items that it finds weigh.
        before = await self._find_head(owner_id, session_id)
        named = () if before is None else sorted(before.content_ids)
        filters = (*contents_of(session_id), *(Filter("id", Operator.NOT_EQUAL, id) for id in named))
        kind, fields = self._contents.kind, self._contents.fields
        pages = self._scan.pages(SESSIONS, kind, owner_id, filters, BY_ID, fields)
        found = [item async for page in pages for item in page]
        # The contents first, then the head: a content written between the two reads is not in the list.
        head = await self._find_head(owner_id, session_id) if found else before
        if head is not None and head.unsettled_at is not None and not self._is_settled(head.unsettled_at, at):
            return None  # deleted within the grace: a later run empties it
        counts.add("sessions_swept")
        unnamed = [item for item in found if head is None or item["id"] not in head.content_ids]
        await self._scan.each(counts, unnamed, remove, concurrency=1)
        return head

    async def _write_late_lines(self, counts: Counts, head: SessionHead, at: datetime) -> None:
        late = await self._late_lines.write(head, at, self._rules.settle_grace)
        for _ in range(late.written):
            counts.add("lines_written")
        if late.without_room:
            counts.add("skipped")

    def _is_settled(self, time: datetime, at: datetime) -> bool:
        return is_settled(time, at, self._rules.settle_grace)

    async def _find_head(self, owner_id: str, session_id: str) -> SessionHead | None:
        try:
            return (await self._heads.read(session_id, owner_id)).document
        except ItemNotFound:
            return None

    def _pages(self, documents: DocumentSet[D], owner_id: str) -> AsyncIterator[list[Item]]:
        return pages_of(self._engine, SESSIONS, Query(documents.kind, owner_id, ("id",)))


def _session_of(item: Item) -> str:
    return session_of(str(item["id"]))
