"""Heads of sessions, and the one loop through which every change of one goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Collection as SetOf
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from persistence.documents import Revision, SessionHead, SessionStatus, SessionSummary, is_id
from persistence.errors import Changed, Contended, Gone, ItemChanged, ItemNotFound, NotFound
from persistence.keyed import Keyed
from persistence.retry import Attempts
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import Engine, Item

S = TypeVar("S", bound=SessionSummary)

_CLAIM_REREADS = 3
NO_CONTENTS: Mapping[str, Item] = MappingProxyType({})

Edit = Callable[[SessionHead], Awaitable[SessionHead]]
"""The head that is to follow a head; the same one where nothing is to change. Raises what forbids it."""

Check = Callable[[SessionHead], None]
"""Raises what forbids the edit of a head whichever ETag the caller has: that goes before stale ETags."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The stored heads `before` and `after` an edit, the same one where nothing was written. `repeated` is the
    revision that an earlier try of the attempt had made."""

    before: SessionHead
    after: SessionHead
    repeated: Revision | None = None

    @property
    def head(self) -> SessionHead:
        """What the attempt made. Not the head as it is now, where others have saved since: the caller would
        take the ETag of their saves for its own, and overwrite with it what it has never seen."""
        return self.after if self.repeated is None else self.after.as_of(self.repeated)


class SessionHeads:
    """Reads heads, and replaces them under their etags."""

    def __init__(self, engine: Engine) -> None:
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._summaries = DocumentSet(engine, SESSIONS, SessionSummary)
        self._locks = Keyed(asyncio.Lock)

    async def read(self, owner_id: str, session_id: str) -> Versioned[SessionHead]:
        """The head, a tombstone too. Raises NotFound and CorruptItem. One point read."""
        return await _read(self._heads, owner_id, session_id)

    async def get(self, owner_id: str, session_id: str) -> Versioned[SessionHead]:
        """As `read`, but a tombstone raises Gone."""
        found = await self.read(owner_id, session_id)
        if found.document.status is SessionStatus.DELETED:
            raise Gone("session", session_id)
        return found

    async def get_summary(self, owner_id: str, session_id: str) -> SessionSummary:
        """What a list shows of it; the history, most of a head, is not looked at. Raises and costs as `get`."""
        summary = (await _read(self._summaries, owner_id, session_id)).document
        if summary.status is SessionStatus.DELETED:
            raise Gone("session", session_id)
        return summary

    async def discard(self, owner_id: str, session_id: str) -> None:
        """Takes a tombstone away, or what cannot be read; the id can be used again from then on."""
        await self._heads.discard(session_id, owner_id)

    async def try_replace(self, head: SessionHead, etag: str, new: Item | None = None) -> bool:
        """One attempt, with the content item that the head is the first to name; False where someone else was
        faster. Raises NotFound where it was erased meanwhile."""
        try:
            if new is None:
                await self._heads.replace(head, etag)
            else:
                await self._heads.create_then_replace(new, head, etag)
            return True
        except ItemChanged:
            return False
        except ItemNotFound:
            raise NotFound("session", head.id) from None

    async def commit(
        self,
        owner_id: str,
        session_id: str,
        edit: Edit,
        save_id: str,
        if_match: SetOf[str] | None,
        check: Check | None = None,
        contents: Mapping[str, Item] = NO_CONTENTS,
    ) -> Committed:
        """What came of an edit; nothing is written where the attempt `save_id` had landed before. `contents` are
        the items that edits have made, by id: the one that a head is the first to name is created with it.

        Writes are never stale, whatever reads are: a read that shows less than what is known is read again.
        What an edit leaves as it is, is not written, and so as true as the read: with an account whose
        consistency is weaker than Strong it may have been changed back meanwhile.
        Raises what `check` and `edit` raise, Changed where `if_match` names other ETags, Gone, NotFound, and
        Contended after ten attempts.
        """
        lost: set[str] = set()
        claimed_version = max([version_of(tag) for tag in if_match or ()], default=0)
        seen_version = 0
        async with self._locks[owner_id, session_id]:
            async for attempt in Attempts():
                claimed = claimed_version > 0 and attempt < _CLAIM_REREADS
                current = await self._find_fresh(owner_id, session_id, lost, claimed)
                if current is None:
                    continue
                head = current.document
                if (ours := head.revision_by(save_id)) is not None:
                    return Committed(head, head, ours)
                version = head.metadata.version
                if version < seen_version or (claimed and version < claimed_version):
                    continue  # older than what we have read before, or than what the caller has
                if head.status is SessionStatus.DELETED:
                    raise Gone("session", session_id)
                if check is not None:
                    check(head)
                if if_match is not None and head.metadata.etag not in if_match:
                    raise Changed("session", session_id, head)
                seen_version = version
                new_head = await edit(head)
                if new_head is head:
                    return Committed(head, head)
                content_id = new_head.content_id or ""
                new = None if content_id in head.content_ids else contents.get(content_id)
                if await self.try_replace(new_head, current.etag, new):
                    return Committed(head, new_head)
                lost.add(current.etag)
        raise Contended("session", session_id)

    async def _find_fresh(
        self, owner_id: str, session_id: str, lost: set[str], claimed: bool
    ) -> Versioned[SessionHead] | None:
        """The head, or None where the read is older than the replace that just failed, or finds nothing where
        the caller claims to have read something."""
        try:
            current = await self.read(owner_id, session_id)
        except NotFound:
            if is_id(session_id) and (lost or claimed):
                return None
            raise
        return None if current.etag in lost else current


async def _read(collection: DocumentSet[S], owner_id: str, session_id: str) -> Versioned[S]:
    if not is_id(session_id):
        raise NotFound("session", session_id)
    try:
        return await collection.read(session_id, owner_id)
    except ItemNotFound:
        raise NotFound("session", session_id) from None


def version_of(etag: str) -> int:
    """The version that one of our own ETags names, 0 for any other text."""
    number, dash, _ = etag.strip('"').partition("-")
    return int(number) if dash and number.isascii() and number.isdigit() and len(number) < 16 else 0
