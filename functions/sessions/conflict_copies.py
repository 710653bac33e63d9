"""Saves that become a draft if they are refused, over HTTP: `on_conflict=copy`."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from pydantic import Field

from functions.http.call import Call, Response
from functions.http.errors import InvalidHeader
from functions.http.views import QueryModel, WireModel
from functions.sessions.views import (
    DraftMetadataView,
    SaveQuery,
    SessionMetadataView,
    draft_metadata,
    session_metadata,
)
from persistence.drafts.conflict_copies import ConflictCopies, ConflictCopy
from persistence.sessions.documents import SessionChange
from persistence.sessions.patches import ContentDelta

T = TypeVar("T")


class ConflictQuery(QueryModel):
    """What becomes of a save that is refused."""

    on_conflict: Literal["fail", "copy"] = Field(
        "fail",
        description="`copy`: if the session has changed, is closed or deleted, the content that is sent becomes a "
        "new draft, and the response is 201. Needs an `Idempotency-Key`. `fail`: the save is refused.",
    )


class SessionSaveQuery(SaveQuery, ConflictQuery):
    """How a save enters the history, and what becomes of it if it is refused."""


class ConflictView(WireModel):
    """The session whose save was refused."""

    of: str = Field(description="The id of that session or draft.")
    current: SessionMetadataView | None = Field(
        description="It as it is now, perhaps in the trash. Null if it is deleted."
    )


class DraftConflictCopyView(DraftMetadataView):
    """A new draft with the content of a save that was refused, without that content."""

    conflict: ConflictView = Field(description="What was to be saved.")


class SessionConflictCopyView(WireModel):
    """A new draft with the content of a save that was refused, without that content."""

    metadata: DraftMetadataView = Field(description="All but the content.")
    conflict: ConflictView = Field(description="What was to be saved.")


async def save_or_copy(
    call: Call[Any, Any],
    copies: ConflictCopies,
    session_id: str,
    change: SessionChange,
    save: Callable[[], Awaitable[T]],
    delta: ContentDelta | None = None,
) -> T | ConflictCopy:
    """Runs a save of this change, or of a delta. Makes a copy if it is refused and the caller asks for that.

    Raises InvalidHeader if the caller asks for it without a key.
    """
    assert isinstance(call.query, ConflictQuery)
    if call.query.on_conflict == "fail":
        return await save()
    conditions = call.conditions
    if conditions.save_id is None:
        raise InvalidHeader("Send an Idempotency-Key with on_conflict=copy, so that a retry makes no second copy.")
    return await copies.save_or_copy(call.owner_id, session_id, change, conditions, save, delta)


def copied(call: Call[Any, Any], copy: ConflictCopy) -> Response[Any]:
    """Returns the metadata of a copy, also if the caller prefers no body."""
    metadata = draft_metadata(copy.draft, copy.purges_at)
    return _created(call, copy, DraftConflictCopyView(**dict(metadata), conflict=_conflict(copy)))


def copied_session(call: Call[Any, Any], copy: ConflictCopy) -> Response[Any]:
    """As `copied`, with the metadata in the place that they have beside content."""
    metadata = draft_metadata(copy.draft, copy.purges_at)
    return _created(call, copy, SessionConflictCopyView(metadata=metadata, conflict=_conflict(copy)))


def _conflict(copy: ConflictCopy) -> ConflictView:
    return ConflictView(of=copy.of, current=None if copy.current is None else session_metadata(copy.current))


def _created(call: Call[Any, Any], copy: ConflictCopy, view: WireModel) -> Response[Any]:
    headers = call.location(f"drafts/{copy.draft.id}")
    return Response(view, copy.draft.metadata.etag, status=201, headers=headers)
