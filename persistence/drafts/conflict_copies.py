"""Conflict copies: the content of a save that is refused becomes a new draft. For saves that nobody sees fail.

The id of a copy follows from its owner and the save id. So all tries of one save meet at one copy.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from persistence.conditions import AnyTag, Conditions
from persistence.content import Packed
from persistence.deltas import declared_size
from persistence.documents import TITLE_MAX_CHARACTERS, derived_id, timestamp_text, title_with
from persistence.drafts.store import UNTITLED, DraftStore
from persistence.errors import (
    BaseGone,
    Changed,
    Contended,
    Gone,
    IllegalMove,
    ItemExists,
    KeyReused,
    LimitReached,
    NotFound,
    Trashed,
)
from persistence.retry import Attempts
from persistence.sessions.documents import NewSession, SessionChange, SessionHead, SessionStatus
from persistence.sessions.edits import with_digest, with_digest_of_save
from persistence.sessions.patches import ContentDelta
from persistence.sessions.revisions import Revision, SessionAction
from persistence.sessions.store import SessionStore

T = TypeVar("T")

_KIND = "conflicting copy"


@dataclass(frozen=True, slots=True)
class ConflictCopy:
    """The `draft` with what could not be saved to the session `of`. It is purged at `purges_at`, unless it is no
    draft any more. `current` is that session as it is now, perhaps in the trash. None if it is gone."""

    draft: SessionHead
    purges_at: datetime | None
    of: str
    current: SessionHead | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The copy that a save may need. Its content is what was `sent`, or what that delta makes. `save_id` has a
    digest of the request."""

    owner_id: str
    of: str
    change: SessionChange
    sent: Packed | ContentDelta
    save_id: str

    @property
    def id(self) -> str:
        name, _, _ = self.save_id.partition(".")
        return derived_id(self.owner_id, name)

    @property
    def digest(self) -> str:
        return self.save_id.rpartition(".")[2]

    def as_new(self, current: SessionHead | None, content: Packed) -> NewSession:
        """Returns what creates the copy. What was not sent is taken from the session, as far as it is known."""
        change, title, description, app, media_type = self.change, "", None, None, None
        if current is not None:
            before, app = current.metadata, current.app
            title, description, media_type = before.title, before.description, before.media_type
        return NewSession(
            title=title_of_copy(change.title or title or UNTITLED, change.device_info),
            description=description if change.description is None else change.description,
            content=content,
            app=(app if change.app is None else change.app) or None,
            device_info=change.device_info,
            media_type=change.media_type or media_type,
        )

    def as_created(self, head: SessionHead) -> SessionHead:
        """Returns the copy as it was created, whatever was saved to it since."""
        for revision in (*head.revisions, *head.remembered):
            if revision.version == 1:
                return head.as_of(revision)
        sent = self.sent
        pruned = Revision(
            version=1,
            action=SessionAction.CREATED,
            saved=timestamp_text(head.metadata.created_at),
            title=head.metadata.title,
            content_id=None,
            content_hash=sent.hash if isinstance(sent, Packed) else sent.result_hash,
            content_bytes=sent.size if isinstance(sent, Packed) else declared_size(sent.delta),
            device_info=self.change.device_info,
            media_type=self.change.media_type or head.metadata.media_type,
        )
        return head.as_of(pruned)


class ConflictCopies:
    """Makes and finds conflict copies, for all owners."""

    def __init__(self, sessions: SessionStore, drafts: DraftStore) -> None:
        self._sessions, self._drafts = sessions, drafts

    async def save_or_copy(
        self,
        owner_id: str,
        session_id: str,
        change: SessionChange,
        conditions: Conditions,
        save: Callable[[], Awaitable[T]],
        delta: ContentDelta | None = None,
    ) -> T | ConflictCopy:
        """Runs a `save` of this change or delta, under a save id. If its session changed, is closed, in the trash
        or gone, or is no draft any more, creates a draft with the content. A retry returns that draft as it was
        created.

        Raises what the save raises, if the change has no content, and for a session that never was. Raises
        KeyReused; Gone or Trashed if the copy was deleted since; BaseGone if the session no longer has what the
        delta was made from; as `SessionStore.create_draft`. A copy takes up to three point reads and a create more
        than the refusal.
        """
        assert conditions.save_id is not None, "retries are recognised by it"
        sent = change.content or delta
        if sent is None:
            return await save()
        digest = with_digest_of_save("", change, None if delta is None else delta.result_hash)
        save_id = with_digest(conditions.save_id, "copy", session_id, digest)
        wanted = _Wanted(owner_id, session_id, change, sent, save_id)
        if not _stays_refused(conditions) and (made := await self._find(wanted)) is not None:
            return self._copied(wanted, made, await self._sessions.find_head(owner_id, session_id))
        try:
            return await save()
        except Changed as refused:
            assert isinstance(refused.current, SessionHead)
            return self._copied(wanted, await self._make(wanted, refused.current), refused.current)
        except (Gone, IllegalMove):
            current = await self._sessions.find_head(owner_id, session_id)
            return self._copied(wanted, await self._make(wanted, current), current)
        except NotFound:
            # A tombstone is forgotten after a while. Its copies may still be there.
            if (made := await self._find(wanted)) is None:
                raise
            return self._copied(wanted, made, None)

    def _copied(self, wanted: _Wanted, draft: SessionHead, current: SessionHead | None) -> ConflictCopy:
        if current is not None and current.status is SessionStatus.DELETED:
            current = None
        return ConflictCopy(draft, self._drafts.purges_at(draft), wanted.of, current)

    async def _make(self, wanted: _Wanted, current: SessionHead | None) -> SessionHead:
        """Creates the copy, unless another try of the same save has."""
        owner_id, new = wanted.owner_id, None
        async for _ in Attempts():
            if (made := await self._find(wanted)) is not None:
                return made
            new = new or wanted.as_new(current, await self._content(wanted, current))
            try:
                return await self._sessions.create_draft(
                    owner_id, wanted.id, new, wanted.save_id, copied_by=wanted.digest
                )
            except ItemExists:
                continue  # by another try, as soon as reads show it
            except LimitReached:
                # Another try may have reached it.
                if (made := await self._find(wanted)) is not None:
                    return made
                raise
        raise Contended(_KIND, wanted.id)

    async def _content(self, wanted: _Wanted, current: SessionHead | None) -> Packed:
        if isinstance(wanted.sent, Packed):
            return wanted.sent
        if current is None or current.status is SessionStatus.DELETED:
            raise BaseGone("session", wanted.of, None)
        return await self._sessions.patched(current, wanted.sent)

    async def _find(self, wanted: _Wanted) -> SessionHead | None:
        """Returns the copy that an earlier try has made, as it was created. One point read.

        Raises KeyReused if another request made it; Gone or Trashed if it was deleted.
        """
        head = await self._sessions.find_head(wanted.owner_id, wanted.id)
        if head is None:
            return None
        if head.copied_by != wanted.digest:
            raise KeyReused
        if head.status is SessionStatus.DELETED:
            raise Gone(_KIND, head.id)
        if head.status is SessionStatus.TRASHED:
            raise Trashed(_KIND, head.id, timestamp_text(self._sessions.purges_at(head)))
        return wanted.as_created(head)


def title_of_copy(title: str, device: str | None) -> str:
    """Returns the title of a copy. If it is too long, the title is cut first, then the device."""
    if device is None:
        return title_with(" (conflicting copy)", title)
    room = TITLE_MAX_CHARACTERS - len(title[:1] + " (conflicting copy, )")
    return title_with(f" (conflicting copy, {device[:room]})", title)


def _stays_refused(conditions: Conditions) -> bool:
    """Returns whether a save that was refused is refused for ever. A version that is not current never is again;
    but a closed session may be reopened, and a retry without an ETag would then be saved, too."""
    if_match = conditions.if_match
    return if_match is not None and not isinstance(if_match, AnyTag) and not conditions.only_new
