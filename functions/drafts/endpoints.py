"""Drafts over HTTP, and what can be restored when an app is loaded."""

from dataclasses import replace

import azure.functions as func

from functions.drafts.views import (
    DraftContent,
    DraftMetadata,
    DraftPutQuery,
    DraftSave,
    DraftsQuery,
    LatestDraftQuery,
    Restorable,
    RestoreQuery,
    draft_metadata,
)
from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.sessions.endpoints import NOT_MODIFIED
from functions.sessions.views import Nothing, PageOf, SessionMetadata, page_of, session_metadata
from persistence.drafts.store import DraftStore
from persistence.errors import NotFound
from persistence.sessions.documents import SessionSummary
from persistence.sessions.reads import OpenedSession


def blueprint(api: Api, drafts: DraftStore) -> func.Blueprint:
    """The endpoints below `persistence/drafts`, and `persistence/restore`."""
    routes = api.blueprint()

    def metadata_of(draft: SessionSummary) -> DraftMetadata:
        return draft_metadata(draft, drafts.purges_at(draft))

    def answer(opened: OpenedSession) -> Answer:
        etag, content = opened.head.metadata.etag, opened.content
        if content is None:
            return Answer(status=NOT_MODIFIED, etag=etag)
        metadata = metadata_of(opened.head).model_dump(mode="json")
        return Answer(to_json({"metadata": metadata, "content": content.decode()}), etag=etag)

    @api.endpoint(routes, "GET", "persistence/drafts", query=DraftsQuery, answer=PageOf[DraftMetadata])
    async def get_drafts_metadata(call: Call[DraftsQuery, Nothing]) -> Answer:
        """A page of my drafts, the last saved first."""
        query = call.query
        page = await drafts.page(call.owner_id, query.filters(drafts.filters), query.page_size, query.cursor)
        return Answer(page_of(page, metadata_of))

    # The host tries functions in the order of their names, and the first whose route matches answers: this
    # one has to come before `get_draft`, whose route matches `drafts/latest` too.
    @api.endpoint(
        routes,
        "GET",
        "persistence/drafts/latest",
        query=LatestDraftQuery,
        answer=DraftContent,
        has_etag=True,
        statuses=(404, 409),
    )
    async def find_latest_draft(call: Call[LatestDraftQuery, Nothing]) -> Answer:
        """The draft that I saved last, with its content."""
        opened = await drafts.find_latest(call.owner_id, call.query.filters(drafts.filters))
        if opened is None:
            raise NotFound("draft", "latest")
        return answer(opened)

    @api.endpoint(routes, "GET", "persistence/drafts/{draft_id}", answer=DraftContent, reads=("If-None-Match",))
    async def get_draft(call: Call[Nothing, Nothing]) -> Answer:
        """A draft with its content."""
        return answer(await drafts.get(call.owner_id, call.path["draft_id"], call.held))

    @api.endpoint(
        routes,
        "PUT",
        "persistence/drafts/{draft_id}",
        query=DraftPutQuery,
        body=DraftSave,
        answer=DraftMetadata,
        reads=("If-Match", "If-None-Match", "Idempotency-Key"),
        statuses=(201,),
        gives={"draft_id": "$request.path.draft_id"},
    )
    async def put_draft(call: Call[DraftPutQuery, DraftSave]) -> Answer:
        """Saves a draft under an id that the client made; 201 where that made it."""
        head, is_new = await drafts.put(
            call.owner_id,
            call.path["draft_id"],
            call.body.change(),
            replace(call.conditions, if_none_match=call.if_none_match),
            autosave=call.query.autosave,
        )
        return Answer(metadata_of(head), 201 if is_new else 200, head.metadata.etag)

    @api.endpoint(
        routes,
        "POST",
        "persistence/drafts/{draft_id}/promote",
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key"),
        gives={"session_id": "$response.body#/id"},
    )
    async def promote_draft(call: Call[Nothing, Nothing]) -> Answer:
        """Makes a draft an active session of the same id."""
        head = await drafts.promote(call.owner_id, call.path["draft_id"], call.conditions)
        return Answer(session_metadata(head), etag=head.metadata.etag)

    @api.endpoint(routes, "DELETE", "persistence/drafts/{draft_id}", status=204, reads=("If-Match",))
    async def delete_draft(call: Call[Nothing, Nothing]) -> Answer:
        """Discards a draft for good."""
        await drafts.discard(call.owner_id, call.path["draft_id"], call.if_match)
        return Answer(status=204)

    @api.endpoint(routes, "GET", "persistence/restore", query=RestoreQuery, answer=Restorable)
    async def get_restorable(call: Call[RestoreQuery, Nothing]) -> Answer:
        """What I can go on with: the active session that was open last, and my drafts."""
        found = await drafts.restorable(call.owner_id, call.query.filters(drafts.filters))
        active = None if found.active is None else session_metadata(found.active)
        return Answer(Restorable(active=active, drafts=[metadata_of(draft) for draft in found.drafts]))

    return routes
