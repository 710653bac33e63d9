"""The API's description of itself, for programs and for people. Open to all: it tells nothing of anybody."""

import json
from functools import cache
from pathlib import Path

import azure.functions as func

from functions.http.bodies import HTML
from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.identity.settings import AuthMode
from functions.sessions.views import Nothing

HOST_JSON = Path(__file__).resolve().parents[2] / "host.json"


def blueprint(api: Api, auth_mode: AuthMode, *, expose_charge: bool) -> func.Blueprint:
    """The endpoints `openapi.json` and `docs`. Both are made when they are asked for first, and once."""
    routes = api.blueprint()

    @cache
    def as_json() -> bytes:
        # Imported only now: nobody should wait for it when the app starts.
        from functions.openapi.document import describe

        prefix = route_prefix(HOST_JSON)
        return to_json(describe(api.endpoints, prefix, auth_mode, has_charge=expose_charge))

    @cache
    def as_html() -> bytes:
        from functions.openapi.docs_page import page

        return page(json.loads(as_json())).encode()

    @api.endpoint(routes, "GET", "openapi.json", answer=bytes, public=True)
    async def get_openapi(call: Call[Nothing, Nothing]) -> Answer:
        """This description, as OpenAPI 3.1."""
        return Answer(as_json())

    @api.endpoint(routes, "GET", "docs", answer=bytes, produces=HTML, public=True)
    async def get_docs(call: Call[Nothing, Nothing]) -> Answer:
        """This description, to be read."""
        from functions.openapi.docs_page import CONTENT_SECURITY_POLICY

        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return Answer(as_html(), headers=headers, media_type=f"{HTML}; charset=utf-8")

    return routes


def route_prefix(host_json: Path) -> str:
    """What the host puts before every route: `/api` where host.json says nothing else."""
    http = json.loads(host_json.read_text()).get("extensions", {}).get("http", {})
    prefix = str(http.get("routePrefix", "api")).strip("/")
    return f"/{prefix}" if prefix else ""
