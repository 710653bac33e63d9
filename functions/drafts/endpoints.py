"""Drafts over HTTP, and what to continue with when an app is loaded."""

from functions.drafts.views import (
    DRAFT_ID,
    DraftContentView,
    DraftPutQuery,
    DraftSaveBody,
    DraftsQuery,
    LatestDraftQuery,
    RestorableView,
    RestoreQuery,
)
from functions.http.call import Call, Response, not_modified
from functions.http.content import content_json
from functions.http.endpoint import Route, Routes, Saves
from functions.http.paging import PageOf, page_of
from functions.http.views import Nothing
from functions.sessions.conflict_copies import DraftConflictCopyView, copied, save_or_copy
from functions.sessions.endpoints import CONDITIONAL
from functions.sessions.views import (
    DeleteQuery,
    DraftMetadataView,
    SessionMetadataView,
    draft_metadata,
    session_metadata,
)
from persistence.drafts.conflict_copies import ConflictCopies, ConflictCopy
from persistence.drafts.store import DraftStore
from persistence.errors import NotFound
from persistence.sessions.documents import SessionHead, SessionSummary
from persistence.sessions.reads import OpenedSession

routes = Routes(
    "drafts", "Sessions that an app saves by itself, and what to continue with when it is loaded.", DRAFT_ID
)

ONE = "drafts/{draft_id}"


@routes.serve(Route("GET", "drafts"))
async def get_drafts_metadata(
    call: Call[DraftsQuery, Nothing], drafts: DraftStore
) -> Response[PageOf[DraftMetadataView]]:
    """Returns a page of your drafts, without content. The last saved comes first."""
    query = call.query
    page = await drafts.page(call.owner_id, query.filters(drafts.filters), query.page_size, query.cursor)
    return Response(page_of(page, lambda draft: _metadata(draft, drafts)))


# The host tries functions in the order of their names, and calls the first whose route matches. So this name must
# come before `get_draft`, whose route matches `drafts/latest`, too.
@routes.serve(Route("GET", "drafts/latest", has_etag=True, statuses=(404, 409)))
async def find_latest_draft(
    call: Call[LatestDraftQuery, Nothing], drafts: DraftStore
) -> Response[DraftContentView]:
    """Returns the draft that you saved last, with its content."""
    opened = await drafts.find_latest(call.owner_id, call.query.filters(drafts.filters), touch=not call.is_head)
    if opened is None:
        raise NotFound("draft", "latest")
    return _draft(opened, drafts)


@routes.serve(Route("GET", ONE, reads=("If-None-Match",)))
async def get_draft(call: Call[Nothing, Nothing], drafts: DraftStore) -> Response[DraftContentView]:
    """Returns a draft with its content."""
    opened = await drafts.get(call.owner_id, call.path["draft_id"], call.if_none_match, touch=not call.is_head)
    return _draft(opened, drafts)


@routes.serve(
    Route(
        "PUT",
        ONE,
        reads=("If-Match", "If-None-Match", "Idempotency-Key"),
        creates=True,
        saves=Saves("draft", "json"),
        other_successes={201: (DraftMetadataView, DraftConflictCopyView)},
        leads_to={"draft_id": "$request.path.draft_id"},
    )
)
async def put_draft(
    call: Call[DraftPutQuery, DraftSaveBody], drafts: DraftStore, copies: ConflictCopies
) -> Response[DraftMetadataView]:
    """Saves a draft under an id that the client made. Returns 201 if the draft is new."""
    conditions, draft_id, autosave = call.conditions, call.path["draft_id"], call.query.autosave
    change = call.body.change()

    async def save() -> tuple[SessionHead, bool]:
        return await drafts.put(call.owner_id, draft_id, change, conditions, autosave=autosave)

    saved = await save_or_copy(call, copies, draft_id, change, save)
    if isinstance(saved, ConflictCopy):
        return copied(call, saved)
    head, is_new = saved
    metadata, etag = _metadata(head, drafts), head.metadata.etag
    if not is_new:
        return Response(metadata, etag)
    return Response(metadata, etag, status=201, headers=call.location(f"drafts/{draft_id}"))


@routes.serve(Route("POST", f"{ONE}/promote", reads=CONDITIONAL, leads_to={"session_id": "$response.body#/id"}))
async def promote_draft(call: Call[Nothing, Nothing], drafts: DraftStore) -> Response[SessionMetadataView]:
    """Makes a draft an active session with the same id."""
    head = await drafts.promote(call.owner_id, call.path["draft_id"], call.conditions)
    return Response(session_metadata(head), head.metadata.etag)


@routes.serve(Route("DELETE", ONE, reads=("If-Match",)))
async def delete_draft(call: Call[DeleteQuery, Nothing], drafts: DraftStore) -> Response[None]:
    """Moves a draft to the trash, where it can be restored. Nothing changes if it is already deleted."""
    draft_id, if_match = call.path["draft_id"], call.conditions.if_match
    await drafts.discard(call.owner_id, draft_id, if_match, purge=call.query.purge)
    return Response()


@routes.serve(Route("GET", "restore"))
async def get_restorable(call: Call[RestoreQuery, Nothing], drafts: DraftStore) -> Response[RestorableView]:
    """Returns what you can continue with: the active session that was opened last, and your drafts."""
    found = await drafts.restorable(call.owner_id, call.query.filters(drafts.filters))
    active = None if found.active is None else session_metadata(found.active)
    return Response(RestorableView(active=active, drafts=[_metadata(draft, drafts) for draft in found.drafts]))


def _metadata(draft: SessionSummary, drafts: DraftStore) -> DraftMetadataView:
    return draft_metadata(draft, drafts.purges_at(draft))


def _draft(opened: OpenedSession, drafts: DraftStore) -> Response[DraftContentView]:
    etag, content = opened.head.metadata.etag, opened.content
    if content is None:
        return not_modified(etag)
    return Response(content_json(_metadata(opened.head, drafts), content), etag)
