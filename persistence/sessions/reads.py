"""Reading sessions: heads alone, or with the contents that they name."""

import logging
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from persistence.content import Verified
from persistence.documents import now
from persistence.errors import Contended, CorruptItem, ItemNotFound, NotFound, PersistenceError
from persistence.faults import named
from persistence.retry import Attempts
from persistence.sessions.content_cache import ContentCache
from persistence.sessions.contents import SessionContents
from persistence.sessions.documents import SessionHead, SessionStatus, SessionSummary
from persistence.sessions.heads import SessionHeads
from persistence.sessions.history import find_revision
from persistence.sessions.revisions import Revision
from persistence.sessions.rules import SessionRules
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Page, Sort

_log = logging.getLogger(__name__)

_CONTENT_READS = 4
_RECENTLY_UPDATED = Sort("metadata.updated_at", descending=True)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A head and the content that it names. `verified` is None if the caller already has that content."""

    head: SessionHead
    verified: Verified | None

    @property
    def content(self) -> bytes | None:
        """The content as UTF-8, or None."""
        return None if self.verified is None else self.verified.text


class SessionReads:
    """Reads one owner's sessions. A session of another owner raises NotFound.

    An access is recorded at most once in `touch_interval`. It makes no version and no new ETag.
    """

    def __init__(self, shared: Shared, rules: SessionRules) -> None:
        self._rules, self._switch = rules, shared.switch
        self._heads = SessionHeads(shared.engine, rules.trash_retention)
        self._contents = SessionContents(shared.engine, shared.background, ContentCache(rules.cached_bytes))
        self._summaries = DocumentSet(shared.engine, SESSIONS, SessionSummary)
        self.filters = FilterFactory(SessionHead)

    @property
    def rules(self) -> SessionRules:
        """The settings of sessions."""
        return self._rules

    async def get(
        self, owner_id: str, session_id: str, if_none_match: Set[str] = frozenset(), *, touch: bool = True
    ) -> OpenedSession:
        """Returns a session with its content, or without it if its ETag is one of `if_none_match`. Counts as an
        access if `touch`. Raises NotFound, Gone and CorruptItem. Two point reads, or one if the content is in the
        cache."""
        missing: list[str | None] = []
        async for _ in Attempts():
            found = await self._heads.get(owner_id, session_id)
            if found.document.metadata.etag in if_none_match:
                return OpenedSession(await self._touched(found) if touch else found.document, None)
            try:
                verified = await self._read_content(found.document)
            except ItemNotFound:
                # A save has pruned it between the two reads: then the head has moved on. Or this replica does not
                # show it yet.
                missing.append(found.document.content_id)
                if missing.count(missing[-1]) == _CONTENT_READS:
                    raise CorruptItem("session", session_id) from None
                continue
            return OpenedSession(await self._touched(found) if touch else found.document, verified)
        raise Contended("session", session_id)

    async def open(self, head: SessionHead) -> OpenedSession:
        """Returns a head that was just committed, with its content. At most one point read."""
        with suppress(ItemNotFound):
            if head.content_id is not None:
                return OpenedSession(head, await self._read_content(head))
        # So many saves came after it that its content is already pruned.
        return await self.get(head.owner_id, head.id)

    async def get_head(self, owner_id: str, session_id: str) -> SessionHead:
        """Returns everything but the content. Raises NotFound, Gone and CorruptItem. One point read."""
        return (await self._heads.get(owner_id, session_id)).document

    async def find_head(self, owner_id: str, session_id: str) -> SessionHead | None:
        """As `get_head` for every status, also in the trash or a tombstone. None if there is none."""
        with suppress(NotFound):
            return (await self._heads.read(owner_id, session_id)).document
        return None

    async def get_summary(self, owner_id: str, session_id: str) -> SessionSummary:
        """As `get_head` without the history, which costs most of the parsing. For polls."""
        return await self._heads.get_summary(owner_id, session_id)

    def purges_at(self, trashed: SessionSummary) -> datetime:
        """Returns when the timer purges a session in the trash."""
        return self._heads.purges_at(trashed)

    async def touch(self, owner_id: str, session_id: str) -> SessionSummary:
        """As `get_summary`, and records an access, at most once in `touch_interval`."""
        summary = await self._heads.get_summary(owner_id, session_id)
        if self._was_just_accessed(summary):
            return summary
        return await self._touched(await self._heads.get(owner_id, session_id))

    async def page(
        self,
        owner_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _RECENTLY_UPDATED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """Returns a page of sessions: active and closed ones if no filter names a status. One query in one
        partition, over heads alone. Raises InvalidField and InvalidCursor."""
        if not any(one.path == "status" for one in filters):
            shown = (SessionStatus.ACTIVE, SessionStatus.CLOSED)
            filters = (*filters, self.filters.create("status", shown, Operator.IN))
        return await self._summaries.page(owner_id, filters, sort, page_size, cursor)

    async def revision(self, owner_id: str, session_id: str, version: int) -> tuple[SessionHead, Revision, bytes]:
        """Returns a head, a revision in its history, and the content of that. Raises NotFound if the version is
        not in the history. Two point reads."""
        head = await self.get_head(owner_id, session_id)
        revision = find_revision(head, version)
        return head, revision, await self.content_of(owner_id, revision)

    async def content_of(self, owner_id: str, revision: Revision) -> bytes:
        """Returns the content that a revision names. Raises NotFound if it was pruned since, and CorruptItem. One
        point read."""
        return (await self.verified_content_of(owner_id, revision)).text

    async def verified_content_of(self, owner_id: str, revision: Revision) -> Verified:
        """As `content_of`, also packed."""
        assert revision.content_id is not None, "only tombstones have revisions without content"
        try:
            return await self._contents.read(
                owner_id, revision.content_id, revision.content_hash, revision.content_bytes, cached=False
            )
        except ItemNotFound:
            raise NotFound("revision", str(revision.version)) from None

    async def _read_content(self, head: SessionHead) -> Verified:
        assert head.content_id is not None, "only tombstones have none, and reading those raises Gone"
        metadata = head.metadata
        return await self._contents.read(
            head.owner_id, head.content_id, metadata.content_hash, metadata.content_bytes
        )

    async def _touched(self, found: Versioned[SessionHead]) -> SessionHead:
        """Records an access if the last one is long ago, but not in read-only mode. Never fails the request that
        it is part of. A lost race needs no retry: the other write was an access, too."""
        head = found.document
        if self._was_just_accessed(head) or await self._switch.is_on():
            return head
        metadata = head.metadata.model_copy(update={"last_accessed_at": now()})
        touched = head.model_copy(update={"metadata": metadata, "schema_version": self._rules.stored_format})
        try:
            replaced = await self._heads.try_replace(touched, found.etag)
            return head if replaced is None else touched
        except PersistenceError as exc:
            _log.warning("An access was not recorded: %s", named(exc))
            return head

    def _was_just_accessed(self, summary: SessionSummary) -> bool:
        # An access later than now is one by a clock that was put back since.
        return timedelta() <= now() - summary.metadata.last_accessed_at < self._rules.touch_interval
