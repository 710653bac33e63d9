"""The history of sessions over HTTP."""

from functions.http.call import Call, Response
from functions.http.content import content_json
from functions.http.endpoint import Route, Routes
from functions.http.views import Nothing
from functions.sessions.endpoints import CONDITIONAL
from functions.sessions.views import (
    SESSION_ID,
    VERSION,
    RevisionContentView,
    RevisionMetadataPageView,
    RevisionMetadataView,
    RevisionNameBody,
    RevisionsKeptView,
    RevisionsQuery,
    SessionMetadataView,
    revision_metadata,
    session_metadata,
)
from persistence.errors import NotFound
from persistence.sessions.history import find_revision, page_of_history
from persistence.sessions.store import SessionStore

routes = Routes("session history", "The versions of a session, and how to restore one.", SESSION_ID, VERSION)

REVISIONS = "sessions/{session_id}/revisions"
ONE = f"{REVISIONS}/{{version}}"
_VERSION_MAX_DIGITS = 15


@routes.serve(
    Route(
        "GET",
        REVISIONS,
        leads_to={"session_id": "$request.path.session_id", "version": "$response.body#/items/0/version"},
    )
)
async def get_session_revisions(
    call: Call[RevisionsQuery, Nothing], sessions: SessionStore
) -> Response[RevisionMetadataPageView]:
    """Returns a page of the history of a session, newest version first."""
    head = await sessions.get_head(call.owner_id, call.path["session_id"])
    page = page_of_history(head, call.query.page_size, call.query.cursor)
    kept = RevisionsKeptView(unnamed=sessions.rules.keep_revisions, named=sessions.rules.named_max)
    items = [revision_metadata(head, revision) for revision in page.items]
    return Response(RevisionMetadataPageView(items=items, page_token=page.cursor, kept=kept))


@routes.serve(Route("GET", ONE))
async def get_session_revision(
    call: Call[Nothing, Nothing], sessions: SessionStore
) -> Response[RevisionContentView]:
    """Returns one version of a session with its content."""
    session_id, version = call.path["session_id"], _version(call.path["version"])
    head, revision, content = await sessions.revision(call.owner_id, session_id, version)
    return Response(content_json(revision_metadata(head, revision), content))


@routes.serve(Route("PUT", f"{ONE}/name", statuses=(409,)))
async def name_session_revision(
    call: Call[Nothing, RevisionNameBody], sessions: SessionStore
) -> Response[RevisionMetadataView]:
    """Names a version of a session or a draft, so that it stays in the history. Makes no new version."""
    session_id, version = call.path["session_id"], _version(call.path["version"])
    head = await sessions.name_revision(call.owner_id, session_id, version, call.body.name)
    return Response(revision_metadata(head, find_revision(head, version)))


@routes.serve(Route("DELETE", f"{ONE}/name"))
async def unname_session_revision(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[None]:
    """Removes the name of a version, which then leaves the history like any other."""
    await sessions.name_revision(call.owner_id, call.path["session_id"], _version(call.path["version"]), None)
    return Response()


@routes.serve(Route("POST", f"{ONE}/restore", reads=CONDITIONAL, statuses=(507,)))
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
