"""Snapshots and access logs as they cross the wire."""

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.sessions.views import ListQuery, QueryTime, WireModel
from persistence import documents
from persistence.documents import Timestamp
from persistence.snapshots import documents as snapshot_documents
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.storage.query import Operator


class SnapshotMetadata(WireModel):
    """All of a snapshot but its content. A snapshot never changes, so `updatedAt` is `createdAt`."""

    id: str
    owner_id: str
    title: str
    description: str | None
    app: str | None
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp | None
    content_hash: str
    content_bytes: int
    media_type: str | None


class SnapshotContent(WireModel):
    """A snapshot and its content, as it was sent."""

    metadata: SnapshotMetadata
    content: str


class NewSnapshot(snapshot_documents.NewSnapshot):
    """Makes a snapshot, either of `content`, or of the session `sessionId`, which is copied here."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        # What the document's own validator checks, told to those who read the schema.
        json_schema_extra={
            "examples": [{"title": "Wells in June", "content": "zoom: 3"}],
            "anyOf": [
                {
                    "required": ["title", "content"],
                    "properties": {
                        "title": {"type": "string"},
                        "content": {"type": "string"},
                        "sessionId": {"type": "null"},
                    },
                },
                {
                    "required": ["sessionId"],
                    "properties": {"sessionId": {"type": "string"}, "content": {"type": "null"}},
                },
            ],
        },
    )

    content: str | None = None
    expires_at: QueryTime | None = None


class SnapshotAccessLog(WireModel):
    """One person's visits to one snapshot. The description is gone where the snapshot is."""

    visitor_id: str
    snapshot_id: str
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp | None
    snapshot_deleted: bool
    snapshot_metadata: SnapshotMetadata


class SnapshotStats(WireModel):
    """How often a snapshot was opened, and by how many people. Making it is its owner's first visit."""

    visits: int
    visitors: int
    first_visited_at: Timestamp | None
    last_visited_at: Timestamp | None


class SnapshotVisitor(WireModel):
    """Who opened a snapshot, how often and when."""

    visitor_id: str
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp


_TITLE, _TITLE_LOWER = "snapshot_metadata.title", "snapshot_metadata.title__lower"
_CREATED_AT = "snapshot_metadata.created_at"


class SnapshotsQuery(ListQuery):
    """Which of my snapshots, in which order."""

    FILTERS = {
        "app": ("app", Operator.EQUAL),
        "filter_title": (_TITLE_LOWER, Operator.CONTAINS),
        "filter_created_from": (_CREATED_AT, Operator.MORE_OR_EQUAL),
        "filter_created_to": (_CREATED_AT, Operator.LESS_OR_EQUAL),
    }
    SORTS = {
        "created_at": _CREATED_AT,
        "updated_at": _CREATED_AT,
        "title": _TITLE,
        "title_lower": _TITLE_LOWER,
    }
    LOWERCASE_SORTS = {_TITLE: _TITLE_LOWER}

    sort_by: Literal["created_at", "updated_at", "title", "title_lower"] = "created_at"
    app: documents.Label | None = Field(None, description="The label of one app.")
    filter_title: documents.Title | None = Field(None, description="Part of the title, in any case.")
    filter_created_from: QueryTime | None = Field(None, description="Made then or later.")
    filter_created_to: QueryTime | None = Field(None, description="Made then or earlier.")


class AccessLogsQuery(ListQuery):
    """Which of my visits, in which order."""

    FILTERS = {
        "app": ("app", Operator.EQUAL),
        "filter_title": (_TITLE_LOWER, Operator.CONTAINS),
        "filter_created_from": (_CREATED_AT, Operator.MORE_OR_EQUAL),
        "filter_created_to": (_CREATED_AT, Operator.LESS_OR_EQUAL),
        "filter_last_visited_from": ("last_visited_at", Operator.MORE_OR_EQUAL),
        "filter_last_visited_to": ("last_visited_at", Operator.LESS_OR_EQUAL),
        "filter_owner_id": ("owner_id", Operator.EQUAL),
        "filter_snapshot_deleted": ("snapshot_deleted", Operator.EQUAL),
    }
    LOWERCASE_SORTS = {_TITLE: _TITLE_LOWER}

    sort_by: Literal[
        "last_visited_at",
        "visits",
        "snapshot_metadata.title",
        "snapshot_metadata.title__lower",
        "snapshot_metadata.created_at",
    ] = "last_visited_at"
    app: documents.Label | None = Field(None, description="The label of one app.")
    filter_title: documents.Title | None = Field(None, description="Part of the title, in any case.")
    filter_created_from: QueryTime | None = Field(None, description="Made then or later.")
    filter_created_to: QueryTime | None = Field(None, description="Made then or earlier.")
    filter_last_visited_from: QueryTime | None = Field(None, description="Opened last then or later.")
    filter_last_visited_to: QueryTime | None = Field(None, description="Opened last then or earlier.")
    filter_owner_id: str | None = Field(None, max_length=255, description="Whose snapshots.")
    filter_snapshot_deleted: bool | None = Field(None, description="Only deleted ones, or only the others.")


class VisitorsQuery(ListQuery):
    """In which order a snapshot's visitors are told."""

    sort_by: Literal["last_visited_at", "first_visited_at", "visits"] = "last_visited_at"


def snapshot_metadata(document: Snapshot | AccessLog) -> SnapshotMetadata:
    """The wire's form of a snapshot, or of what a row keeps of it."""
    metadata = document.snapshot_metadata if isinstance(document, AccessLog) else document.metadata
    return SnapshotMetadata(
        id=document.snapshot_id,
        owner_id=document.owner_id,
        title=metadata.title,
        description=metadata.description,
        app=document.app,
        created_at=metadata.created_at,
        updated_at=metadata.created_at,
        expires_at=document.expires_at,
        content_hash=metadata.content_hash,
        content_bytes=metadata.content_bytes,
        media_type=metadata.media_type,
    )


def access_log(row: AccessLog) -> SnapshotAccessLog:
    """The wire's form of a row."""
    return SnapshotAccessLog(
        visitor_id=row.visitor_id,
        snapshot_id=row.snapshot_id,
        visits=row.visits,
        first_visited_at=row.first_visited_at,
        last_visited_at=row.last_visited_at,
        snapshot_deleted=row.snapshot_deleted,
        snapshot_metadata=snapshot_metadata(row),
    )


def snapshot_visitor(visitor: Visitor) -> SnapshotVisitor:
    """The wire's form of a visitor item."""
    return SnapshotVisitor.model_validate(visitor)
