"""The trash over HTTP: what was deleted and can be restored."""

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.paging import PageOf, page_of
from functions.http.views import Nothing
from functions.sessions.endpoints import CONDITIONAL
from functions.sessions.views import SessionMetadataView, session_metadata
from functions.trash.views import TRASHED_ID, EmptiedView, TrashedView, TrashQuery, trashed_metadata
from persistence.trash.store import TrashStore

routes = Routes(
    "trash", "Sessions and drafts that you deleted. They can be restored until they are purged.", TRASHED_ID
)


@routes.serve(Route("GET", "trash"))
async def get_trash(call: Call[TrashQuery, Nothing], trash: TrashStore) -> Response[PageOf[TrashedView]]:
    """Returns a page of what is in your trash, without content. The last deleted comes first."""
    query = call.query
    page = await trash.page(call.owner_id, query.filters(trash.filters), query.page_size, query.cursor)
    return Response(page_of(page, lambda one: trashed_metadata(one, trash.purges_at(one))))


@routes.serve(Route("POST", "trash/{session_id}/restore", reads=CONDITIONAL, statuses=(410, 507)))
async def restore_from_trash(call: Call[Nothing, Nothing], trash: TrashStore) -> Response[SessionMetadataView]:
    """Restores a session or draft to the status that it had, with its content and history."""
    head = await trash.restore(call.owner_id, call.path["session_id"], call.conditions)
    return Response(session_metadata(head), head.metadata.etag)


@routes.serve(Route("DELETE", "trash/{session_id}"))
async def purge_from_trash(call: Call[Nothing, Nothing], trash: TrashStore) -> Response[None]:
    """Deletes a session or draft in the trash for good."""
    await trash.purge(call.owner_id, call.path["session_id"])
    return Response()


@routes.serve(Route("DELETE", "trash"))
async def empty_trash(call: Call[Nothing, Nothing], trash: TrashStore) -> Response[EmptiedView]:
    """Deletes everything in your trash for good. Repeat the call until `done` is true."""
    emptied = await trash.empty(call.owner_id)
    return Response(EmptiedView(purged=emptied.purged, done=emptied.done))
