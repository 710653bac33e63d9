"""The lines of a session in the export: its metadata, then every revision of its history."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from persistence.errors import CorruptItem, InvalidCursor, ItemNotFound, NotFound
from persistence.kind import Exported, damaged
from persistence.sessions.documents import SessionHead
from persistence.sessions.revisions import Revision
from persistence.sessions.store import SessionStore
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Item

_MARK_MAX_DIGITS = 18


class SessionExport:
    """Marks are versions: the line of that version was the last one."""

    def __init__(self, sessions: SessionStore, heads: DocumentSet[SessionHead]) -> None:
        self._sessions, self._heads = sessions, heads

    def lines(self, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
        """Yields the session and its revisions, newest first. One read for each content.

        A content comes only with the newest revision that has it. If the newest content is gone, because the
        session was saved since it was listed, the session is read once more.
        """
        return self._lines(owner_id, item, mark, may_repeat=True)

    async def _lines(
        self, owner_id: str, item: Item, mark: str, *, may_repeat: bool
    ) -> AsyncGenerator[Exported, None]:
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
                    if revision is not head.revisions[0]:
                        continue  # an old revision that was pruned since
                    # The session was saved since, and has another newest content. Otherwise this one is lost.
                    if may_repeat and (newer := await self._find_newer(head)) is not None:
                        async for line in self._lines(owner_id, newer, "", may_repeat=False):
                            yield line
                        return
                    unreadable = True
                except CorruptItem:
                    unreadable = True
            yield _line(head.id, revision, content, unreadable=unreadable)

    async def of(self, owner_id: str, session_id: str, cursor: str | None) -> AsyncGenerator[Exported, None]:
        """Yields the lines of one session, or those after `cursor`: the mark of a line.

        Raises as `SessionStore.get_head`, and InvalidCursor. One read, and one for each content.
        """
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MARK_MAX_DIGITS):
            raise InvalidCursor
        head = await self._sessions.get_head(owner_id, session_id)
        async with aclosing(self.lines(owner_id, head.to_item(), cursor or "")) as lines:
            async for line in lines:
                yield line

    async def _find_newer(self, head: SessionHead) -> Item | None:
        """Returns the stored head if it has another content by now, also if it is in the trash."""
        try:
            newer = (await self._heads.read(head.id, head.owner_id)).document
        except (ItemNotFound, CorruptItem):
            return None
        return None if newer.content_id == head.content_id else newer.to_item()


def _line(session_id: str, revision: Revision, content: bytes | None, *, unreadable: bool) -> Exported:
    fields = {"session_id": session_id, "revision": revision}
    return Exported("revision", fields, str(revision.version), content, unreadable)
