"""Lines of activity about snapshots, in their owners' partitions. Their ids are fixed, so they can be repeated."""

from datetime import datetime

from persistence.activity.documents import (
    ActivityAction,
    ActivityLine,
    Actor,
    Subject,
    SubjectKind,
    event_id,
)
from persistence.snapshots.documents import AccessLog, Snapshot


def created_line(snapshot: Snapshot) -> ActivityLine:
    """Returns the line of a snapshot that exists."""
    return _line(AccessLog.first_visit(snapshot, snapshot.owner_id, snapshot.metadata.created_at))


def lines_of_deleted(entry: AccessLog, at: datetime, actor: Actor) -> list[ActivityLine]:
    """Returns the lines of a snapshot that was deleted, from its owner's entry as it is before it is marked."""
    deletion = _line(entry).model_copy(
        update={
            "id": event_id("snapshot", entry.snapshot_id, ActivityAction.DELETED.value),
            "at": at,
            "action": ActivityAction.DELETED,
            "actor": actor,
        }
    )
    # Nothing confirms a pending entry after its snapshot was deleted.
    return [_line(entry), deletion] if entry.pending else [deletion]


def _line(entry: AccessLog) -> ActivityLine:
    metadata = entry.snapshot_metadata
    return ActivityLine(
        id=event_id("snapshot", entry.snapshot_id, ActivityAction.CREATED.value),
        owner_id=entry.owner_id,
        at=metadata.created_at,
        action=ActivityAction.CREATED,
        subject=Subject(kind=SubjectKind.SNAPSHOT, id=entry.snapshot_id, title=metadata.title),
        content_hash=metadata.content_hash,
        content_bytes=metadata.content_bytes,
        app=entry.app,
    )
