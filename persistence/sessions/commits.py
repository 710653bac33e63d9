"""The one loop through which every change of a session goes."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from persistence.conditions import NO_CONDITIONS, Conditions
from persistence.documents import is_id
from persistence.errors import Changed, Contended, Gone, IllegalMove, KeyReused, NotFound
from persistence.keyed import Keyed
from persistence.limits import Limits
from persistence.retry import Attempts
from persistence.sessions.contents import SessionContents
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.edits import Edit
from persistence.sessions.heads import SessionHeads
from persistence.sessions.revisions import Revision
from persistence.storage.document_set import Versioned

_CLAIM_REREADS = 3


@dataclass(frozen=True, slots=True)
class Committed:
    """The stored heads `before` and `after` an edit: the same one if nothing was written. `retried` is the
    revision that an earlier try of this write had created."""

    before: SessionHead
    after: SessionHead
    retried: Revision | None = None

    @property
    def head(self) -> SessionHead:
        """The head as this write left it. Not the current head if others have saved since: the caller would treat
        their ETag as its own, and overwrite what it has never seen."""
        return self.after if self.retried is None else self.after.as_of(self.retried)


class _Queue:
    """The writers of one session in this process. They take turns, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._latest: Versioned[SessionHead] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Versioned[SessionHead] | None]:
        """Waits for the turn. Yields the head that the writer before committed while this one was waiting.

        It is as good as a read: the write may be ordered directly behind that commit.
        """
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
            latest, self._latest = self._latest, None
        try:
            yield latest
        finally:
            self._lock.release()

    def hand_on(self, head: Versioned[SessionHead]) -> None:
        """Keeps a committed head for the writer that waits next. Without one, it would only become stale."""
        self._latest = head if self._waiting else None


@dataclass(slots=True)
class _Reads:
    """What is known of a session during one commit. It detects a stale read, on a replica that lags behind.

    claimed   the newest version that the caller's If-Match names
    seen      the newest version that was read
    lost      the etags under which a replace has failed
    """

    claimed: int
    seen: int = 0
    lost: set[str] = field(default_factory=set)

    def claims(self, attempt: int) -> bool:
        """True while the caller's claim to have seen a newer version is believed."""
        return self.claimed > 0 and attempt < _CLAIM_REREADS

    def is_stale(self, head: SessionHead, attempt: int) -> bool:
        version = head.metadata.version
        return version < self.seen or (self.claims(attempt) and version < self.claimed)


class SessionCommits:
    """Applies edits to sessions. In one process, the writers of one session take turns, and each starts from the
    head that the writer before has committed."""

    def __init__(self, heads: SessionHeads, contents: SessionContents, limits: Limits) -> None:
        self._heads, self._contents, self._limits = heads, contents, limits
        self._queues = Keyed(_Queue)

    async def commit(
        self, owner_id: str, session_id: str, edit: Edit, conditions: Conditions = NO_CONDITIONS
    ) -> Committed:
        """Applies an edit and returns what was stored. Nothing is written if the edit changes nothing, or if an
        earlier try of the same write was applied.

        No write is based on a stale read: if a newer version is known, the read is repeated. If the edit changes
        nothing, the result is only as fresh as the read. Contents that no head names any more are removed in the
        background.
        Raises what the edit raises; Changed if the conditions are not met; Gone, NotFound, KeyReused, TooMany,
        StorageFull; Contended after ten lost attempts. One point read and one compare-and-set for each attempt;
        no read for the first attempt of a writer that has waited for another in this process.
        """
        created: set[str] = set()
        named: frozenset[str] = frozenset()
        reads = _Reads(max((version_of(tag) for tag in conditions.if_match or ()), default=0))
        try:
            queue = self._queues[owner_id, session_id]
            async with queue.turn() as latest, self._limits.turn(owner_id):
                async for attempt in Attempts():
                    current = None if attempt else latest
                    current = current or await self._read(owner_id, session_id, reads, attempt)
                    if current is None:
                        continue
                    head = current.document
                    named = head.content_ids
                    if (revision := head.revision_by(edit.save_id)) is not None:
                        return self._done(Committed(head, head, revision), created)
                    if reads.is_stale(head, attempt):
                        continue
                    _check(head, edit, conditions)
                    reads.seen = head.metadata.version
                    edited = edit.apply(head)
                    if edited is None:
                        return self._done(Committed(head, head), created)
                    await self._check_limits(head, edited.head)
                    if edited.content is not None:
                        created.add(edited.content["id"])
                    replaced = await self._heads.try_replace(edited.head, current.etag, edited.content)
                    if replaced is not None:
                        queue.hand_on(replaced)
                        return self._done(Committed(head, edited.head), created)
                    reads.lost.add(current.etag)
        except (Changed, Gone, IllegalMove, KeyReused, NotFound):
            # Certain: a newer head was read, and this write is not in it. If the head still names such a content,
            # that attempt succeeded, and a later save used it. After any other fault an attempt may have
            # succeeded, so its content stays and the timer decides.
            self._contents.remove_later(owner_id, created - named)
            raise
        raise Contended("session", session_id)

    async def _read(
        self, owner_id: str, session_id: str, reads: _Reads, attempt: int
    ) -> Versioned[SessionHead] | None:
        """The head. None if the read is older than a replace that has failed, or finds nothing although the caller
        or an attempt has seen something."""
        try:
            current = await self._heads.read(owner_id, session_id)
        except NotFound:
            if is_id(session_id) and (reads.lost or reads.claims(attempt)):
                return None
            raise
        return None if current.etag in reads.lost else current

    async def _check_limits(self, before: SessionHead, after: SessionHead) -> None:
        if before.status is SessionStatus.DRAFT and after.status is SessionStatus.ACTIVE:
            await self._limits.check_one_more(after.owner_id, "sessions", 0)
        growth = after.metadata.content_bytes - before.metadata.content_bytes
        await self._limits.check_growth(after.owner_id, growth)

    def _done(self, done: Committed, created: Collection[str]) -> Committed:
        """Starts the removal of contents that nothing names. The timer removes those of a deleted session."""
        if done.after.status is not SessionStatus.DELETED:
            unnamed = (done.before.content_ids | set(created)) - done.after.content_ids
            self._contents.remove_later(done.after.owner_id, unnamed)
        return done


def _check(head: SessionHead, edit: Edit, conditions: Conditions) -> None:
    if head.status is SessionStatus.DELETED:
        raise Gone("session", head.id)
    edit.check(head)
    etag = head.metadata.etag
    if etag in conditions.if_none_match or (conditions.if_match is not None and etag not in conditions.if_match):
        raise Changed("session", head.id, head)


def version_of(etag: str) -> int:
    """Returns the version in one of our own ETags, and 0 for any other text."""
    number, dash, _ = etag.strip('"').partition("-")
    return int(number) if dash and number.isascii() and number.isdigit() and len(number) < 16 else 0
