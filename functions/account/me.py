"""The caller, as the stores know them."""

import azure.functions as func

from functions.http.call import Answer, Call
from functions.http.endpoint import Api
from functions.sessions.views import Nothing, WireModel


class Me(WireModel):
    """Under which id the caller's things are kept."""

    owner_id: str


def blueprint(api: Api) -> func.Blueprint:
    """The endpoints at `persistence/me`."""
    routes = api.blueprint()

    @api.endpoint(routes, "GET", "persistence/me", answer=Me)
    async def get_me(call: Call[Nothing, Nothing]) -> Answer:
        """Who I am here."""
        return Answer(Me(owner_id=call.owner_id))

    return routes
