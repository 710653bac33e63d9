"""A note as it is stored."""

from typing import Literal

from pydantic import BaseModel

from persistence.documents import Document, Timestamp


class NoteMetadata(BaseModel):
    """At the paths that the container `sessions` indexes."""

    created_at: Timestamp
    content_bytes: int


class Note(Document):
    """A short text. A deleted note is a tombstone without text."""

    kind: Literal["note"] = "note"
    owner_id: str
    status: Literal["active", "deleted"] = "active"
    text: str
    metadata: NoteMetadata
    deleted_at: Timestamp | None = None
