"""The edits that delete a session: into the trash, back from it, and for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.edits import Edited, check_status
from persistence.sessions.history import tombstone, with_revision
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules


@dataclass(frozen=True, slots=True)
class Trash:
    """Moves a session to the trash. `status` is the only status that may be moved, if it is given."""

    save_id: str
    rules: SessionRules
    status: SessionStatus | None = None
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        if self.status is not None:
            check_status(head, {self.status}, "discarded")

    def apply(self, head: SessionHead) -> Edited:
        trashed = head.model_copy(update={"status": SessionStatus.TRASHED, "status_before": head.status})
        return Edited(with_revision(trashed, SessionAction.TRASHED, self.save_id, self.rules))


@dataclass(frozen=True, slots=True)
class Untrash:
    """Restores a session from the trash, to the status that it had."""

    save_id: str
    rules: SessionRules
    reaches_trash: ClassVar[bool] = True

    def check(self, head: SessionHead) -> None:
        check_status(head, {SessionStatus.TRASHED}, "restored from the trash")

    def apply(self, head: SessionHead) -> Edited:
        restored = head.model_copy(update={"status": head.status_before, "status_before": None})
        return Edited(with_revision(restored, SessionAction.UNTRASHED, self.save_id, self.rules))


@dataclass(frozen=True, slots=True)
class Delete:
    """Replaces a session by its tombstone. `status` is the only status that may be deleted, if it is given."""

    save_id: str
    status: SessionStatus | None = None
    reaches_trash: bool = False

    def check(self, head: SessionHead) -> None:
        if self.status is not None:
            check_status(head, {self.status}, "purged" if self.reaches_trash else "discarded")

    def apply(self, head: SessionHead) -> Edited:
        return Edited(tombstone(head, self.save_id))


@dataclass(frozen=True, slots=True)
class Purge:
    """Replaces a session of one status by its tombstone if its `stale_since` is not after `until`."""

    save_id: str
    status: SessionStatus
    until: datetime
    reaches_trash: ClassVar[bool] = True

    def check(self, head: SessionHead) -> None:
        """Every status is allowed: a session of another status is not changed."""

    def apply(self, head: SessionHead) -> Edited | None:
        since = head.stale_since
        is_due = head.status is self.status and since is not None and since <= self.until
        return Edited(tombstone(head, self.save_id)) if is_due else None
