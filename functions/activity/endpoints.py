"""Activity over HTTP."""

from functions.activity.views import ActivityQuery, ActivityView, activity
from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.paging import PageOf, page_of
from functions.http.views import Nothing
from persistence.activity.store import ActivityStore

routes = Routes("activity", "What happened to your sessions and snapshots, when, and on which device.")


@routes.serve(Route("GET", "activity"))
async def get_activity(call: Call[ActivityQuery, Nothing], lines: ActivityStore) -> Response[PageOf[ActivityView]]:
    """Returns a page of your activity, newest first. A page may be short or empty although there are more."""
    query = call.query
    page = await lines.page(call.owner_id, query.wanted(), query.page_size, query.cursor)
    return Response(page_of(page, activity))
