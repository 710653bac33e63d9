"""Serves the browser module, which `clients/browser` builds, and what a page must know before it can sign in."""

from pathlib import Path

from pydantic import Field

from functions.files import BuiltFiles, respond
from functions.http.bodies import JAVASCRIPT
from functions.http.call import Call, Response
from functions.http.endpoint import PathParameter, Route, Routes
from functions.http.errors import UnknownPath
from functions.http.views import Nothing, WireModel
from functions.identity.settings import AuthMode, IdentityRules

FOLDER = Path(__file__).resolve().parent / "browser_files"

NAME = r"^[a-z]+(-[A-Z0-9]{8})?\.js$"
FILE = PathParameter("file", "The name of a file, such as `savepoint.js`.", {"type": "string", "pattern": NAME})
routes = Routes(
    "browser module",
    "The module for pages, and the parts that it loads. Open to everyone. See docs/browser.md.",
    FILE,
    prefix="",
)

_LOGIN = "/.auth/login/{provider}?post_login_redirect_uri="
"""The page of the platform, in App Service and in Static Web Apps. A page adds its own address."""


class ClientConfigView(WireModel):
    """What a page must know before it can sign in."""

    auth_mode: AuthMode = Field(description="How callers are identified.")
    sign_in: str | None = Field(
        description="The address of the platform's page for signing in, to which a page adds its own address. "
        "Null if the platform has none."
    )
    issuer: str | None = Field(
        description="The OpenID Connect issuer at which a page signs people in, by code flow with PKCE. Null if "
        "it cannot."
    )
    client_id: str | None = Field(description="The client id of the page at that issuer.")
    scope: str | None = Field(description="The scopes that the page asks for, separated by blanks.")


def config_of(rules: IdentityRules) -> ClientConfigView:
    """Returns the configuration of pages."""
    has_page = rules.mode in (AuthMode.EASYAUTH, AuthMode.SWA)
    has_client = rules.mode is AuthMode.JWT and bool(rules.sign_in_client)
    return ClientConfigView(
        auth_mode=rules.mode,
        sign_in=_LOGIN.format(provider=rules.providers[0]) if has_page else None,
        issuer=rules.issuers[0] if has_client else None,
        client_id=rules.sign_in_client if has_client else None,
        scope=f"openid offline_access {rules.sign_in_scope}".rstrip() if has_client else None,
    )


@routes.serve(Route("GET", "client/config", public=True))
async def get_client_config(call: Call[Nothing, Nothing], config: ClientConfigView) -> Response[ClientConfigView]:
    """Returns what a page must know before it can sign in."""
    return Response(config)


@routes.serve(Route("GET", "client/{file}", reads=("If-None-Match",), produces=JAVASCRIPT, public=True))
async def get_client_file(call: Call[Nothing, Nothing], files: BuiltFiles) -> Response[bytes]:
    """Returns a file of the browser module: `savepoint.js`, `elements.js`, or a part that they load.

    A file with a hash in its name never changes. The others are revalidated by their ETag.
    """
    file = files.find(call.path["file"])
    if file is None:
        raise UnknownPath("The browser module has no file of this name.")
    # Pages that isolate themselves from other origins may load it, too.
    return respond(call, file, {"Cross-Origin-Resource-Policy": "cross-origin"})
