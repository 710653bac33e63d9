"""The API's description of itself, for programs and for people. Open to everyone."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from functions.http.bodies import HTML
from functions.http.call import Call, Response, to_json
from functions.http.endpoint import Route, Routes
from functions.http.views import Nothing
from functions.identity.settings import AuthMode

routes = Routes("API description", "This description, for programs and for people. Open to everyone.", prefix="")

HOST_JSON = Path(__file__).resolve().parents[2] / "host.json"


class Description:
    """The description of all routes. It is made by the first request for it, and kept."""

    def __init__(self, routes: Sequence[Routes], auth_mode: AuthMode, *, has_charge: bool) -> None:
        self._routes, self._auth_mode, self._has_charge = routes, auth_mode, has_charge

    @cached_property
    def as_json(self) -> bytes:
        """OpenAPI 3.1."""
        # Imported here, because it would slow down the start.
        from functions.openapi.document import describe

        prefix = route_prefix(HOST_JSON)
        return to_json(describe(self._routes, prefix, self._auth_mode, has_charge=self._has_charge))

    @cached_property
    def as_html(self) -> bytes:
        """The same as a page."""
        from functions.openapi.docs_page import page

        return page(json.loads(self.as_json)).encode()


@routes.serve(Route("GET", "openapi.json", public=True))
async def get_openapi(call: Call[Nothing, Nothing], description: Description) -> Response[bytes]:
    """Returns this description as OpenAPI 3.1."""
    return Response(description.as_json)


@routes.serve(Route("GET", "docs", produces=HTML, public=True))
async def get_docs(call: Call[Nothing, Nothing], description: Description) -> Response[bytes]:
    """Returns this description as a page."""
    from functions.openapi.docs_page import CONTENT_SECURITY_POLICY

    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return Response(description.as_html, headers=headers, media_type=f"{HTML}; charset=utf-8")


def route_prefix(host_json: Path) -> str:
    """Returns what the host puts before every route. The default is `/api`."""
    http = json.loads(host_json.read_text()).get("extensions", {}).get("http", {})
    prefix = str(http.get("routePrefix", "api")).strip("/")
    return f"/{prefix}" if prefix else ""
