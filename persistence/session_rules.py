"""What can be done to a session, as pure functions on its head. What an operator sets of it."""

from collections.abc import Collection as SetOf
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from persistence.content import Packed, pack
from persistence.documents import (
    NewSession,
    Revision,
    SessionAction,
    SessionChange,
    SessionHead,
    SessionMetadata,
    SessionStatus,
    now,
)
from persistence.errors import IllegalMove, NotFound

EDITABLE = frozenset({SessionStatus.DRAFT, SessionStatus.ACTIVE})
MOVES = {
    SessionAction.PROMOTED: (SessionStatus.DRAFT, SessionStatus.ACTIVE),
    SessionAction.CLOSED: (SessionStatus.ACTIVE, SessionStatus.CLOSED),
    SessionAction.REOPENED: (SessionStatus.CLOSED, SessionStatus.ACTIVE),
}
"""Which action leads from which status to which. A deleted session is moved no more."""

_SAVES = frozenset({SessionAction.CREATED, SessionAction.SAVED, SessionAction.AUTOSAVED, SessionAction.RENAMED})


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What an operator sets: how many revisions are kept, how far apart autosaves lie in the history, and how
    often at most an access is written down."""

    keep_revisions: int = 20
    coalesce: timedelta = timedelta(seconds=60)
    touch_interval: timedelta = timedelta(minutes=15)


DEFAULT_RULES = SessionRules()


def first_head(
    owner_id: str, session_id: str, new: NewSession, status: SessionStatus, save_id: str
) -> tuple[SessionHead, Packed]:
    """A new session's head, which names no content yet, and the content to name. Raises ContentTooLarge."""
    packed, created_at = pack(new.content), now()
    head = SessionHead(
        id=session_id,
        owner_id=owner_id,
        app=new.app,
        status=status,
        metadata=SessionMetadata(
            title=new.title,
            description=new.description or None,
            created_at=created_at,
            updated_at=created_at,
            last_accessed_at=created_at,
            content_hash=packed.hash,
            content_bytes=packed.size,
            version=1,
            device_info=new.device_info,
            media_type=new.media_type,
        ),
        content_id=None,
        revisions=(),
    )
    revision = head.as_revision(SessionAction.CREATED, save_id)
    return head.model_copy(update={"revisions": (revision,)}), packed


def first_answer(head: SessionHead, repeated: SessionHead) -> SessionHead:
    """The head as its create left it. Where the history does not reach back so far, as its repeat would make
    it: never with the ETag of what was saved since, which the caller has not seen."""
    first = [revision for revision in head.revisions if revision.version == 1]
    return head.as_of(first[0]) if first else repeated


def tombstone(head: SessionHead, save_id: str) -> SessionHead:
    """What is left of a deleted session: that it was there, and when it went."""
    nothing: dict[str, Any] = {"title": "", "description": None, "device_info": None, "content_id": None}
    head = head.revised(
        SessionAction.DELETED, save_id, keep=1, status=SessionStatus.DELETED, revisions=(), **nothing
    )
    at = head.metadata.updated_at
    return head.model_copy(update={"deleted_at": at, "unsettled_at": at})


def require(head: SessionHead, statuses: SetOf[SessionStatus], move: str) -> None:
    """Raises IllegalMove, saying what can be done, unless the session has one of the statuses."""
    if head.status in statuses:
        return
    legal = [action.value for action, (before, _) in MOVES.items() if before is head.status]
    if head.status in EDITABLE:
        legal.insert(0, "saved")
    raise IllegalMove("session", head.id, head.status.value, move, [*legal, "deleted"])


def revision_of(head: SessionHead, version: int) -> Revision:
    """The line of the history. Raises NotFound for a version that is not in it (any more)."""
    for revision in head.revisions:
        if revision.version == version:
            return revision
    raise NotFound("revision", str(version))


def is_save(was: Revision, title: str | None, packed: Packed | None) -> bool:
    """Whether an earlier try under the same save_id may have been of this save, as far as the history can tell."""
    return (
        was.action in _SAVES
        and (title is None or title == was.title)
        and (packed is None or packed.hash == was.content_hash)
    )


def effect(head: SessionHead, change: SessionChange, packed: Packed | None) -> dict[str, object]:
    """The fields that a change would really change, of the head or of its metadata."""
    metadata = head.metadata
    changes: dict[str, object] = {}
    if change.title is not None and change.title != metadata.title:
        changes["title"] = change.title
    if change.description is not None and (change.description or None) != metadata.description:
        changes["description"] = change.description or None
    if change.app is not None and (change.app or None) != head.app:
        changes["app"] = change.app or None
    if change.media_type is not None and change.media_type != metadata.media_type:
        changes["media_type"] = change.media_type
    if packed is not None and packed.hash != metadata.content_hash:
        changes |= {"content_hash": packed.hash, "content_bytes": packed.size}
    if changes:
        # Where it was saved belongs to the save; by itself it is none.
        changes["device_info"] = change.device_info
    return changes
