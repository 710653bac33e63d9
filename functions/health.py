"""Tells whether the app and its engine work. Open to everyone, so the responses have nothing else."""

from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.views import Nothing, WireModel

routes = Routes("health", "Whether the app works. Open to everyone.", prefix="")


@runtime_checkable
class Pingable(Protocol):
    """The part of an engine that is used here."""

    async def ping(self) -> None:
        """Raises StoreUnavailable if the engine does not respond."""


class HealthView(WireModel):
    """The app works. If not, the response is a problem."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


OK = HealthView()


@routes.serve(Route("GET", "health/live", public=True))
async def get_health_live(call: Call[Nothing, Nothing]) -> Response[HealthView]:
    """Returns ok if the process responds."""
    return Response(OK)


@routes.serve(Route("GET", "health/ready", public=True, statuses=(429, 503)))
async def get_health_ready(call: Call[Nothing, Nothing], engine: Pingable) -> Response[HealthView]:
    """Returns ok if the engine responds too, and writes succeed as far as is known. Else 503."""
    await engine.ping()
    return Response(OK)
