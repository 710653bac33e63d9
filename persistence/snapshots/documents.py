"""Snapshots and access log entries as stored, and what creates a snapshot."""

import hashlib
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, computed_field, model_validator

from persistence.content import Packed
from persistence.documents import (
    CaselessText,
    Description,
    Document,
    LabelText,
    MediaType,
    Timestamp,
    TitleText,
    caseless,
)


class SnapshotMetadata(BaseModel):
    """What a list shows of a snapshot. `content_bytes` is the size of the UTF-8 text."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: str
    description: str | None
    created_at: Timestamp
    content_hash: str
    content_bytes: int
    media_type: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way; mypy cannot see through it
    @property
    def title__lower(self) -> CaselessText:
        """The title for search and sort without regard to case, as `caseless`."""
        return caseless(self.title)


class Snapshot(Document):
    """A frozen copy. Its content is the item's payload. It changes once: into a tombstone without content.

    `session_id` is the session that it is a copy of, which only its owner learns. `unsettled_at` is set while a
    timer has to mark the access log entries of its visitors. `erased` is set on a tombstone if its owner erased
    everything: those entries then say nothing of it.
    """

    kind: Literal["snapshot"] = "snapshot"
    snapshot_id: str
    owner_id: str
    app: str | None = None
    session_id: str | None = None
    metadata: SnapshotMetadata
    expires_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    unsettled_at: Timestamp | None = None
    erased: bool = False

    @classmethod
    def damaged(cls, snapshot_id: str, owner_id: str, at: datetime) -> Self:
        """Returns a stand-in for a snapshot that is damaged or forgotten."""
        metadata = SnapshotMetadata(title="", description=None, created_at=at, content_hash="", content_bytes=0)
        return cls(id=snapshot_id, snapshot_id=snapshot_id, owner_id=owner_id, metadata=metadata)

    def to_item(self) -> dict[str, Any]:
        """Plain JSON, with `erased` only if it is true, and `session_id` only if there is one."""
        absent = {"erased": not self.erased, "session_id": self.session_id is None}
        return self.model_dump(mode="json", exclude={name for name, is_absent in absent.items() if is_absent})

    def is_gone(self, at: datetime) -> bool:
        """True if it was deleted, or has expired by `at`."""
        return self.deleted_at is not None or (self.expires_at is not None and self.expires_at <= at)

    def tombstone(self, at: datetime, *, erased: bool = False) -> Self:
        """Returns its tombstone, without title, description and expiry. If it is erased, also without what tells
        of its content; the owner stays until the tombstone is forgotten."""
        metadata = self.metadata.model_copy(update={"title": "", "description": None})
        times = {"expires_at": None, "deleted_at": self.deleted_at or at, "unsettled_at": at}
        if not erased:
            return self.model_copy(update={"metadata": metadata, **times})
        nothing = {"content_hash": "", "content_bytes": 0, "media_type": None}
        metadata = metadata.model_copy(update=nothing)
        nobody = {"app": None, "session_id": None}
        return self.model_copy(update={"metadata": metadata, "erased": True, **nobody, **times})


class AccessLog(Document):
    """One entry of the access log: one person's visits to one snapshot. The owner's entry also lists the snapshot
    in the owner's library. If the owner of the snapshot erased everything, `owner_id` is empty.

    session_id    the session that it is a copy of, in the owner's entry only
    pending       the owner's entry before the snapshot is known to exist; never listed
    hidden        the owner removed it from the history; the library still lists it
    unsettled_at  set while the entry is pending, for a timer to find it
    """

    kind: Literal["access_log"] = "access_log"
    visitor_id: str
    snapshot_id: str
    owner_id: str
    app: str | None = None
    session_id: str | None = None
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp
    snapshot_metadata: SnapshotMetadata
    expires_at: Timestamp | None = None
    snapshot_deleted: bool = False
    pending: bool = False
    hidden: bool = False
    unsettled_at: Timestamp | None = None

    def to_item(self) -> dict[str, Any]:
        """Plain JSON, with `session_id` only if there is one."""
        return self.model_dump(mode="json", exclude={"session_id"} if self.session_id is None else None)

    def seen(self, at: datetime) -> Self:
        """Returns the entry as its person sees it: an expired snapshot is as a deleted one, before a timer marks
        it."""
        if self.snapshot_deleted or self.expires_at is None or self.expires_at > at:
            return self
        metadata = self.snapshot_metadata.model_copy(update={"description": None})
        return self.model_copy(update={"snapshot_deleted": True, "snapshot_metadata": metadata})

    @classmethod
    def first_visit(cls, snapshot: Snapshot, visitor_id: str, at: datetime) -> Self:
        """Returns the entry that a person's first visit creates."""
        return cls(
            id=snapshot.id,
            visitor_id=visitor_id,
            snapshot_id=snapshot.id,
            owner_id=snapshot.owner_id,
            app=snapshot.app,
            session_id=snapshot.session_id if visitor_id == snapshot.owner_id else None,
            visits=1,
            first_visited_at=at,
            last_visited_at=at,
            snapshot_metadata=snapshot.metadata,
            expires_at=snapshot.expires_at,
        )


class Visitor(Document):
    """How often one person opened a snapshot. A copy of the counts of that person's access log entry, kept in the
    snapshot's partition for its owner."""

    kind: Literal["visitor"] = "visitor"
    snapshot_id: str
    visitor_id: str
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp

    @classmethod
    def of(cls, entry: AccessLog) -> Self:
        """Returns the visitor with the counts of an access log entry."""
        return cls(
            id=visitor_item_id(entry.visitor_id),
            snapshot_id=entry.snapshot_id,
            visitor_id=entry.visitor_id,
            visits=entry.visits,
            first_visited_at=entry.first_visited_at,
            last_visited_at=entry.last_visited_at,
        )


class NewSnapshot(BaseModel):
    """What creates a snapshot: content, or the id of a session or snapshot of the owner, which is copied.

    From those, a missing title, description or media type is theirs. An empty description is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: TitleText | None = None
    description: Description | None = None
    content: Packed | None = None
    session_id: str | None = None
    snapshot_id: str | None = None
    app: LabelText | None = None
    media_type: MediaType | None = None
    expires_at: Timestamp | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(one is not None for one in (self.content, self.session_id, self.snapshot_id)) != 1:
            raise ValueError("needs either content or the id of a session or snapshot")
        if self.content is not None and self.title is None:
            raise ValueError("title: is required with content")
        return self


class SnapshotStats(BaseModel):
    """How often a snapshot was opened, by how many people, first and last. Times are None if nobody opened it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    visits: int
    visitors: int
    first_visited_at: Timestamp | None
    last_visited_at: Timestamp | None


def visitor_item_id(visitor_id: str) -> str:
    """Returns the id of a person's visitor item. A hash, because owner ids may contain other characters."""
    return "visitor~" + hashlib.sha256(visitor_id.encode()).hexdigest()[:32]
