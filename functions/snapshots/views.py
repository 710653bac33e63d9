"""The models of requests and responses about snapshots and access logs."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from functions.http.content import CONTENT_HASH, ContentHash, packed_members
from functions.http.endpoint import id_parameter
from functions.http.paging import UNTIL, ListQuery, QueryTime, UntilTime
from functions.http.views import BodyModel, WireModel, view_of
from functions.sync.views import SessionId
from persistence.documents import (
    SNAPSHOT_ID_MAX_LENGTH,
    Description,
    Label,
    LabelText,
    MediaType,
    Timestamp,
    Title,
    TitleText,
)
from persistence.snapshots.documents import AccessLog, NewSnapshot, Snapshot, SnapshotStats, Visitor
from persistence.storage.query import Operator

SNAPSHOT_ID = id_parameter(
    "snapshot_id", "The id of the snapshot.", longest=SNAPSHOT_ID_MAX_LENGTH, statuses=(404, 410)
)


class SnapshotMetadataView(WireModel):
    """A snapshot without its content. A snapshot never changes."""

    id: str = Field(description="The id of the snapshot. Everyone who is signed in and has it can open it.")
    owner_id: str = Field(description="The id of the owner. Empty if the owner has erased everything.")
    title: str = Field(description="The title. Empty if the owner has erased everything.")
    description: str | None = Field(description="The description, if there is one.")
    app: str | None = Field(description="The label of the app that created it.")
    created_at: Timestamp = Field(description="When it was created.")
    updated_at: Timestamp = Field(description="Always the same as `createdAt`.")
    expires_at: Timestamp | None = Field(description="When it expires. Null if it does not.")
    content_hash: str = Field(
        description="The SHA-256 of the content, in hexadecimal. Empty if the owner has erased everything."
    )
    content_bytes: int = Field(description="The size of the content, in bytes of UTF-8.")
    media_type: str | None = Field(description="The media type of the content, if it is known.")


class SnapshotContentView(WireModel):
    """A snapshot with its content."""

    metadata: SnapshotMetadataView = Field(description="All but the content.")
    content: str = Field(description="The content, exactly as it was sent.")


class SnapshotAccessLogView(WireModel):
    """The visits of one person to one snapshot."""

    visitor_id: str = Field(description="The id of the person.")
    snapshot_id: str = Field(description="The id of the snapshot.")
    visits: int = Field(description="The number of visits.")
    first_visited_at: Timestamp = Field(description="When the person opened it first.")
    last_visited_at: Timestamp | None = Field(description="When the person opened it last.")
    snapshot_deleted: bool = Field(description="True if the snapshot was deleted or has expired.")
    snapshot_metadata: SnapshotMetadataView = Field(
        description="The snapshot. It has no description after the snapshot was deleted."
    )


class SnapshotStatsView(WireModel):
    """How often a snapshot was opened. Its creation counts as the first visit, by its owner."""

    visits: int = Field(description="The number of visits.")
    visitors: int = Field(description="The number of people.")
    first_visited_at: Timestamp | None = Field(description="When it was opened first.")
    last_visited_at: Timestamp | None = Field(description="When it was opened last.")


class SnapshotVisitorView(WireModel):
    """The visits of one person to a snapshot of yours."""

    visitor_id: str = Field(description="The id of the person.")
    visits: int = Field(description="The number of visits.")
    first_visited_at: Timestamp = Field(description="When the person opened it first.")
    last_visited_at: Timestamp = Field(description="When the person opened it last.")


class NewSnapshotBody(BodyModel):
    """Creates a snapshot of `content`, or as a copy of the session `sessionId` or the snapshot `snapshotId`."""

    model_config = ConfigDict(
        # The rule of `_one_source`, for those who read the schema.
        json_schema_extra={
            "examples": [{"title": "Wells in June", "content": "zoom: 3"}],
            "anyOf": [
                {
                    "required": ["title", "content"],
                    "properties": {
                        "title": {"type": "string"},
                        "content": {"type": "string"},
                        "sessionId": {"type": "null"},
                        "snapshotId": {"type": "null"},
                    },
                },
                {
                    "required": ["sessionId"],
                    "properties": {
                        "sessionId": {"type": "string"},
                        "content": {"type": "null"},
                        "snapshotId": {"type": "null"},
                    },
                },
                {
                    "required": ["snapshotId"],
                    "properties": {
                        "snapshotId": {"type": "string"},
                        "content": {"type": "null"},
                        "sessionId": {"type": "null"},
                    },
                },
            ],
        }
    )

    title: Title | None = Field(None, description="The title. By default that of what is copied.")
    description: Description | None = Field(None, description="A description. By default that of what is copied.")
    content: str | None = Field(None, description="Any text, of at most 1,572,864 bytes of UTF-8.")
    content_hash: ContentHash | None = Field(None, description=CONTENT_HASH)
    session_id: str | None = Field(None, description="The id of a session of yours. Its content is copied.")
    snapshot_id: str | None = Field(
        None, description="The id of a snapshot of yours. Its content is copied, for another link to it."
    )
    app: Label | None = Field(None, description="A label for the app that creates it.")
    media_type: MediaType | None = Field(
        None, description="The media type of the content. By default that of what is copied."
    )
    expires_at: QueryTime | None = Field(None, description="When it expires. It must lie in the future.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(one is not None for one in (self.content, self.session_id, self.snapshot_id)) != 1:
            raise ValueError("needs either content or the id of a session or snapshot")
        if self.content is not None and self.title is None:
            raise ValueError("title: is required with content")
        return self

    def new_snapshot(self) -> NewSnapshot:
        """Returns what the store creates it from. Raises as `packed_members`."""
        return NewSnapshot.model_validate(packed_members(self, NewSnapshot))


_TITLE, _TITLE_LOWER = "snapshot_metadata.title", "snapshot_metadata.title__lower"
_CREATED_AT = "snapshot_metadata.created_at"


class _SnapshotFilters(ListQuery):
    """The filters of both lists. Both read access logs: those of an owner are also the owner's library."""

    FILTERS = {
        "app": ("app", Operator.EQUAL),
        "session_id": ("session_id", Operator.EQUAL),
        "filter_title": (_TITLE_LOWER, Operator.CONTAINS),
        "filter_created_from": (_CREATED_AT, Operator.MORE_OR_EQUAL),
        "filter_created_to": (_CREATED_AT, Operator.LESS_OR_EQUAL),
    }
    LOWERCASE_SORTS = {_TITLE: _TITLE_LOWER}

    app: LabelText | None = Field(None, description="The label of one app.")
    session_id: SessionId | None = Field(None, description="Your snapshots of one session.")
    filter_title: TitleText | None = Field(None, description="Part of the title, in any case.")
    filter_created_from: QueryTime | None = Field(None, description="Created at or after this time.")
    filter_created_to: UntilTime | None = Field(None, description=f"Created at or before this time. {UNTIL}")


class SnapshotsQuery(_SnapshotFilters):
    """Which of your snapshots, in which order."""

    SORTS = {
        "created_at": _CREATED_AT,
        "updated_at": _CREATED_AT,
        "title": _TITLE,
        "title_lower": _TITLE_LOWER,
    }

    sort_by: Literal["created_at", "updated_at", "title", "title_lower"] = Field(
        "created_at", description="What to sort by."
    )


class AccessLogsQuery(_SnapshotFilters):
    """Which of your visits, in which order."""

    FILTERS = {
        **_SnapshotFilters.FILTERS,
        "filter_last_visited_from": ("last_visited_at", Operator.MORE_OR_EQUAL),
        "filter_last_visited_to": ("last_visited_at", Operator.LESS_OR_EQUAL),
        "filter_owner_id": ("owner_id", Operator.EQUAL),
        "filter_snapshot_deleted": ("snapshot_deleted", Operator.EQUAL),
    }

    sort_by: Literal[
        "last_visited_at",
        "visits",
        "snapshot_metadata.title",
        "snapshot_metadata.title__lower",
        "snapshot_metadata.created_at",
    ] = Field("last_visited_at", description="What to sort by.")
    filter_last_visited_from: QueryTime | None = Field(None, description="Last opened at or after this time.")
    filter_last_visited_to: UntilTime | None = Field(
        None, description=f"Last opened at or before this time. {UNTIL}"
    )
    filter_owner_id: str | None = Field(None, max_length=255, description="The id of the owner.")
    filter_snapshot_deleted: bool | None = Field(
        None,
        description="Only deleted snapshots, or only those that are not. Expired ones count as deleted. By "
        "default both, without deleted snapshots of yours.",
    )


class VisitorsQuery(ListQuery):
    """In which order the visitors of a snapshot are listed."""

    sort_by: Literal["last_visited_at", "first_visited_at", "visits"] = Field(
        "last_visited_at", description="What to sort by."
    )


def snapshot_metadata(document: Snapshot | AccessLog) -> SnapshotMetadataView:
    """Returns the view of a snapshot, or of what an access log keeps of it."""
    metadata = document.snapshot_metadata if isinstance(document, AccessLog) else document.metadata
    return SnapshotMetadataView(
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


view_of.register(Snapshot, snapshot_metadata)


@view_of.register
def access_log(log: AccessLog) -> SnapshotAccessLogView:
    """Returns the view of an access log."""
    return SnapshotAccessLogView(
        visitor_id=log.visitor_id,
        snapshot_id=log.snapshot_id,
        visits=log.visits,
        first_visited_at=log.first_visited_at,
        last_visited_at=log.last_visited_at,
        snapshot_deleted=log.snapshot_deleted,
        snapshot_metadata=snapshot_metadata(log),
    )


def snapshot_visitor(visitor: Visitor) -> SnapshotVisitorView:
    """Returns the view of a visitor."""
    return SnapshotVisitorView.model_validate(visitor)


def snapshot_stats(stats: SnapshotStats) -> SnapshotStatsView:
    """Returns the view of the numbers of visits and visitors."""
    return SnapshotStatsView.model_validate(stats)
