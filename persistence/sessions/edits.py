"""What can be done to a session, as pure functions of its head."""

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar, Protocol

from persistence.documents import new_id, now, timestamp_text
from persistence.errors import IllegalMove, TooManyNamed
from persistence.sessions.contents import new_content
from persistence.sessions.documents import MOVES, SessionChange, SessionHead, SessionStatus
from persistence.sessions.history import find_revision, with_revision
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.storage.engine import Item

EDITABLE = frozenset({SessionStatus.DRAFT, SessionStatus.ACTIVE})


@dataclass(frozen=True, slots=True)
class Edited:
    """The head that follows a head, and the new content item of this edit, if there is one."""

    head: SessionHead
    content: Item | None = None


class Edit(Protocol):
    """One change of a session. It is applied anew to the current head after each lost race."""

    @property
    def save_id(self) -> str:
        """Names this write in the history, so that a retry is recognised."""

    @property
    def reaches_trash(self) -> bool:
        """True if a session in the trash can be edited by this. If not, it raises Trashed."""

    def check(self, head: SessionHead) -> None:
        """Raises IllegalMove if the status of the session does not allow this edit. Runs before the ETag check."""

    def apply(self, head: SessionHead) -> Edited | None:
        """Returns what follows the head, or None if nothing changes."""


@dataclass(frozen=True, slots=True)
class Save:
    """Saves a change to a session of one of the `editable` statuses."""

    change: SessionChange
    save_id: str
    rules: SessionRules
    autosave: bool = False
    editable: Set[SessionStatus] = EDITABLE
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        check_status(head, self.editable, "saved" if SessionStatus.ACTIVE in self.editable else "saved as a draft")

    def apply(self, head: SessionHead) -> Edited | None:
        changed, content, action = _changed(head, self.change), None, SessionAction.RENAMED
        if changed is head:
            if self.autosave or self.change.content is None or not _is_autosaved(head):
                return None
            # A deliberate save of what an autosave saved: the history keeps it from now on.
            changed, action = _saved_on(head, self.change.device_info), SessionAction.SAVED
        elif changed.metadata.content_hash != head.metadata.content_hash:
            assert self.change.content is not None, "only new content changes the hash"
            # A new item for each attempt: an attempt that seemed lost may have succeeded, and been pruned since.
            content, action = new_content(head.owner_id, head.id, self.change.content), SessionAction.SAVED
            changed = changed.model_copy(update={"content_id": content["id"]})
        if self.autosave:
            action = SessionAction.AUTOSAVED
        return Edited(with_revision(changed, action, self.save_id, self.rules), content)


@dataclass(frozen=True, slots=True)
class Move:
    """Promotes, closes or reopens a session: one of `MOVES`."""

    action: SessionAction
    save_id: str
    rules: SessionRules
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        before, _ = MOVES[self.action]
        check_status(head, {before}, self.action.value)

    def apply(self, head: SessionHead) -> Edited:
        _, after = MOVES[self.action]
        moved = head.model_copy(update={"status": after})
        return Edited(with_revision(moved, self.action, self.save_id, self.rules))


@dataclass(frozen=True, slots=True)
class Restore:
    """Makes the content of an old version current again. No content is copied."""

    version: int
    save_id: str
    rules: SessionRules
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        check_status(head, EDITABLE, "restored")

    def apply(self, head: SessionHead) -> Edited | None:
        old = find_revision(head, self.version)
        if old.content_hash == head.metadata.content_hash:
            return None
        content = {
            "content_hash": old.content_hash,
            "content_bytes": old.content_bytes,
            "media_type": old.media_type,
        }
        metadata = head.metadata.model_copy(update=content)
        restored = head.model_copy(update={"metadata": metadata, "content_id": old.content_id})
        return Edited(with_revision(restored, SessionAction.RESTORED, self.save_id, self.rules))


@dataclass(frozen=True, slots=True)
class Name:
    """Names a version in the history, or removes its name if `name` is None. Makes no version.

    It replaces the head all the same, so it competes with the saves that would remove the version.
    """

    version: int
    name: str | None
    save_id: str
    rules: SessionRules
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        """Every status is allowed: the content stays as it is."""

    def apply(self, head: SessionHead) -> Edited | None:
        old = find_revision(head, self.version)
        if old.name == self.name:
            return None
        named = sum(one.name is not None for one in head.revisions)
        if old.name is None and named >= self.rules.named_max:
            raise TooManyNamed("named versions", named, self.rules.named_max)
        renamed = old._replace(name=self.name, named=timestamp_text(now()))
        revisions = tuple(renamed if one is old else one for one in head.revisions)
        changed = {"revisions": revisions, "schema_version": self.rules.stored_format}
        return Edited(head.model_copy(update=changed))


def check_status(head: SessionHead, statuses: Set[SessionStatus], move: str) -> None:
    """Raises IllegalMove, which lists the allowed actions, if the session has none of the statuses."""
    if head.status in statuses:
        return
    legal = [action.value for action, (before, _) in MOVES.items() if before is head.status]
    if head.status in EDITABLE:
        legal.insert(0, "saved")
    raise IllegalMove("session", head.id, head.status.value, move, [*legal, "deleted"])


def with_digest(save_id: str | None, *request: object) -> str:
    """Returns the name of a write, a dot and a digest of its request, so that the name cannot be used for another
    request later. Returns a new name if `save_id` is None."""
    if save_id is None:
        return new_id()
    return f"{save_id}.{hashlib.sha256(repr(request).encode()).hexdigest()[:16]}"


def with_digest_of_save(save_id: str | None, change: SessionChange, content_hash: str | None = None) -> str:
    """As `with_digest`, for a save of this change. `content_hash` is that of content which `change` does not have
    yet."""
    content_hash = content_hash if change.content is None else change.content.hash
    return with_digest(save_id, "save", change.model_dump_json(exclude={"content"}), content_hash)


def _changed(head: SessionHead, change: SessionChange) -> SessionHead:
    """The head with the change, or the same head if no field changes. The device belongs to the save: it is no
    change by itself."""
    before, content = head.metadata, change.content
    after = before.model_copy(
        update={
            "title": before.title if change.title is None else change.title,
            "description": before.description if change.description is None else change.description or None,
            "media_type": before.media_type if change.media_type is None else change.media_type,
            "content_hash": before.content_hash if content is None else content.hash,
            "content_bytes": before.content_bytes if content is None else content.size,
        }
    )
    app = head.app if change.app is None else change.app or None
    if after == before and app == head.app:
        return head
    return _saved_on(head.model_copy(update={"metadata": after, "app": app}), change.device_info)


def _saved_on(head: SessionHead, device_info: str | None) -> SessionHead:
    metadata = head.metadata.model_copy(update={"device_info": device_info})
    return head.model_copy(update={"metadata": metadata})


def _is_autosaved(head: SessionHead) -> bool:
    return head.revisions[0].action is SessionAction.AUTOSAVED
