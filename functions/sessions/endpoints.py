"""Sessions over HTTP."""

from typing import Any

import azure.functions as func

from functions.http.bodies import MERGE_PATCH
from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.sessions.views import (
    NewSession,
    Nothing,
    PageOf,
    SaveQuery,
    Session,
    SessionMetadata,
    SessionPatch,
    SessionsQuery,
    SessionUpdate,
    SessionValidity,
    page_of,
    session_metadata,
)
from persistence.sessions.documents import SessionAction, SessionHead
from persistence.sessions.reads import OpenedSession
from persistence.sessions.store import SessionStore

NOT_MODIFIED = 304


def blueprint(api: Api, sessions: SessionStore) -> func.Blueprint:
    """The endpoints below `persistence/sessions`."""
    routes = api.blueprint()

    @api.endpoint(routes, "GET", "persistence/sessions", query=SessionsQuery, answer=PageOf[SessionMetadata])
    async def get_sessions_metadata(call: Call[SessionsQuery, Nothing]) -> Answer:
        """A page of my sessions."""
        query = call.query
        page = await sessions.page(
            call.owner_id, query.filters(sessions.filters), query.sort(), query.page_size, query.cursor
        )
        return Answer(page_of(page, session_metadata))

    @api.endpoint(
        routes,
        "POST",
        "persistence/sessions",
        body=NewSession,
        answer=str,
        status=201,
        reads=("Idempotency-Key", "Prefer"),
        representation=Session,
        has_etag=True,
        statuses=(404, 409, 410),  # where a repeat finds that what the first try made is gone, or does not find it
        gives={"session_id": "$response.body"},
    )
    async def create_session(call: Call[Nothing, NewSession]) -> Answer:
        """Makes a session; answers its id."""
        head = await sessions.create(call.owner_id, call.body.new_session(), call.attempt)
        location = {"Location": f"{call.path_of_collection}/{head.id}"}
        if call.prefers("representation"):
            body = _session_json(head, call.body.content)
            return Answer(
                body, 201, head.metadata.etag, location | {"Preference-Applied": "return=representation"}
            )
        return Answer(to_json(head.id), 201, head.metadata.etag, location)

    @api.endpoint(routes, "GET", "persistence/sessions/{session_id}", answer=Session, reads=("If-None-Match",))
    async def get_session(call: Call[Nothing, Nothing]) -> Answer:
        """A session with its content."""
        session = await sessions.get(call.owner_id, call.path["session_id"], call.held)
        return _session_answer(session)

    @api.endpoint(
        routes,
        "GET",
        "persistence/sessions/metadata/{session_id}",
        answer=SessionMetadata,
        reads=("If-None-Match",),
    )
    async def get_session_metadata(call: Call[Nothing, Nothing]) -> Answer:
        """A session without its content; 304 while the caller's copy is still right."""
        known = call.held
        summary = await sessions.get_summary(call.owner_id, call.path["session_id"])
        if summary.metadata.etag in known:
            return Answer(status=NOT_MODIFIED, etag=summary.metadata.etag)
        return Answer(session_metadata(summary), etag=summary.metadata.etag)

    @api.endpoint(
        routes,
        "PUT",
        "persistence/sessions/{session_id}",
        query=SaveQuery,
        body=SessionUpdate,
        answer=Session,
        reads=("If-Match", "Idempotency-Key", "Prefer"),
    )
    async def update_session(call: Call[SaveQuery, SessionUpdate]) -> Answer:
        """Changes what is given of a session and leaves the rest."""
        head = await sessions.save(
            call.owner_id,
            call.path["session_id"],
            call.body.change(),
            call.conditions,
            autosave=call.query.autosave,
        )
        if call.prefers("minimal"):
            return minimal(head)
        if call.body.content is not None:
            return Answer(_session_json(head, call.body.content), etag=head.metadata.etag)
        return _session_answer(await sessions.open(head))

    @api.endpoint(
        routes,
        "PATCH",
        "persistence/sessions/{session_id}",
        body=SessionPatch,
        media_types=MERGE_PATCH,
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key", "Prefer"),
    )
    async def patch_session(call: Call[Nothing, SessionPatch]) -> Answer:
        """Changes or clears title, description and app, and nothing else."""
        change, session_id = call.body.change(), call.path["session_id"]
        head = await sessions.save(call.owner_id, session_id, change, call.conditions)
        return saved_metadata(call, head)

    @api.endpoint(routes, "DELETE", "persistence/sessions/{session_id}", status=204, reads=("If-Match",))
    async def delete_session(call: Call[Nothing, Nothing]) -> Answer:
        """Deletes a session for good."""
        await sessions.delete(call.owner_id, call.path["session_id"], call.if_match)
        return Answer(status=204)

    @api.endpoint(
        routes,
        "POST",
        "persistence/sessions/{session_id}/close",
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key"),
    )
    async def close_session(call: Call[Nothing, Nothing]) -> Answer:
        """Makes an active session read-only."""
        return await move(call, SessionAction.CLOSED)

    @api.endpoint(
        routes,
        "POST",
        "persistence/sessions/{session_id}/reopen",
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key"),
    )
    async def reopen_session(call: Call[Nothing, Nothing]) -> Answer:
        """Makes a closed session active again."""
        return await move(call, SessionAction.REOPENED)

    async def move(call: Call[Nothing, Nothing], action: SessionAction) -> Answer:
        session_id = call.path["session_id"]
        head = await sessions.move(call.owner_id, session_id, action, call.conditions)
        return Answer(session_metadata(head), etag=head.metadata.etag)

    @api.endpoint(
        routes, "GET", "persistence/sessions/{session_id}/validate", answer=SessionValidity, has_etag=True
    )
    async def validate_session(call: Call[Nothing, Nothing]) -> Answer:
        """Whether a session is there and mine, and its current version; counts as an access."""
        head = await sessions.touch(call.owner_id, call.path["session_id"])
        metadata = head.metadata
        validity = SessionValidity(
            id=head.id,
            status=head.status,
            version=metadata.version,
            content_hash=metadata.content_hash,
            etag=metadata.etag,
        )
        return Answer(validity, etag=metadata.etag)

    @api.endpoint(routes, "PUT", "persistence/sessions/{session_id}/touch", status=204, has_etag=True)
    async def touch_session(call: Call[Nothing, Nothing]) -> Answer:
        """Says that a session is open; makes no version."""
        head = await sessions.touch(call.owner_id, call.path["session_id"])
        return Answer(status=204, etag=head.metadata.etag)

    return routes


def saved_metadata(call: Call[Any, Any], head: SessionHead) -> Answer:
    """What a save answers that has no content to show."""
    return minimal(head) if call.prefers("minimal") else Answer(session_metadata(head), etag=head.metadata.etag)


def minimal(head: SessionHead) -> Answer:
    """What a save answers to those who have everything already."""
    return Answer(None, 204, head.metadata.etag, {"Preference-Applied": "return=minimal"})


def _session_answer(session: OpenedSession) -> Answer:
    etag, content = session.head.metadata.etag, session.content
    if content is None:
        return Answer(status=NOT_MODIFIED, etag=etag)
    return Answer(_session_json(session.head, content.decode()), etag=etag)


def _session_json(head: SessionHead, content: str) -> bytes:
    # Not through the model of the answer: it would copy the content and escape it more slowly.
    return to_json({"metadata": session_metadata(head).model_dump(mode="json"), "content": content})
