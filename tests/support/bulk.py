"""Many items at once, written without the engine: for tests of the cost of a run."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import orjson

from persistence.documents import new_id, timestamp_text
from persistence.sessions.documents import SessionContent, SessionHead, SessionMetadata, SessionStatus
from persistence.sessions.history import as_revision
from persistence.sessions.revisions import SessionAction
from persistence.snapshots.documents import AccessLog, Snapshot, SnapshotMetadata, Visitor
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Item
from persistence.timers.watermarks import Watermark

Placed = tuple[Container, Item]


def insert(folder: Path, items: Iterable[Placed]) -> None:
    """Writes items to the file of a SQLite engine. The tables must exist."""
    connection = sqlite3.connect(folder / "savepoint.db", timeout=30)
    with connection:
        for container, item in items:
            connection.execute(
                f"INSERT INTO {container.name} (partition, id, kind, etag, item) VALUES (?, ?, ?, ?, ?)",
                (item[container.partition_key], item["id"], item["kind"], "bulk", orjson.dumps(item).decode()),
            )
    connection.close()


def session(at: datetime, owner_id: str, status: SessionStatus = SessionStatus.ACTIVE) -> list[Placed]:
    """Returns a session and the content that it names."""
    id = new_id()
    content = SessionContent(id=f"{id}~{new_id()}", owner_id=owner_id, session_id=id, saved_at=at)
    metadata = SessionMetadata(
        title="Quiet",
        description=None,
        created_at=at,
        updated_at=at,
        last_accessed_at=at,
        content_hash="0" * 64,
        content_bytes=10,
        version=1,
    )
    head = SessionHead(
        id=id,
        owner_id=owner_id,
        status=status,
        status_before=SessionStatus.ACTIVE if status is SessionStatus.TRASHED else None,
        metadata=metadata,
        content_id=None if status is SessionStatus.DELETED else content.id,
        revisions=(),
    )
    head = head.model_copy(update={"revisions": (as_revision(head, SessionAction.CREATED, "save-1"),)})
    return [(SESSIONS, head.to_item()), (SESSIONS, content.to_item())]


def snapshot(at: datetime, owner_id: str, visitors: Iterable[str]) -> list[Placed]:
    """Returns a snapshot, its visitor items and their access logs."""
    id = new_id()
    metadata = SnapshotMetadata(
        title="Quiet", description="Words", created_at=at, content_hash="0" * 64, content_bytes=10
    )
    made = Snapshot(id=id, snapshot_id=id, owner_id=owner_id, metadata=metadata)
    rows = [AccessLog.first_visit(made, visitor, at) for visitor in (owner_id, *visitors)]
    return [
        (SNAPSHOTS, made.to_item()),
        *((SNAPSHOTS, Visitor.of(row).to_item()) for row in rows),
        *((SNAPSHOT_ACCESS_LOGS, row.to_item()) for row in rows),
    ]


def watermarks(until: datetime) -> list[Placed]:
    """Returns the watermarks of a timer that has looked at everything until then."""
    text = timestamp_text(until)
    paths = ("saved_at", "metadata.updated_at")
    fields = {"owner_id": " timers", "until": text}
    return [(SESSIONS, Watermark.model_validate({"id": path, **fields}).to_item()) for path in paths]


def tombstone(items: list[Placed], at: datetime) -> list[Placed]:
    """Returns the same snapshot, deleted at that time."""
    (container, item), *rest = items
    return [(container, Snapshot.model_validate(item).tombstone(at).to_item()), *rest]
