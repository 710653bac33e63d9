"""The lines of a session in the export: its metadata, then every revision of its history."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from persistence.errors import CorruptItem, ItemNotFound, NotFound
from persistence.kind import Exported, damaged
from persistence.sessions.documents import SessionHead
from persistence.sessions.revisions import Revision
from persistence.sessions.store import SessionStore
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Item


class SessionExport:
    """Marks are versions: the line of that version was the last one."""

    def __init__(self, sessions: SessionStore, heads: DocumentSet[SessionHead]) -> None:
        self._sessions, self._heads = sessions, heads

    async def lines(self, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
        """Yields the session and its revisions, newest first. One read for each content.

        A content comes only with the newest revision that has it.
        """
        try:
            head = self._heads.load(item)
        except CorruptItem:
            if not mark:
                yield damaged(item["id"])
            return
        before = int(mark) if mark else head.metadata.version + 1
        if not mark:
            yield Exported("session", {"metadata": head}, str(before))
        shown = set[str | None]()
        for revision in head.revisions:
            if revision.version >= before:
                shown.add(revision.content_id)
                continue
            content, unreadable = None, False
            if revision.content_id not in shown | {None}:
                shown.add(revision.content_id)
                try:
                    content = await self._sessions.content_of(owner_id, revision)
                except NotFound:
                    if revision is head.revisions[0]:
                        # The session was saved since, and has another newest content.
                        async for line in self._lines_as_it_is(owner_id, head.id):
                            yield line
                        return
                    continue  # an old revision that was pruned since
                except CorruptItem:
                    unreadable = True
            yield _line(head.id, revision, content, unreadable=unreadable)

    async def _lines_as_it_is(self, owner_id: str, session_id: str) -> AsyncGenerator[Exported, None]:
        with suppress(ItemNotFound, CorruptItem):
            # Also if it was moved to the trash since.
            head = (await self._heads.read(session_id, owner_id)).document
            async for line in self.lines(owner_id, head.to_item(), ""):
                yield line


def _line(session_id: str, revision: Revision, content: bytes | None, *, unreadable: bool) -> Exported:
    fields = {"session_id": session_id, "revision": revision}
    return Exported("revision", fields, str(revision.version), content, unreadable)
