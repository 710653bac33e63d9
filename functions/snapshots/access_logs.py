"""The snapshots that a person opened, over HTTP."""

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.paging import PageOf, page_of
from functions.http.views import Nothing
from functions.snapshots.views import SNAPSHOT_ID, AccessLogsQuery, SnapshotAccessLogView, access_log
from persistence.snapshots.access_logs import AccessLogStore

routes = Routes("access logs", "The snapshots that you opened, with the number of your visits.", SNAPSHOT_ID)


@routes.serve(Route("GET", "snapshot_access_logs"))
async def get_snapshot_access_logs(
    call: Call[AccessLogsQuery, Nothing], access_logs: AccessLogStore
) -> Response[PageOf[SnapshotAccessLogView]]:
    """Returns a page of the snapshots that you opened."""
    query = call.query
    page = await access_logs.page(
        call.owner_id, query.filters(access_logs.filters), query.sort(), query.page_size, query.cursor
    )
    return Response(page_of(page, access_log))


@routes.serve(Route("DELETE", "snapshot_access_logs/{snapshot_id}"))
async def delete_snapshot_access_log(call: Call[Nothing, Nothing], access_logs: AccessLogStore) -> Response[None]:
    """Removes your visits to a snapshot from this list. Your own snapshot stays in the list of your snapshots."""
    await access_logs.remove(call.owner_id, call.path["snapshot_id"])
    return Response()
