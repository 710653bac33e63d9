"""Lines of activity, made from heads of sessions and from the rows of their histories."""

from datetime import datetime

from persistence.activity.documents import (
    ActivityAction,
    ActivityLine,
    Actor,
    Subject,
    SubjectKind,
    line_id,
    naming_line_id,
)
from persistence.documents import new_id
from persistence.sessions.documents import SessionHead
from persistence.sessions.revisions import Revision, SessionAction

# Save ids of callers have no tilde.
_BY_TIMER, _BY_ERASURE = "timer~", "erasure~"


def new_timer_id() -> str:
    """Returns a save id by which a line knows that a timer made the change."""
    return _BY_TIMER + new_id()


def new_erasure_id() -> str:
    """Returns a save id for a change that has no line, because everything of the owner is erased."""
    return _BY_ERASURE + new_id()


def line_of(before: SessionHead | None, after: SessionHead) -> ActivityLine | None:
    """Returns the line of a change. None if an autosave took the row of another: the line of the first autosave of
    that row stands for all of them. `before` is None for a new session."""
    if before is not None and before.metadata.version == after.metadata.version:
        unchanged = set(before.revisions)
        return next((line_of_naming(after, row) for row in after.revisions if row not in unchanged), None)
    newest = after.revisions[0]
    if not is_told(newest):
        return None
    line = line_of_row(after, newest)
    if before is None or newest.action is not SessionAction.DELETED:
        return line
    # A tombstone has no title.
    subject = line.subject.model_copy(update={"title": before.metadata.title})
    return line.model_copy(update={"subject": subject})


def line_of_naming(head: SessionHead, row: Revision) -> ActivityLine | None:
    """Returns the line of the last naming of a version, or of the removal of its name. None if it had no name."""
    if row.named is None:
        return None
    at = datetime.fromisoformat(row.named)
    return ActivityLine(
        id=naming_line_id(head.id, row.version, row.name or "", at),
        owner_id=head.owner_id,
        at=at,
        action=ActivityAction.NAMED,
        subject=Subject(kind=SubjectKind.SESSION, id=head.id, title=head.metadata.title),
        version=row.version,
        name=row.name,
        content_hash=row.content_hash,
        content_bytes=row.content_bytes,
        app=head.app,
    )


def line_of_retried(head: SessionHead, row: Revision) -> ActivityLine | None:
    """Returns the line of a change whose first try may have been interrupted before its line. None if it has no
    line, or was a creation, which always takes its line along."""
    return line_of_row(head, row) if is_told(row) and row.action is not SessionAction.CREATED else None


def is_told(row: Revision) -> bool:
    """Returns False for an autosave that took the row of another, and for an erasure."""
    return not is_erasure(row) and (row.began is None or row.began == row.saved)  # the latter in format 1


def is_erasure(row: Revision) -> bool:
    """Returns True for the tombstone of a session that is erased with everything of its owner."""
    return row.save_id is not None and row.save_id.startswith(_BY_ERASURE)


def is_by_timer(row: Revision) -> bool:
    """Returns True if a timer made the change."""
    return row.save_id is not None and row.save_id.startswith(_BY_TIMER)


def line_of_row(head: SessionHead, row: Revision) -> ActivityLine:
    """Returns the line of a row of the history. The title that a deleted session had is not known any more."""
    save_id, at = row.save_id or "", row.since
    title = None if row.action is SessionAction.DELETED else row.title
    return ActivityLine(
        id=line_id(head.id, row.version, save_id, at),
        owner_id=head.owner_id,
        at=at,
        action=ActivityAction(row.action.value),
        actor=Actor.TIMER if is_by_timer(row) else Actor.ME,
        subject=Subject(kind=SubjectKind.SESSION, id=head.id, title=title),
        version=row.version,
        device_info=row.device_info,
        content_hash=row.content_hash,
        content_bytes=row.content_bytes,
        app=head.app,
    )
