"""Sessions: a small head that names the current content, and immutable contents. The model is git's.

Saving writes the content, then replaces the head under the head's etag. That replace is the commit: until it
succeeds nothing is visible, after it everything is. Renaming, closing and deleting are the same replace without
content.
"""

import logging
from collections.abc import Collection as SetOf
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from persistence.collection import Collection, Versioned
from persistence.content import Packed, pack, unpack
from persistence.documents import (
    MOVES,
    NewSession,
    Revision,
    SessionAction,
    SessionChange,
    SessionHead,
    SessionStatus,
    SessionSummary,
    new_id,
    now,
)
from persistence.engines.containers import SESSIONS
from persistence.engines.engine import Engine
from persistence.errors import (
    Changed,
    Contended,
    CorruptItem,
    Gone,
    IllegalMove,
    ItemExists,
    ItemNotFound,
    KeyReused,
    LimitReached,
    NotFound,
    PersistenceError,
)
from persistence.filters import FilterFactory
from persistence.idempotency import Attempt, Reservations
from persistence.limits import NO_LIMITS, LimitRules, Limits
from persistence.query import Filter, Operator, Page, Sort
from persistence.session_contents import SessionContents
from persistence.session_heads import ATTEMPTS, Check, Committed, Edit, SessionHeads, back_off
from persistence.session_rules import (
    DEFAULT_RULES,
    EDITABLE,
    SessionRules,
    effect,
    first_answer,
    first_head,
    require,
    revision_of,
    tombstone,
    with_digest,
    with_digest_of_save,
)

_log = logging.getLogger(__name__)

_CONTENT_READS = 4
_RECENTLY_UPDATED = Sort("metadata.updated_at", descending=True)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A head and the content that it names; `packed` None where the caller has it already."""

    head: SessionHead
    packed: Packed | None

    @property
    def content(self) -> bytes | None:
        """The content as UTF-8. Raises CorruptItem."""
        packed = self.packed
        return None if packed is None else unpack(packed.payload, packed.size, self.head.id)


class SessionStore:
    """A person's sessions. Every method takes the owner; another's session is as if there were none.

    Raises, besides what each method says: StoreUnavailable, and NotFound for a malformed id. Methods that
    change something take `if_match`, the ETags of which one has to hold (None for no condition), and `save_id`,
    under which a repeat finds its first try done; they raise Changed, Gone, NotFound, IllegalMove, KeyReused
    where that name was another attempt's, and Contended after ten lost attempts.
    """

    def __init__(
        self, engine: Engine, rules: SessionRules = DEFAULT_RULES, limits: LimitRules = NO_LIMITS
    ) -> None:
        self._rules = rules
        self._limits = Limits(engine, limits)
        self._reservations = Reservations(engine)
        self._heads = SessionHeads(engine)
        self._contents = SessionContents(engine)
        self._summaries = Collection(engine, SESSIONS, SessionSummary)
        self.filters = FilterFactory(SessionHead)

    async def create(self, owner_id: str, new: NewSession, attempt: Attempt | None = None) -> SessionHead:
        """A new active session, version 1; the same one again for a repeat of an `attempt`. Raises
        ContentTooLarge, TooMany, StorageFull and KeyReused; then nothing was written. One commit, two creates
        where it is large; with an attempt a read and a create more."""
        head, packed = first_head(owner_id, new_id(), new, SessionStatus.ACTIVE, new_id())
        if (made := await self._made_by(owner_id, attempt, head)) is not None:
            return made
        try:
            await self._limits.check_one_more(owner_id, "sessions", packed.size)
        except LimitReached:
            # What reached it may be another try of the same attempt.
            if (made := await self._made_by(owner_id, attempt, head)) is not None:
                return made
            raise
        if attempt is not None:
            session_id = await self._reservations.reserve(owner_id, "session", attempt, head.id)
            head = head.model_copy(update={"id": session_id})
        try:
            return await self._contents.create_first(head, packed, id_is_new=attempt is None)
        except ItemExists:
            # Another try of the same attempt was faster.
            return first_answer(await self._get_certain(owner_id, head.id), head)

    async def _made_by(self, owner_id: str, attempt: Attempt | None, head: SessionHead) -> SessionHead | None:
        """What an earlier try of the attempt made, as it made it. Raises Gone and KeyReused."""
        if attempt is None:
            return None
        session_id = await self._reservations.find(owner_id, "session", attempt)
        if session_id is None:
            return None
        with suppress(NotFound):
            repeated = head.model_copy(update={"id": session_id})
            return first_answer(await self.get_head(owner_id, session_id), repeated)
        return None

    async def _get_certain(self, owner_id: str, session_id: str) -> SessionHead:
        """The head of a session that is known to be there: a read that does not find it yet is repeated."""
        for attempt in range(ATTEMPTS):
            await back_off(attempt)
            with suppress(NotFound):
                return await self.get_head(owner_id, session_id)
        raise Contended("session", session_id)

    async def create_draft(self, owner_id: str, draft_id: str, new: NewSession, save_id: str) -> SessionHead:
        """A new draft under an id that the client made; `save_id` has its digest. Raises ItemExists where the id
        is taken, be it by this very attempt's first try. Costs as `create`."""
        head, packed = first_head(owner_id, draft_id, new, SessionStatus.DRAFT, save_id)
        await self._limits.check_one_more(owner_id, "drafts", packed.size)
        return await self._contents.create_first(head, packed, id_is_new=False)

    async def get(self, owner_id: str, session_id: str, unless: SetOf[str] = ()) -> OpenedSession:
        """The head and its content; without the content where the head's ETag is one of `unless`. Counts as an
        access. Two point reads. Raises NotFound, Gone and CorruptItem."""
        missing: list[str | None] = []
        for attempt in range(ATTEMPTS):
            await back_off(attempt)
            found = await self._heads.get(owner_id, session_id)
            if found.document.metadata.etag in unless:
                return OpenedSession(await self._touched(found), None)
            try:
                packed = await self._read_content(found.document)
            except ItemNotFound:
                # Pruned by a save between the two reads, and then the head has moved on; or not yet to be
                # seen from here.
                missing.append(found.document.content_id)
                if missing.count(missing[-1]) == _CONTENT_READS:
                    raise CorruptItem("session", session_id) from None
                continue
            return OpenedSession(await self._touched(found), packed)
        raise Contended("session", session_id)

    async def open(self, head: SessionHead) -> OpenedSession:
        """A head that was just committed, with the content that it names. One point read."""
        with suppress(ItemNotFound):
            if head.content_id is not None:
                return OpenedSession(head, await self._read_content(head))
        # So many saves came after it that its content is pruned already.
        return await self.get(head.owner_id, head.id)

    async def drain(self) -> None:
        """Waits for contents that are being removed beside what was answered already."""
        await self._contents.drain()

    async def get_head(self, owner_id: str, session_id: str) -> SessionHead:
        """Everything but the content. One point read. Raises NotFound, Gone and CorruptItem."""
        return (await self._heads.get(owner_id, session_id)).document

    async def get_summary(self, owner_id: str, session_id: str) -> SessionSummary:
        """As `get_head` without the history, which costs most of the reading of a head: for polls."""
        return await self._heads.get_summary(owner_id, session_id)

    async def touch(self, owner_id: str, session_id: str) -> SessionSummary:
        """As `get_summary`, and counts as an access: written at most once in `touch_interval`, without a new
        version or ETag."""
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
        """A page of the history: active and closed sessions, unless a filter asks for a status.
        One query in one partition, over heads alone. Raises InvalidField and InvalidCursor."""
        if not any(one.path == "status" for one in filters):
            shown = (SessionStatus.ACTIVE, SessionStatus.CLOSED)
            filters = (*filters, self.filters.create("status", shown, Operator.IN))
        return await self._summaries.page(owner_id, filters, sort, page_size, cursor)

    async def save(
        self,
        owner_id: str,
        session_id: str,
        change: SessionChange,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
        unless: SetOf[str] = (),
        *,
        autosave: bool = False,
        editable: SetOf[SessionStatus] = EDITABLE,
    ) -> SessionHead:
        """The head after the change; what changes nothing writes nothing. Without `if_match` the last writer
        wins; Changed is raised where the session has an ETag of `unless`, too. An `autosave` takes the place of
        the autosave just before it in the history; what it brought stays there once it is saved on purpose, too.
        Raises ContentTooLarge. A head read, a content create and a head replace; a pruned content is deleted
        beside it."""
        packed = None if change.content is None else pack(change.content)
        save_id = with_digest_of_save(save_id, change, packed)
        written: list[str] = []
        named = frozenset[str]()

        def check(head: SessionHead) -> None:
            nonlocal named
            named = head.content_ids
            require(head, editable, "saved" if SessionStatus.ACTIVE in editable else "saved as a draft")
            if head.metadata.etag in unless:
                raise Changed("session", session_id, head)

        async def edit(head: SessionHead) -> SessionHead:
            changes = effect(head, change, packed)
            action = SessionAction.RENAMED
            if not changes:
                if autosave or packed is None or head.revisions[0].action is not SessionAction.AUTOSAVED:
                    return head
                changes, action = {"device_info": change.device_info}, SessionAction.SAVED
            if packed is not None and "content_hash" in changes:
                await self._limits.check_growth(owner_id, packed.size - head.metadata.content_bytes)
                # A new item for each attempt: an attempt that seemed lost may have landed after all, and
                # been overwritten and pruned since.
                written.append(await self._contents.create(owner_id, session_id, packed))
                changes["content_id"] = written[-1]
                action = SessionAction.SAVED
            if autosave:
                action = SessionAction.AUTOSAVED
            return head.revised(action, save_id, self._rules.keep_revisions, self._rules.coalesce, **changes)

        try:
            done = await self._commit(owner_id, session_id, edit, save_id, if_match, check)
        except (Changed, Gone, IllegalMove, KeyReused, NotFound):
            # Certain: a newer head was read, and it is not ours. What it names all the same had landed unseen
            # and was built upon since. After any other fault an attempt may have landed, so what it wrote
            # stays for the timer to judge.
            self._contents.remove(owner_id, set(written) - named)
            raise
        self._contents.remove(owner_id, set(written) - done.after.content_ids)
        return done.head

    async def move(
        self,
        owner_id: str,
        session_id: str,
        action: SessionAction,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
    ) -> SessionHead:
        """Promotes a draft, closes an active session or reopens a closed one: one of `MOVES`."""
        before, after = MOVES[action]
        save_id = with_digest(save_id, action)

        async def edit(head: SessionHead) -> SessionHead:
            if action is SessionAction.PROMOTED:
                await self._limits.check_one_more(owner_id, "sessions", 0)
            return head.revised(action, save_id, self._rules.keep_revisions, status=after)

        def check(head: SessionHead) -> None:
            require(head, {before}, action.value)

        return (await self._commit(owner_id, session_id, edit, save_id, if_match, check)).head

    async def delete(
        self,
        owner_id: str,
        session_id: str,
        if_match: SetOf[str] | None = None,
        *,
        status: SessionStatus | None = None,
    ) -> None:
        """Makes it a tombstone, which competes with saves on the same etag. Its contents go later, by the
        timer. Only one of `status` is deleted where that is given."""
        save_id = new_id()

        def check(head: SessionHead) -> None:
            if status is not None:
                require(head, {status}, "discarded")

        async def edit(head: SessionHead) -> SessionHead:
            return tombstone(head, save_id)

        await self._heads.commit(owner_id, session_id, edit, save_id, if_match, check)

    async def purge(self, owner_id: str, draft_id: str, untouched_since: datetime) -> bool:
        """Deletes a draft, unless it was saved or opened after `untouched_since`, or is a draft no more. Whether
        it did."""
        save_id = new_id()

        async def edit(head: SessionHead) -> SessionHead:
            is_stale = head.stale_since is not None and head.stale_since <= untouched_since
            return tombstone(head, save_id) if is_stale else head

        done = await self._heads.commit(owner_id, draft_id, edit, save_id, None)
        return done.after.status is SessionStatus.DELETED

    async def revision(self, owner_id: str, session_id: str, version: int) -> tuple[Revision, bytes]:
        """A line of the history, and the content as it was. Two point reads. Raises NotFound for a version that
        is not in the history (any more)."""
        head = await self.get_head(owner_id, session_id)
        revision = revision_of(head, version)
        assert revision.content_id is not None, "only tombstones have revisions without content"
        try:
            packed = await self._contents.read(
                owner_id, revision.content_id, revision.content_hash, revision.content_bytes
            )
        except ItemNotFound:
            raise NotFound("revision", str(version)) from None
        return revision, unpack(packed.payload, packed.size, revision.content_id)

    async def restore(
        self,
        owner_id: str,
        session_id: str,
        version: int,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
    ) -> SessionHead:
        """A new version with the content of an old one; nothing is rewritten, and no content is copied.
        Restoring what is there already writes nothing. Raises NotFound as `revision`."""
        save_id = with_digest(save_id, SessionAction.RESTORED, version)

        def check(head: SessionHead) -> None:
            require(head, EDITABLE, "restored")

        async def edit(head: SessionHead) -> SessionHead:
            old = revision_of(head, version)
            if old.content_hash == head.metadata.content_hash:
                return head
            return head.revised(
                SessionAction.RESTORED,
                save_id,
                self._rules.keep_revisions,
                content_id=old.content_id,
                content_hash=old.content_hash,
                content_bytes=old.content_bytes,
                media_type=old.media_type,
            )

        return (await self._commit(owner_id, session_id, edit, save_id, if_match, check)).head

    async def _commit(
        self,
        owner_id: str,
        session_id: str,
        edit: Edit,
        save_id: str,
        if_match: SetOf[str] | None,
        check: Check,
    ) -> Committed:
        """What came of an edit; the contents that are named no more are removed."""
        done = await self._heads.commit(owner_id, session_id, edit, save_id, if_match, check)
        self._contents.remove(owner_id, done.before.content_ids - done.after.content_ids)
        return done

    async def _read_content(self, head: SessionHead) -> Packed:
        assert head.content_id is not None, "only tombstones have none, and reading those raises Gone"
        metadata = head.metadata
        return await self._contents.read(
            head.owner_id, head.content_id, metadata.content_hash, metadata.content_bytes
        )

    async def _touched(self, found: Versioned[SessionHead]) -> SessionHead:
        """The head with this access written down, if the last one is long ago. Never fails what it is part of:
        where someone else was faster, that was an access, too."""
        head = found.document
        if self._was_just_accessed(head):
            return head
        metadata = head.metadata.model_copy(update={"last_accessed_at": now()})
        touched = head.model_copy(update={"metadata": metadata})
        try:
            return touched if await self._heads.try_replace(touched, found.etag) else head
        except PersistenceError as exc:
            _log.warning("An access was not written down: %r", exc)
            return head

    def _was_just_accessed(self, summary: SessionSummary) -> bool:
        return now() - summary.metadata.last_accessed_at < self._rules.touch_interval
