"""Drafts as they cross the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from functions.sessions.views import (
    FilterQuery,
    PageQuery,
    SessionMetadata,
    SessionUpdate,
    WireModel,
    session_metadata,
)
from persistence import documents
from persistence.documents import Timestamp
from persistence.sessions.documents import SessionSummary
from persistence.storage.query import Operator

_BY_APP = {"app": ("app", Operator.EQUAL)}
_BY_APP_AND_DEVICE = {**_BY_APP, "device": ("metadata.device_info", Operator.EQUAL)}


class DraftMetadata(SessionMetadata):
    """All of a draft but its content. `purgesAt` is when it goes, unless it is saved or opened before."""

    purges_at: Timestamp | None


class DraftContent(WireModel):
    """A draft and its content, as it was sent."""

    metadata: DraftMetadata
    content: str


class DraftSave(SessionUpdate):
    """Saves a draft: what is absent or null stays. A new one needs content, and is untitled without a title."""


class Restorable(WireModel):
    """What a picker shows on load; both are always there."""

    active: SessionMetadata | None
    drafts: list[DraftMetadata]


class DraftPutQuery(BaseModel):
    """How the history takes the save."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    autosave: bool = Field(True, description="Whether it takes the place of the autosave just before it.")


class RestoreQuery(FilterQuery):
    """Of which app."""

    FILTERS = _BY_APP

    app: documents.Label | None = Field(None, description="The label of one app.")


class LatestDraftQuery(FilterQuery):
    """Of which app and device."""

    FILTERS = _BY_APP_AND_DEVICE

    app: documents.Label | None = Field(None, description="The label of one app.")
    device: documents.Label | None = Field(None, description="The device that saved it last.")


class DraftsQuery(LatestDraftQuery, PageQuery):
    """Which drafts; the last saved come first."""


def draft_metadata(draft: SessionSummary, purges_at: datetime | None) -> DraftMetadata:
    """The wire's form of a draft's head."""
    return DraftMetadata(**dict(session_metadata(draft)), purges_at=purges_at)
