"""The history of sessions over HTTP."""

from functions.http.call import Call, Response
from functions.http.content import content_json
from functions.http.endpoint import Route, Routes
from functions.http.paging import PageOf
from functions.http.views import Nothing
from functions.sessions.endpoints import CONDITIONAL
from functions.sessions.views import (
    SESSION_ID,
    VERSION,
    RevisionContentView,
    RevisionMetadataView,
    SessionMetadataView,
    revision_metadata,
    session_metadata,
)
from persistence.errors import NotFound
from persistence.sessions.store import SessionStore

routes = Routes("session history", "The versions of a session, and how to restore one.", SESSION_ID, VERSION)

REVISIONS = "sessions/{session_id}/revisions"
_VERSION_MAX_DIGITS = 15


@routes.serve(
    Route(
        "GET",
        REVISIONS,
        leads_to={"session_id": "$request.path.session_id", "version": "$response.body#/items/0/version"},
    )
)
async def get_session_revisions(
    call: Call[Nothing, Nothing], sessions: SessionStore
) -> Response[PageOf[RevisionMetadataView]]:
    """Returns the history of a session, newest version first. It fits on one page."""
    head = await sessions.get_head(call.owner_id, call.path["session_id"])
    return Response(PageOf(items=[revision_metadata(one) for one in head.revisions], page_token=None))


@routes.serve(Route("GET", f"{REVISIONS}/{{version}}"))
async def get_session_revision(
    call: Call[Nothing, Nothing], sessions: SessionStore
) -> Response[RevisionContentView]:
    """Returns one version of a session with its content."""
    session_id, version = call.path["session_id"], _version(call.path["version"])
    revision, content = await sessions.revision(call.owner_id, session_id, version)
    return Response(content_json(revision_metadata(revision), content))


@routes.serve(Route("POST", f"{REVISIONS}/{{version}}/restore", reads=CONDITIONAL, statuses=(507,)))
async def restore_session_revision(
    call: Call[Nothing, Nothing], sessions: SessionStore
) -> Response[SessionMetadataView]:
    """Makes a new version with the content of an old one."""
    session_id, version = call.path["session_id"], _version(call.path["version"])
    head = await sessions.restore(call.owner_id, session_id, version, call.conditions)
    return Response(session_metadata(head), head.metadata.etag)


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _VERSION_MAX_DIGITS):
        raise NotFound("revision", text)
    return int(text)
