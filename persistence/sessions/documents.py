"""Sessions as they are stored, and what creates and changes them."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, computed_field, model_validator

from persistence.content import Packed
from persistence.documents import (
    CaselessText,
    ClearableLabelText,
    Description,
    Device,
    Document,
    LabelText,
    MediaType,
    Timestamp,
    TitleText,
    caseless,
)
from persistence.errors import KeyReused
from persistence.sessions.revisions import (
    Revision,
    SessionAction,
    etag_of,
    from_objects,
    from_rows,
    to_objects,
    to_rows,
)

REMEMBERED_VERSIONS = 10
"""Number of recent versions whose save ids are kept, so that a retry is recognised after its revision was
pruned."""

StoredFormat = Literal[1, 2]
"""The format of a stored head: 1 has an object for each revision, 2 has compact rows."""


class SessionStatus(StrEnum):
    """`draft`: saves itself, not in the lists of sessions. `active`: can be edited. `closed`: read-only.
    `trashed`: in the trash, and can be restored. `deleted`: a tombstone."""

    DRAFT = "draft"
    ACTIVE = "active"
    CLOSED = "closed"
    TRASHED = "trashed"
    DELETED = "deleted"


DELETED_STATUSES = frozenset({SessionStatus.TRASHED, SessionStatus.DELETED})
RESTORABLE = frozenset({SessionStatus.DRAFT, SessionStatus.ACTIVE, SessionStatus.CLOSED})
"""What a session in the trash can have been before, and what a restore leads back to."""

MOVES = {
    SessionAction.PROMOTED: (SessionStatus.DRAFT, SessionStatus.ACTIVE),
    SessionAction.CLOSED: (SessionStatus.ACTIVE, SessionStatus.CLOSED),
    SessionAction.REOPENED: (SessionStatus.CLOSED, SessionStatus.ACTIVE),
}
"""The status that each action needs, and the status that it leads to. Nothing moves a deleted session."""


class SessionMetadata(BaseModel):
    """What a list shows of a session. `content_bytes` is the size of the UTF-8 text, not of its compressed
    form."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: str
    description: str | None
    created_at: Timestamp
    updated_at: Timestamp
    last_accessed_at: Timestamp
    content_hash: str
    content_bytes: int
    version: int
    device_info: str | None = None
    media_type: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way; mypy cannot see through it
    @property
    def title__lower(self) -> CaselessText:
        """For search and sort without regard to case, as `caseless`: LOWER() in a query uses no index."""
        return caseless(self.title)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def description__lower(self) -> CaselessText | None:
        """As `title__lower`."""
        return None if self.description is None else caseless(self.description)

    @property
    def etag(self) -> str:
        """The ETag that callers see."""
        return etag_of(self.version, self.content_hash)


class SessionSummary(Document):
    """The part of a head that lists read. `status_before` is set in the trash: a restore leads back to it."""

    schema_version: StoredFormat = Field(default=2, alias="schema")  # type: ignore[assignment]  # wider
    kind: Literal["session"] = "session"
    owner_id: str
    app: str | None = None
    status: SessionStatus
    status_before: SessionStatus | None = None
    metadata: SessionMetadata
    deleted_at: Timestamp | None = None
    unsettled_at: Timestamp | None = None

    @model_validator(mode="after")
    def _can_be_restored(self) -> Self:
        if (self.status is SessionStatus.TRASHED) != (self.status_before in RESTORABLE):
            raise ValueError("a session has a status before exactly if it is in the trash")
        return self


class SessionHead(SessionSummary):
    """A session's small item. It names the current content and holds the history, newest first.

    `remembered` has recent revisions that are no longer in the history. Their writes may still be retried, and
    their contents may be the base of a delta. A tombstone has no content, title or description, and one revision:
    the deletion. `unsettled_at` is set on a tombstone until the timer has removed its contents. `copied_by` is set
    on a conflict copy and on an imported session: what names the request that made it, so that a retry is
    recognised for ever. A head is
    stored in the format of its `schema_version`.
    """

    content_id: str | None
    copied_by: str | None = None
    revisions: tuple[InstanceOf[Revision], ...]
    remembered: tuple[InstanceOf[Revision], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_item(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "schema" not in data:
            return data
        if (data.get("content_id") is None) != (data.get("status") == SessionStatus.DELETED):
            raise ValueError("a session has a content exactly if it is no tombstone")
        if data["schema"] == 2:
            return {**data, **from_rows(data)}
        return data | {name: from_objects(data[name]) for name in ("revisions", "remembered") if name in data}

    def to_item(self) -> dict[str, Any]:
        item = self.model_dump(mode="json", exclude={"revisions", "remembered"})
        if self.copied_by is None:
            del item["copied_by"]
        if self.status is SessionStatus.TRASHED:
            # The room for `status_before` and `stale_since`: a full partition takes no item that has grown.
            del item["deleted_at"], item["unsettled_at"]
        if self.schema_version == 1:
            lists = {"revisions": to_objects(self.revisions), "remembered": to_objects(self.remembered)}
            return item | lists
        return item | {"revisions": to_rows(self.id, self.metadata, self.revisions, self.remembered)}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def stale_since(self) -> Timestamp | None:
        """The last access to a draft, or the time when the session was moved to the trash. None for all other
        statuses, so that no timer purges them."""
        purged = self.status in (SessionStatus.DRAFT, SessionStatus.TRASHED)
        return self.metadata.last_accessed_at if purged else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def kept_bytes(self) -> int:
        """The size of all contents that this head names, each counted once. In bytes of UTF-8."""
        sizes = {one.content_id: one.content_bytes for one in (*self.revisions, *self.remembered)}
        sizes.pop(None, None)
        return sum(sizes.values())

    @property
    def content_ids(self) -> frozenset[str]:
        """The ids of every content item that this head names, those of remembered revisions included."""
        named = {revision.content_id for revision in (*self.revisions, *self.remembered)} | {self.content_id}
        return frozenset(name for name in named if name is not None)

    def has(self, revision: Revision) -> bool:
        """Returns True if the revision is in the history, or remembered: the same attempt of the same write."""
        return any(one.is_same_attempt(revision) for one in (*self.revisions, *self.remembered))

    def revision_by(self, save_id: str) -> Revision | None:
        """Returns the revision that this write created, or None if none is remembered.

        Raises KeyReused if a different request used the same name.
        """
        name = _write_name(save_id)
        known = (
            one for one in (*self.revisions, *self.remembered) if one.save_id and _write_name(one.save_id) == name
        )
        revision = next(known, None)
        if revision is not None and revision.save_id != save_id:
            raise KeyReused
        return revision

    def as_of(self, revision: Revision) -> Self:
        """Returns the head as that revision left it.

        The history does not keep description and app, nor a status that the revision did not change: those are
        the current ones.
        """
        metadata = self.metadata.model_copy(
            update={
                "title": revision.title,
                "updated_at": revision.saved_at,
                "last_accessed_at": revision.saved_at,
                "content_hash": revision.content_hash,
                "content_bytes": revision.content_bytes,
                "version": revision.version,
                "device_info": revision.device_info,
                "media_type": revision.media_type,
            }
        )
        revisions = tuple(one for one in self.revisions if one.version <= revision.version)
        update = {"metadata": metadata, "content_id": revision.content_id, "revisions": revisions}
        if revision.action in MOVES:
            _, update["status"] = MOVES[revision.action]
        elif self.status is SessionStatus.TRASHED and revision.action is not SessionAction.TRASHED:
            update |= {"status": self.status_before, "status_before": None}
        return self.model_copy(update=update)


class SessionContent(Document):
    """A content item. It is written once; its bytes are the item's payload, and its id is never reused."""

    kind: Literal["content"] = "content"
    owner_id: str
    session_id: str
    saved_at: Timestamp


class NewSession(BaseModel):
    """What creates a session. An empty description counts as none."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: TitleText
    description: Description | None
    content: Packed
    app: LabelText | None = None
    device_info: Device = None
    media_type: MediaType | None = None


class SessionChange(BaseModel):
    """What changes a session. None leaves a field unchanged; "" clears a description or an app."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: TitleText | None = None
    description: Description | None = None
    content: Packed | None = None
    app: ClearableLabelText | None = None
    device_info: Device = None
    media_type: MediaType | None = None


def _write_name(save_id: str) -> str:
    return save_id.partition(".")[0]
