"""A session's history over HTTP."""

import azure.functions as func

from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.sessions.views import (
    Nothing,
    PageOf,
    RevisionContent,
    RevisionMetadata,
    SessionMetadata,
    session_metadata,
)
from persistence.errors import NotFound
from persistence.sessions.store import SessionStore

_VERSION_MAX_DIGITS = 15


def blueprint(api: Api, sessions: SessionStore) -> func.Blueprint:
    """The endpoints below `persistence/sessions/{session_id}/revisions`."""
    routes = api.blueprint()
    route = "persistence/sessions/{session_id}/revisions"

    @api.endpoint(
        routes,
        "GET",
        route,
        answer=PageOf[RevisionMetadata],
        gives={"session_id": "$request.path.session_id", "version": "$response.body#/items/0/version"},
    )
    async def get_session_revisions(call: Call[Nothing, Nothing]) -> Answer:
        """The history of a session, newest first; all that is kept fits one page."""
        head = await sessions.get_head(call.owner_id, call.path["session_id"])
        items = [RevisionMetadata.model_validate(revision) for revision in head.revisions]
        return Answer(PageOf(items=items, page_token=None))

    @api.endpoint(routes, "GET", route + "/{version}", answer=RevisionContent)
    async def get_session_revision(call: Call[Nothing, Nothing]) -> Answer:
        """A session's content as it was."""
        session_id, version = call.path["session_id"], _version(call.path["version"])
        revision, content = await sessions.revision(call.owner_id, session_id, version)
        metadata = RevisionMetadata.model_validate(revision).model_dump(mode="json")
        return Answer(to_json({"metadata": metadata, "content": content.decode()}))

    @api.endpoint(
        routes,
        "POST",
        route + "/{version}/restore",
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key"),
        statuses=(507,),
    )
    async def restore_session_revision(call: Call[Nothing, Nothing]) -> Answer:
        """Makes a new version with the content of an old one."""
        session_id, version = call.path["session_id"], _version(call.path["version"])
        head = await sessions.restore(call.owner_id, session_id, version, call.conditions)
        return Answer(session_metadata(head), etag=head.metadata.etag)

    return routes


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _VERSION_MAX_DIGITS):
        raise NotFound("revision", text)
    return int(text)
