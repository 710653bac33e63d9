"""Sessions over HTTP."""

from typing import Any

from functions.http.bodies import MERGE_PATCH
from functions.http.call import Call, Response, not_modified
from functions.http.content import content_json
from functions.http.endpoint import Route, Routes, Saves
from functions.http.paging import PageOf, page_of
from functions.http.views import Nothing
from functions.sessions.conflict_copies import (
    SessionConflictCopyView,
    SessionSaveQuery,
    copied_session,
    save_or_copy,
)
from functions.sessions.views import (
    SESSION_ID,
    DeleteQuery,
    NewSessionBody,
    SessionCopyBody,
    SessionMetadataView,
    SessionPatchBody,
    SessionsQuery,
    SessionUpdateBody,
    SessionValidityView,
    SessionView,
    session_metadata,
    session_validity,
)
from persistence.drafts.conflict_copies import ConflictCopies, ConflictCopy
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.reads import OpenedSession
from persistence.sessions.revisions import SessionAction
from persistence.sessions.store import SessionStore

routes = Routes(
    "sessions", "Private documents of one person. Each has a title, one content and a history.", SESSION_ID
)

ONE = "sessions/{session_id}"
CONDITIONAL = ("If-Match", "Idempotency-Key")


@routes.serve(Route("GET", "sessions"))
async def get_sessions_metadata(
    call: Call[SessionsQuery, Nothing], sessions: SessionStore
) -> Response[PageOf[SessionMetadataView]]:
    """Returns a page of your sessions, without content."""
    query = call.query
    page = await sessions.page(
        call.owner_id, query.filters(sessions.filters), query.sort(), query.page_size, query.cursor
    )
    return Response(page_of(page, session_metadata))


@routes.serve(
    Route(
        "POST",
        "sessions",
        status=201,
        reads=("Idempotency-Key", "Prefer"),
        saves=Saves("session", "json"),
        has_etag=True,
        statuses=(404, 409, 410),  # a retry whose first try created a session that is gone, or not yet visible
        leads_to={"session_id": "$response.body"},
    )
)
async def create_session(
    call: Call[Nothing, NewSessionBody], sessions: SessionStore
) -> Response[str | SessionView]:
    """Creates a session and returns its id."""
    key = call.idempotency_key  # A faulty header is reported before a faulty content.
    head = await sessions.create(call.owner_id, call.body.new_session(), key)
    etag, headers = head.metadata.etag, call.location(f"sessions/{head.id}")
    if call.prefers("representation"):
        headers["Preference-Applied"] = "return=representation"
        return Response(content_json(session_metadata(head), call.body.content), etag, headers=headers)
    return Response(head.id, etag, headers=headers)


@routes.serve(Route("GET", ONE, reads=("If-None-Match",)))
async def get_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[SessionView]:
    """Returns a session with its content."""
    opened = await sessions.get(call.owner_id, call.path["session_id"], call.if_none_match, touch=not call.is_head)
    return _session(opened)


@routes.serve(Route("GET", "sessions/metadata/{session_id}", reads=("If-None-Match",)))
async def get_session_metadata(
    call: Call[Nothing, Nothing], sessions: SessionStore
) -> Response[SessionMetadataView]:
    """Returns a session without its content."""
    known = call.if_none_match
    summary = await sessions.get_summary(call.owner_id, call.path["session_id"])
    etag = summary.metadata.etag
    return not_modified(etag) if etag in known else Response(session_metadata(summary), etag)


@routes.serve(
    Route(
        "PUT",
        ONE,
        reads=(*CONDITIONAL, "Prefer"),
        saves=Saves("session", "json"),
        other_successes={201: (SessionConflictCopyView,)},
    )
)
async def update_session(
    call: Call[SessionSaveQuery, SessionUpdateBody], sessions: SessionStore, copies: ConflictCopies
) -> Response[SessionView]:
    """Changes the fields that the request contains, and returns the session."""
    conditions, session_id, autosave = call.conditions, call.path["session_id"], call.query.autosave
    change = call.body.change()

    async def save() -> SessionHead:
        return await sessions.save(call.owner_id, session_id, change, conditions, autosave=autosave)

    head = await save_or_copy(call, copies, session_id, change, save)
    if isinstance(head, ConflictCopy):
        return copied_session(call, head)
    if call.prefers("minimal"):
        return minimal(head)
    if call.body.content is not None:
        return Response(content_json(session_metadata(head), call.body.content), head.metadata.etag)
    return _session(await sessions.open(head))


@routes.serve(
    Route(
        "PATCH",
        ONE,
        media_types=MERGE_PATCH,
        reads=(*CONDITIONAL, "Prefer"),
        saves=Saves("session", "json"),
    )
)
async def patch_session(
    call: Call[Nothing, SessionPatchBody], sessions: SessionStore
) -> Response[SessionMetadataView]:
    """Changes or clears the title, description and app of a session."""
    head = await sessions.save(call.owner_id, call.path["session_id"], call.body.change(), call.conditions)
    return saved_metadata(call, head)


@routes.serve(Route("DELETE", ONE, reads=("If-Match",)))
async def delete_session(call: Call[DeleteQuery, Nothing], sessions: SessionStore) -> Response[None]:
    """Moves a session to the trash, where it can be restored. Nothing changes if it is already deleted."""
    session_id, if_match = call.path["session_id"], call.conditions.if_match
    await sessions.delete(call.owner_id, session_id, if_match, purge=call.query.purge)
    return Response()


@routes.serve(Route("POST", f"{ONE}/close", reads=CONDITIONAL))
async def close_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[SessionMetadataView]:
    """Makes an active session read-only."""
    return await _moved(call, sessions, SessionAction.CLOSED)


@routes.serve(Route("POST", f"{ONE}/reopen", reads=CONDITIONAL))
async def reopen_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[SessionMetadataView]:
    """Makes a closed session active again."""
    return await _moved(call, sessions, SessionAction.REOPENED)


@routes.serve(
    Route(
        "POST",
        f"{ONE}/copy",
        status=201,
        reads=("Idempotency-Key",),
        has_etag=True,
        statuses=(507,),
        leads_to={"session_id": "$response.body#/id"},
    )
)
async def copy_session(
    call: Call[Nothing, SessionCopyBody], sessions: SessionStore
) -> Response[SessionMetadataView]:
    """Creates a session or a draft with the content of a session, a draft or one of their versions."""
    body = call.body
    head = await sessions.copy(
        call.owner_id,
        call.path["session_id"],
        title=body.title,
        version=body.version,
        status=body.status,
        key=call.idempotency_key,
    )
    place = "drafts" if body.status is SessionStatus.DRAFT else "sessions"
    return Response(session_metadata(head), head.metadata.etag, headers=call.location(f"{place}/{head.id}"))


@routes.serve(Route("GET", f"{ONE}/validate", has_etag=True))
async def validate_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[SessionValidityView]:
    """Returns the current version of a session of yours. Counts as opening it."""
    find = sessions.get_summary if call.is_head else sessions.touch
    head = await find(call.owner_id, call.path["session_id"])
    return Response(session_validity(head), head.metadata.etag)


@routes.serve(Route("PUT", f"{ONE}/touch", has_etag=True))
async def touch_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[None]:
    """Records that a session is open. Makes no version."""
    head = await sessions.touch(call.owner_id, call.path["session_id"])
    return Response(etag=head.metadata.etag)


def saved_metadata(call: Call[Any, Any], head: SessionHead) -> Response[SessionMetadataView]:
    """Returns the metadata after a save, or no body if the caller prefers that."""
    return minimal(head) if call.prefers("minimal") else Response(session_metadata(head), head.metadata.etag)


def minimal(head: SessionHead) -> Response[Any]:
    """Returns no body, after a save with `Prefer: return=minimal`."""
    headers = {"Preference-Applied": "return=minimal"}
    return Response(etag=head.metadata.etag, status=204, headers=headers)


async def _moved(
    call: Call[Nothing, Nothing], sessions: SessionStore, action: SessionAction
) -> Response[SessionMetadataView]:
    head = await sessions.move(call.owner_id, call.path["session_id"], action, call.conditions)
    return Response(session_metadata(head), head.metadata.etag)


def _session(session: OpenedSession) -> Response[SessionView]:
    etag, content = session.head.metadata.etag, session.content
    if content is None:
        return not_modified(etag)
    return Response(content_json(session_metadata(session.head), content), etag)
