"""Whether the app runs, and whether its engine answers. Open to all, so they say nothing else."""

from typing import Literal

import azure.functions as func

from functions.http.call import Answer, Call
from functions.http.endpoint import Api
from functions.sessions.views import Nothing, WireModel
from persistence.storage.engine import Engine


class Health(WireModel):
    """That it is well: whatever is not answers as a problem."""

    status: Literal["ok"] = "ok"


OK = Health()


def blueprint(api: Api, engine: Engine) -> func.Blueprint:
    """The endpoints below `health`."""
    routes = api.blueprint()

    @api.endpoint(routes, "GET", "health/live", answer=Health, public=True)
    async def get_health_live(call: Call[Nothing, Nothing]) -> Answer:
        """The process answers."""
        return Answer(OK)

    @api.endpoint(routes, "GET", "health/ready", answer=Health, public=True, statuses=(429, 503))
    async def get_health_ready(call: Call[Nothing, Nothing]) -> Answer:
        """The engine answers, too; 503 where it does not."""
        await engine.ping()
        return Answer(OK)

    return routes
