"""The content of sessions over HTTP, by itself: with its own media type, not wrapped in JSON."""

from typing import Any

from functions.http.bodies import ANY_TYPE, FOSSIL_DELTA, RawContent, RawDelta
from functions.http.call import Call, Response
from functions.http.content import content_response
from functions.http.digests import PATCHED_DIGEST, REPR_DIGEST, patched_digest
from functions.http.endpoint import Route, Routes, Saves
from functions.http.headers import percent_decoded
from functions.http.views import Nothing
from functions.sessions.conflict_copies import DraftConflictCopyView, SessionSaveQuery, copied, save_or_copy
from functions.sessions.endpoints import CONDITIONAL, saved_metadata
from functions.sessions.views import SESSION_ID, SessionMetadataView
from persistence.deltas import DELTA_MAX_BYTES
from persistence.drafts.conflict_copies import ConflictCopies, ConflictCopy
from persistence.sessions.documents import SessionChange, SessionHead
from persistence.sessions.patches import ContentDelta
from persistence.sessions.store import SessionStore

routes = Routes(
    "session content",
    "The content of a session by itself, with its own media type. It can be gzipped in both directions.",
    SESSION_ID,
)

CONTENT = "sessions/{session_id}/content"
DEVICE = "Savepoint-Device"


@routes.serve(Route("GET", CONTENT, produces=ANY_TYPE, reads=("If-None-Match",)))
async def get_session_content(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[bytes]:
    """Returns the content of a session, exactly as it was sent."""
    opened = await sessions.get(call.owner_id, call.path["session_id"], call.if_none_match, touch=not call.is_head)
    metadata = opened.head.metadata
    return content_response(call, opened.verified, metadata.etag, metadata.media_type)


@routes.serve(
    Route(
        "PUT",
        CONTENT,
        media_types=(ANY_TYPE,),
        reads=(*CONDITIONAL, "Prefer", REPR_DIGEST, DEVICE),
        saves=Saves("session", "raw"),
        other_successes={201: (DraftConflictCopyView,)},
    )
)
async def put_session_content(
    call: Call[SessionSaveQuery, RawContent], sessions: SessionStore, copies: ConflictCopies
) -> Response[SessionMetadataView]:
    """Saves the content of a session. Gzipped content is smaller and faster to send than JSON."""
    session_id, conditions, autosave = call.path["session_id"], call.conditions, call.query.autosave
    change = SessionChange(
        content=call.body.content,
        media_type=call.body.media_type,
        device_info=_device(call),
    )

    async def save() -> SessionHead:
        return await sessions.save(call.owner_id, session_id, change, conditions, autosave=autosave)

    head = await save_or_copy(call, copies, session_id, change, save)
    return copied(call, head) if isinstance(head, ConflictCopy) else saved_metadata(call, head)


@routes.serve(
    Route(
        "PATCH",
        CONTENT,
        media_types=FOSSIL_DELTA,
        body_max=DELTA_MAX_BYTES,
        reads=(*CONDITIONAL, PATCHED_DIGEST, "Prefer", DEVICE),
        saves=Saves("session", "delta"),
        needs_base=True,
        other_successes={201: (DraftConflictCopyView,)},
    )
)
async def patch_session_content(
    call: Call[SessionSaveQuery, RawDelta], sessions: SessionStore, copies: ConflictCopies
) -> Response[SessionMetadataView]:
    """Saves what a delta makes of the content that you have. A change of a large content takes a kilobyte."""
    session_id, conditions, autosave = call.path["session_id"], call.conditions, call.query.autosave
    delta = ContentDelta(call.base_etag, call.body.delta, patched_digest(call.header(PATCHED_DIGEST)))
    change = SessionChange(device_info=_device(call))

    async def save() -> SessionHead:
        return await sessions.save_delta(call.owner_id, session_id, delta, conditions, change, autosave=autosave)

    head = await save_or_copy(call, copies, session_id, change, save, delta)
    return copied(call, head) if isinstance(head, ConflictCopy) else saved_metadata(call, head)


def _device(call: Call[Any, Any]) -> str | None:
    device = call.header(DEVICE)
    return None if device is None else percent_decoded(device)
