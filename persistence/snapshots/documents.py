"""Snapshots as they are stored, and who opened them."""

import hashlib
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, computed_field, model_validator

from persistence.documents import Description, Document, Label, LowerText, MediaType, Timestamp, Title


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
    def title__lower(self) -> LowerText:
        """For search and sort without regard to case."""
        return self.title.lower()

    def without_words(self, title: str) -> Self:
        """What remains after deletion: no description, and `title` for the title."""
        return self.model_copy(update={"title": title, "description": None})


class Snapshot(Document):
    """A frozen copy; its bytes are the item's payload. It changes once, into a tombstone without content.

    `unsettled_at` is there while the timer has work with it: the rows of its visitors are to be marked.
    """

    kind: Literal["snapshot"] = "snapshot"
    snapshot_id: str
    owner_id: str
    app: str | None = None
    metadata: SnapshotMetadata
    expires_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    unsettled_at: Timestamp | None = None

    def is_gone(self, at: datetime) -> bool:
        """Whether it was deleted, or its time was over by then."""
        return self.deleted_at is not None or (self.expires_at is not None and self.expires_at <= at)

    def tombstone(self, at: datetime) -> Self:
        """What is left of it: that it was there, whose it was, and when it went."""
        return self.model_copy(
            update={
                "metadata": self.metadata.without_words(""),
                "expires_at": None,
                "deleted_at": at,
                "unsettled_at": at,
            }
        )


class Visitor(Document):
    """Beside the snapshot, for its owner: how often one person opened it. Copied from that person's row."""

    kind: Literal["visitor"] = "visitor"
    snapshot_id: str
    visitor_id: str
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp

    @classmethod
    def of(cls, log: "AccessLog") -> Self:
        """The visitor that a row tells of, with the row's own counts."""
        return cls(
            id=visitor_item_id(log.visitor_id),
            snapshot_id=log.snapshot_id,
            visitor_id=log.visitor_id,
            visits=log.visits,
            first_visited_at=log.first_visited_at,
            last_visited_at=log.last_visited_at,
        )


class AccessLog(Document):
    """One row per person and snapshot, kept with the person; the owner's is also an entry of their library.

    pending     the owner's row before its snapshot is known to exist; never listed
    hidden      the owner removed it from the visit history; it stays in the library
    """

    kind: Literal["access_log"] = "access_log"
    visitor_id: str
    snapshot_id: str
    owner_id: str
    app: str | None = None
    visits: int
    first_visited_at: Timestamp
    last_visited_at: Timestamp
    snapshot_metadata: SnapshotMetadata
    expires_at: Timestamp | None = None
    snapshot_deleted: bool = False
    pending: bool = False
    hidden: bool = False
    unsettled_at: Timestamp | None = None

    @classmethod
    def first_visit(cls, snapshot: Snapshot, visitor_id: str, at: datetime) -> Self:
        """The row that a person's first visit makes."""
        return cls(
            id=snapshot.id,
            visitor_id=visitor_id,
            snapshot_id=snapshot.id,
            owner_id=snapshot.owner_id,
            app=snapshot.app,
            visits=1,
            first_visited_at=at,
            last_visited_at=at,
            snapshot_metadata=snapshot.metadata,
            expires_at=snapshot.expires_at,
        )


class NewSnapshot(BaseModel):
    """What makes a snapshot: content, or the id of a session of mine that is copied here.

    From a session, a title, description or media type that is not given is the session's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: Title | None = None
    description: Description | None = None
    content: str | bytes | None = None
    session_id: str | None = None
    app: Label | None = None
    media_type: MediaType | None = None
    expires_at: Timestamp | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.content is None) == (self.session_id is None):
            raise ValueError("needs either content or the id of a session")
        if self.content is not None and self.title is None:
            raise ValueError("needs a title where it is made from content")
        return self


class SnapshotStats(BaseModel):
    """How often a snapshot was opened, by how many people, first and last. Times are None for no visit."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    visits: int
    visitors: int
    first_visited_at: Timestamp | None
    last_visited_at: Timestamp | None


def visitor_item_id(visitor_id: str) -> str:
    """An id made of any owner id: those may hold characters that ids may not."""
    return "visitor~" + hashlib.sha256(visitor_id.encode()).hexdigest()[:32]
