"""Sessions: a small head that names the current content, and immutable contents. The model is git's.

A save replaces the head under its etag, together with the new content or after it. That replace is the commit.
Before it, readers see nothing of the save. After it, they see all of it. Renaming, closing and deleting are the
same replace without content.
"""

from collections.abc import Collection, Sequence, Set
from contextlib import suppress
from datetime import datetime

from persistence.conditions import NO_CONDITIONS, Conditions
from persistence.content import Packed
from persistence.documents import new_id
from persistence.errors import Contended, Gone, ItemExists, LimitReached, NotFound, Trashed
from persistence.faults import is_damage, log_fault
from persistence.idempotency import IdempotencyKey
from persistence.retry import Attempts
from persistence.sessions.commits import SessionCommits, growth
from persistence.sessions.contents import new_content
from persistence.sessions.copies import as_new
from persistence.sessions.creation import as_created, first_head, with_content
from persistence.sessions.deletions import Delete, Purge, Trash, Untrash
from persistence.sessions.documents import NewSession, SessionChange, SessionHead, SessionStatus
from persistence.sessions.edits import EDITABLE, Edit, Move, Name, Restore, Save, with_digest, with_digest_of_save
from persistence.sessions.joint_commits import JointCommits
from persistence.sessions.lines import line_of, new_erasure_id, new_timer_id
from persistence.sessions.patches import ContentDelta, SaveDelta, patched
from persistence.sessions.reads import SessionReads
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.shared import Shared
from persistence.storage.engine import Item

_NO_OTHER_CHANGE = SessionChange()


class SessionStore(SessionReads):
    """The sessions of all owners. A session of another owner raises NotFound, as if there were none.

    Every method raises StoreUnavailable, and NotFound for a malformed id. Methods that change a session raise
    Changed if the conditions are not met; Gone, or Trashed, for a deleted session; NotFound, IllegalMove;
    KeyReused if the save id named a different request; Contended after ten lost attempts.
    """

    def __init__(self, shared: Shared, rules: SessionRules = DEFAULT_RULES) -> None:
        super().__init__(shared, rules.in_force(shared.rules))
        self._limits, self._idempotency, self._background = shared.limits, shared.idempotency, shared.background
        self._activity = shared.activity
        self._commits = SessionCommits(self._heads, self._contents, shared, self._rules)
        self.joint = JointCommits(shared, self._commits, self._heads, self._contents)

    async def create(
        self,
        owner_id: str,
        new: NewSession,
        key: IdempotencyKey | None = None,
        *,
        status: SessionStatus = SessionStatus.ACTIVE,
    ) -> SessionHead:
        """Creates a session, version 1. A retry under the same key returns the session that it created.

        Raises TooMany, StorageFull and KeyReused; nothing was written then. One commit, or two creates if it is
        large; a read and a create more with a key.
        """
        head = first_head(owner_id, new_id(), new, status, new_id(), self._rules)
        counted = "drafts" if status is SessionStatus.DRAFT else "sessions"
        if (created := await self._find_created(owner_id, key, head)) is not None:
            return created
        async with self._limits.turn(owner_id):
            try:
                await self._limits.check_one_more(owner_id, counted, new.content.size)
            except LimitReached:
                # Another try under the same key may have reached it.
                if (created := await self._find_created(owner_id, key, head)) is not None:
                    return created
                raise
            if key is not None:
                session_id = await self._idempotency.reserve(owner_id, "session", key, head.id)
                head = head.model_copy(update={"id": session_id})
            try:
                return await self._create(head, new.content, id_is_new=key is None)
            except ItemExists:
                # Another try under the same key was faster.
                return as_created(await self._get_certain(owner_id, head.id)) or head

    async def copy(
        self,
        owner_id: str,
        session_id: str,
        *,
        title: str | None = None,
        version: int | None = None,
        status: SessionStatus = SessionStatus.ACTIVE,
        key: IdempotencyKey | None = None,
    ) -> SessionHead:
        """Creates a session from another one, or from a `version` in its history, as `as_new` and `create`. It
        raises and costs as both. A retry returns the copy that it created, also if the other one is gone."""
        key = None if key is None else key.about("copy", session_id)
        try:
            new = await as_new(self, owner_id, session_id, version, title)
        except (Gone, NotFound):
            # The first try of this copy may have found it.
            if (created := await self._find_created(owner_id, key, None)) is not None:
                return created
            raise
        return await self.create(owner_id, new, key, status=status)

    async def create_draft(
        self, owner_id: str, draft_id: str, new: NewSession, save_id: str, *, copied_by: str | None = None
    ) -> SessionHead:
        """Creates a draft under an id that the client made. `save_id` already has its digest.

        Raises ItemExists if the id is taken, perhaps by an earlier try of the same write. Otherwise as `create`.
        """
        head = first_head(owner_id, draft_id, new, SessionStatus.DRAFT, save_id, self._rules)
        head = head.model_copy(update={"copied_by": copied_by})
        async with self._limits.turn(owner_id):
            await self._limits.check_one_more(owner_id, "drafts", new.content.size)
            return await self._create(head, new.content, id_is_new=False)

    async def create_whole(self, head: SessionHead, contents: Sequence[Item]) -> None:
        """Creates a session with its history, and the contents that it names. Writes no line of activity.

        Raises ItemExists, TooMany and StorageFull. One commit, or a create for each content before it.
        """
        async with self._limits.turn(head.owner_id):
            await self._limits.check(head.owner_id, growth(None, head))
            await self._heads.create(head, contents, (), id_is_new=False)

    async def add_history(self, head: SessionHead, edit: Edit, contents: Sequence[Item]) -> SessionHead:
        """Creates contents, then applies an edit that names them to a head that was just read, or to a newer one.

        Raises StorageFull before anything is written. A create for each content, a read and a replace.
        """
        edited = edit.apply(head)
        if edited is None:
            return head
        async with self._limits.turn(head.owner_id):
            await self._limits.check(head.owner_id, growth(head, edited.head))
        await self._heads.create_contents(contents)
        return (await self._commits.commit(head.owner_id, head.id, edit)).head

    async def save(
        self,
        owner_id: str,
        session_id: str,
        change: SessionChange,
        conditions: Conditions = NO_CONDITIONS,
        *,
        autosave: bool = False,
        editable: Set[SessionStatus] = EDITABLE,
    ) -> SessionHead:
        """Saves a change and returns the head after it. Writes nothing if nothing changes.

        Without `if_match` the last writer wins. An `autosave` takes the place of the autosave just before it in
        the history. A deliberate save of the same content keeps the autosave in the history.
        Raises StorageFull. One read and one commit of head and content.
        """
        save_id = with_digest_of_save(conditions.save_id, change)
        edit = Save(change, save_id, self._rules, autosave, editable)
        return (await self._commits.commit(owner_id, session_id, edit, conditions)).head

    async def save_delta(
        self,
        owner_id: str,
        session_id: str,
        delta: ContentDelta,
        conditions: Conditions,
        change: SessionChange = _NO_OTHER_CHANGE,
        *,
        autosave: bool = False,
    ) -> SessionHead:
        """Saves what a delta makes of the version that `conditions.if_match` names, and a change without content.

        Raises InvalidDelta, DeltaTooLarge, ContentTooLarge, and BaseGone if that version's content is gone.
        Otherwise as `save`. One read and one commit, and a read more if the content is not in the cache.
        """
        save_id = with_digest_of_save(conditions.save_id, change, delta.result_hash)
        edit = self.delta_edit(delta, change, save_id, autosave=autosave)
        return (await self._commits.commit(owner_id, session_id, edit, conditions)).head

    async def patched(self, head: SessionHead, delta: ContentDelta) -> Packed:
        """Returns what a delta makes of a version in the history of a head. Saves nothing. Raises as
        `save_delta`."""
        return await patched(self._contents, head, delta)

    def delta_edit(self, delta: ContentDelta, change: SessionChange, save_id: str, *, autosave: bool) -> SaveDelta:
        """Returns the edit of `save_delta`. `save_id` already has its digest."""
        return SaveDelta(Save(change, save_id, self._rules, autosave), delta, self._contents)

    async def move(
        self,
        owner_id: str,
        session_id: str,
        action: SessionAction,
        conditions: Conditions = NO_CONDITIONS,
    ) -> SessionHead:
        """Promotes a draft, closes an active session or reopens a closed one: one of `MOVES`. Raises TooMany."""
        edit = Move(action, with_digest(conditions.save_id, action), self._rules)
        return (await self._commits.commit(owner_id, session_id, edit, conditions)).head

    async def restore(
        self, owner_id: str, session_id: str, version: int, conditions: Conditions = NO_CONDITIONS
    ) -> SessionHead:
        """Creates a new version with the content of an old one. Copies no content; writes nothing if that content
        is current. Raises NotFound for a version that is not in the history, and StorageFull."""
        save_id = with_digest(conditions.save_id, SessionAction.RESTORED, version)
        edit = Restore(version, save_id, self._rules)
        return (await self._commits.commit(owner_id, session_id, edit, conditions)).head

    async def name_revision(self, owner_id: str, session_id: str, version: int, name: str | None) -> SessionHead:
        """Names a version, or removes its name if `name` is None. A version with a name stays in the history.

        Makes no version and no new ETag. Writes nothing if that is its name already. Raises NotFound for a version
        that is not in the history, and TooManyNamed.
        """
        edit = Name(version, name, new_id(), self._rules)
        return (await self._commits.commit(owner_id, session_id, edit)).head

    async def delete(
        self,
        owner_id: str,
        session_id: str,
        if_match: Collection[str] | None = None,
        *,
        status: SessionStatus | None = None,
        purge: bool = False,
    ) -> None:
        """Moves a session to the trash. With `purge`, or if the trash keeps nothing, deletes it for good: leaves a
        tombstone and removes the contents.

        `status` is the only status that may be deleted, if it is given. A session in the trash stays there, or is
        purged, whatever `if_match` is. A tombstone stays as it is.
        """
        purge = purge or not await self._rules.has_trash()
        edit = Delete(new_id(), status) if purge else Trash(new_id(), self._rules, status)
        try:
            await self._commits.commit(owner_id, session_id, edit, Conditions(if_match))
            if purge:
                await self._contents.empty(owner_id, session_id)
        except Trashed:
            if purge:
                await self.purge(owner_id, session_id)
        except Gone:
            pass

    async def untrash(self, owner_id: str, session_id: str, conditions: Conditions = NO_CONDITIONS) -> SessionHead:
        """Restores a session from the trash, to the status that it had. Counts as an access. Raises TooMany and
        StorageFull. Raises IllegalMove if it is not in the trash."""
        edit = Untrash(with_digest(conditions.save_id, SessionAction.UNTRASHED), self._rules)
        return (await self._commits.commit(owner_id, session_id, edit, conditions)).head

    async def purge(self, owner_id: str, session_id: str) -> int:
        """Deletes a session in the trash for good, as `delete`. Returns the number of removed items, 0 for a
        tombstone. Raises IllegalMove if it is not in the trash."""
        edit = Delete(new_id(), SessionStatus.TRASHED, reaches_trash=True)
        try:
            await self._commits.commit(owner_id, session_id, edit)
        except Gone:
            return 0
        return 1 + await self._contents.empty(owner_id, session_id)

    async def erase(self, owner_id: str, session_id: str) -> int:
        """Removes a session with all its contents at once, and returns the number of items. Idempotent: if it is
        interrupted, the timer removes the rest."""
        # The tombstone comes first. It competes with saves, so that no acknowledged save loses its content.
        try:
            await self._commits.commit(owner_id, session_id, Delete(new_erasure_id(), reaches_trash=True))
        except (Gone, NotFound):
            pass
        except Exception as exc:
            if not is_damage(exc):
                raise
            log_fault(f"The session {session_id} is erased without a tombstone", exc)
        contents = await self._contents.erase_all(owner_id, session_id)
        await self._heads.discard(owner_id, session_id)
        return contents + 1

    async def purge_due(self, owner_id: str, session_id: str, status: SessionStatus, until: datetime) -> bool:
        """Replaces a draft, or a session in the trash, by its tombstone and returns True. The timer removes its
        contents. Returns False if it has another status (by now), or if its `stale_since` is after `until`."""
        done = await self._commits.commit(owner_id, session_id, Purge(new_timer_id(), status, until))
        return done.after.status is SessionStatus.DELETED

    async def drain(self) -> None:
        """Waits for the background work of all stores that share its parts."""
        await self._background.drain()

    async def _create(self, head: SessionHead, packed: Packed, *, id_is_new: bool) -> SessionHead:
        lines = self._activity.items([line_of(None, head)])
        content = new_content(head.owner_id, head.id, packed)
        created = with_content(head, content["id"])
        await self._heads.create(created, [content], lines, id_is_new=id_is_new)
        self._contents.committed(created, packed.payload)
        return created

    async def _find_created(
        self, owner_id: str, key: IdempotencyKey | None, head: SessionHead | None
    ) -> SessionHead | None:
        """Returns the session as an earlier try under the key created it, or None. Raises Gone and KeyReused.

        `head` is the session that this try would create. If it is None, a session whose version 1 was pruned is
        not returned.
        """
        if key is None:
            return None
        session_id = await self._idempotency.find(owner_id, "session", key)
        if session_id is None:
            return None
        with suppress(NotFound):
            retried = None if head is None else head.model_copy(update={"id": session_id})
            return as_created(await self.get_head(owner_id, session_id)) or retried
        return None

    async def _get_certain(self, owner_id: str, session_id: str) -> SessionHead:
        """Returns the head of a session that is known to exist. A read that does not find it yet is repeated."""
        async for _ in Attempts():
            with suppress(NotFound):
                return await self.get_head(owner_id, session_id)
        raise Contended("session", session_id)
