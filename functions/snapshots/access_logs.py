"""What a person opened, over HTTP."""

import azure.functions as func

from functions.http.call import Answer, Call
from functions.http.endpoint import Api
from functions.sessions.views import Nothing, PageOf, page_of
from functions.snapshots.views import AccessLogsQuery, SnapshotAccessLog, access_log
from persistence.snapshots.access_logs import AccessLogStore


def blueprint(api: Api, access_logs: AccessLogStore) -> func.Blueprint:
    """The endpoints below `persistence/snapshot_access_logs`."""
    routes = api.blueprint()

    @api.endpoint(
        routes,
        "GET",
        "persistence/snapshot_access_logs",
        query=AccessLogsQuery,
        answer=PageOf[SnapshotAccessLog],
    )
    async def get_snapshot_access_logs(call: Call[AccessLogsQuery, Nothing]) -> Answer:
        """A page of the snapshots that I opened."""
        query = call.query
        page = await access_logs.page(
            call.owner_id, query.filters(access_logs.filters), query.sort(), query.page_size, query.cursor
        )
        return Answer(page_of(page, access_log))

    @api.endpoint(routes, "DELETE", "persistence/snapshot_access_logs/{snapshot_id}", status=204)
    async def delete_snapshot_access_log(call: Call[Nothing, Nothing]) -> Answer:
        """Forgets my visits to a snapshot; one of my own stays in my library."""
        await access_logs.remove(call.owner_id, call.path["snapshot_id"])
        return Answer(status=204)

    return routes
