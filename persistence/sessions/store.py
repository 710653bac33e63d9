"""Sessions: a small head that names the current content, and immutable contents. The model is git's.

Saving writes the content and replaces the head under the head's etag, never the head before the content. That
replace is the commit: until it succeeds nothing is visible, after it everything is. Renaming, closing and
deleting are the same replace without content.
"""

from collections.abc import Collection as SetOf
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from persistence.content import pack
from persistence.documents import (
    MOVES,
    NewSession,
    SessionAction,
    SessionChange,
    SessionHead,
    SessionStatus,
    new_id,
)
from persistence.errors import (
    Changed,
    Contended,
    CorruptItem,
    Gone,
    IllegalMove,
    ItemExists,
    KeyReused,
    LimitReached,
    NotFound,
)
from persistence.idempotency import Attempt
from persistence.retry import Attempts
from persistence.sessions.heads import NO_CONTENTS, Check, Committed, Edit
from persistence.sessions.reads import SessionReads
from persistence.sessions.rules import (
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
from persistence.shared import Shared
from persistence.storage.engine import Item


class SessionStore(SessionReads):
    """A person's sessions. Every method takes the owner; another's session is as if there were none.

    Raises, besides what each method says: StoreUnavailable, and NotFound for a malformed id. Methods that
    change something take `if_match`, the ETags of which one has to hold (None for no condition), and `save_id`,
    under which a repeat finds its first try done; they raise Changed, Gone, NotFound, IllegalMove, KeyReused
    where that name was another attempt's, and Contended after ten lost attempts.
    """

    def __init__(self, shared: Shared, rules: SessionRules = DEFAULT_RULES) -> None:
        super().__init__(shared, rules)
        self._limits, self._reservations = shared.limits, shared.reservations
        self._background = shared.background

    async def create(self, owner_id: str, new: NewSession, attempt: Attempt | None = None) -> SessionHead:
        """A new active session, version 1; the same one again for a repeat of an `attempt`. Raises
        ContentTooLarge, TooMany, StorageFull and KeyReused; then nothing was written. One commit, two creates
        where it is large; with an attempt a read and a create more."""
        head, packed = first_head(owner_id, new_id(), new, SessionStatus.ACTIVE, new_id())
        if (made := await self._made_by(owner_id, attempt, head)) is not None:
            return made
        async with self._limits.turn(owner_id):
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
        async for _ in Attempts():
            with suppress(NotFound):
                return await self.get_head(owner_id, session_id)
        raise Contended("session", session_id)

    async def create_draft(self, owner_id: str, draft_id: str, new: NewSession, save_id: str) -> SessionHead:
        """A new draft under an id that the client made; `save_id` has its digest. Raises ItemExists where the id
        is taken, be it by this very attempt's first try. Costs as `create`."""
        head, packed = first_head(owner_id, draft_id, new, SessionStatus.DRAFT, save_id)
        async with self._limits.turn(owner_id):
            await self._limits.check_one_more(owner_id, "drafts", packed.size)
            return await self._contents.create_first(head, packed, id_is_new=False)

    async def drain(self) -> None:
        """Waits for all background work of this store and of those that share its parts."""
        await self._background.drain()

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
        Raises ContentTooLarge. A head read, and a content created with a head replaced; a pruned content is
        deleted beside it."""
        packed = None if change.content is None else pack(change.content)
        save_id = with_digest_of_save(save_id, change, packed)
        made: dict[str, Item] = {}
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
                item = self._contents.item_of(owner_id, session_id, packed)
                changes["content_id"] = item["id"]
                made[item["id"]] = item
                action = SessionAction.SAVED
            if autosave:
                action = SessionAction.AUTOSAVED
            return head.revised(action, save_id, self._rules.keep_revisions, self._rules.coalesce, **changes)

        try:
            done = await self._commit(owner_id, session_id, edit, save_id, if_match, check, made)
        except (Changed, Gone, IllegalMove, KeyReused, NotFound):
            # Certain: a newer head was read, and it is not ours. What it names all the same had landed unseen
            # and was built upon since. After any other fault an attempt may have landed, so what it wrote
            # stays for the timer to judge.
            self._contents.remove(owner_id, set(made) - named)
            raise
        self._contents.remove(owner_id, set(made) - done.after.content_ids)
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

    async def erase(self, owner_id: str, session_id: str) -> int:
        """Takes a session away with all its contents, at once and for good; how many items those were. Harmless to
        repeat, and where it is interrupted the timer empties what is left of it."""
        # A tombstone first: it competes with saves, so that none is acknowledged whose content is taken away.
        with suppress(Gone, NotFound, CorruptItem):
            await self.delete(owner_id, session_id)
        contents = await self._contents.erase_all(owner_id, session_id)
        await self._heads.discard(owner_id, session_id)
        return contents + 1

    async def purge(self, owner_id: str, draft_id: str, untouched_since: datetime) -> bool:
        """Deletes a draft, unless it was saved or opened after `untouched_since`, or is a draft no more. Whether
        it did."""
        save_id = new_id()

        async def edit(head: SessionHead) -> SessionHead:
            is_stale = head.stale_since is not None and head.stale_since <= untouched_since
            return tombstone(head, save_id) if is_stale else head

        done = await self._heads.commit(owner_id, draft_id, edit, save_id, None)
        return done.after.status is SessionStatus.DELETED

    async def restore(
        self,
        owner_id: str,
        session_id: str,
        version: int,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
    ) -> SessionHead:
        """A new version with the content of an old one; nothing is rewritten, and no content is copied.
        Restoring what is there already writes nothing. Raises NotFound as `revision`, and StorageFull."""
        save_id = with_digest(save_id, SessionAction.RESTORED, version)

        def check(head: SessionHead) -> None:
            require(head, EDITABLE, "restored")

        async def edit(head: SessionHead) -> SessionHead:
            old = revision_of(head, version)
            if old.content_hash == head.metadata.content_hash:
                return head
            await self._limits.check_growth(owner_id, old.content_bytes - head.metadata.content_bytes)
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
        contents: Mapping[str, Item] = NO_CONTENTS,
    ) -> Committed:
        """What came of an edit; the contents that are named no more are removed."""
        async with self._limits.turn(owner_id):
            done = await self._heads.commit(owner_id, session_id, edit, save_id, if_match, check, contents)
        self._contents.remove(owner_id, done.before.content_ids - done.after.content_ids)
        return done
