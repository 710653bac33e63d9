"""What can be done to a session, as pure functions on its head. What an operator sets of it."""

import hashlib
from collections.abc import Collection as SetOf
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from persistence.content import Packed, pack
from persistence.documents import (
    MOVES,
    NewSession,
    Revision,
    SessionAction,
    SessionChange,
    SessionHead,
    SessionMetadata,
    SessionStatus,
    new_id,
    now,
)
from persistence.errors import IllegalMove, NotFound

EDITABLE = frozenset({SessionStatus.DRAFT, SessionStatus.ACTIVE})


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What an operator sets: how many revisions are kept, how far apart autosaves lie in the history, and how
    often at most an access is written down."""

    keep_revisions: int = 20
    coalesce: timedelta = timedelta(seconds=60)
    touch_interval: timedelta = timedelta(minutes=15)


DEFAULT_RULES = SessionRules()


def with_digest(save_id: str | None, *what: object) -> str:
    """What a revision remembers of the attempt that made it: the caller's name for it, and behind a dot a digest
    of what it was to do, so that the name cannot stand for something else later. A new name where there is none.
    """
    if save_id is None:
        return new_id()
    return f"{save_id}.{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"


def with_digest_of_save(save_id: str | None, change: SessionChange, packed: Packed | None) -> str:
    """As `with_digest`, of an attempt to save a change whose content is `packed`."""
    content_hash = None if packed is None else packed.hash
    return with_digest(save_id, "save", change.model_dump_json(exclude={"content"}), content_hash)


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
    nothing |= {"revisions": (), "remembered": ()}
    head = head.revised(SessionAction.DELETED, save_id, keep=1, status=SessionStatus.DELETED, **nothing)
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
