"""The two shapes of the template: callers bring tokens, or a Static Web App in front signs them in."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from functions.client import config_of
from functions.identity.settings import AuthMode
from persistence import Stores, open_stores
from settings import PLATFORM_AUTHENTICATION, InvalidSettings, Settings
from tests.support.bicep import FILES, bicep_file
from tests.support.bicep_values import evaluated
from tests.support.http import Client, assert_ok, assert_problem
from tests.support.shapes import AZURE, CLIENT, FRONT, ISSUER, REQUIRED, TENANT, Shape, static_web_app, tokens

ME = "persistence/me"
MARKERS = {"WEBSITE_SITE_NAME": "func"}


def as_the_platform(shape: Shape) -> dict[str, str]:
    """Returns the environment of the app: its settings, and what the platform says of its authentication."""
    return shape.settings | MARKERS | {PLATFORM_AUTHENTICATION: str(shape.authentication["platform"]["enabled"])}


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Callable[[Shape], Client]]:
    """Starts the app with the settings of a shape, over a file in place of Cosmos DB."""
    opened: list[Stores] = []

    def start(shape: Shape) -> Client:
        settings = Settings.from_environ(as_the_platform(shape))
        opened.append(open_stores(tmp_path, settings.store_rules()))
        return Client(opened[-1], settings)

    yield start
    for stores in opened:
        await stores.close()


def forged(principal: object) -> dict[str, str]:
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode()}


PERSON = {"identityProvider": "aad", "userId": "one", "userDetails": "", "userRoles": ["authenticated"]}


def test_tokens_are_checked_by_the_app_against_the_tenant_and_the_client():
    settings = Settings.from_environ(as_the_platform(tokens(authClients="cli-1, page-1,")))
    assert settings.auth_mode is AuthMode.JWT
    assert settings.jwt_issuers == (ISSUER,)
    assert settings.jwt_jwks_url == (f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys",)
    assert settings.jwt_audience == (CLIENT,)
    assert settings.jwt_subject_claim == "oid", "as App Service Authentication named owners"
    assert settings.jwt_scopes == ("user_impersonation",)
    assert settings.jwt_clients == (CLIENT, "cli-1", "page-1")


def test_the_workbench_signs_people_in_with_the_registration_itself():
    found = config_of(Settings.from_environ(as_the_platform(tokens())).app_rules().identity)
    assert (found.issuer, found.client_id) == (ISSUER, CLIENT)
    # Entra refuses api:// to an application that asks for a token to itself.
    assert found.scope == f"openid offline_access {CLIENT}/user_impersonation"


def test_without_further_clients_only_the_registration_itself_is_one():
    assert tokens().settings["JWT_CLIENTS"] == CLIENT


def test_tokens_leave_the_platform_off_and_say_so():
    """Azure keeps what a template leaves out."""
    authentication = tokens().authentication
    assert authentication["platform"]["enabled"] is False
    assert authentication["identityProviders"] == {}
    assert "resource authentication 'Microsoft.Web/sites/config@" in bicep_file("authentication.bicep").text
    assert "= if" not in bicep_file("authentication.bicep").text


def test_a_static_web_app_is_the_only_provider_and_the_platform_is_on():
    authentication = static_web_app().authentication
    assert authentication["platform"]["enabled"] is True
    assert authentication["globalValidation"]["requireAuthentication"] is True
    assert authentication["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    assert authentication["identityProviders"] == {
        "azureStaticWebApps": {"enabled": True, "registration": {"clientId": FRONT}}
    }


def test_a_static_web_app_wins_over_a_registration_that_is_left_over():
    settings = Settings.from_environ(
        as_the_platform(static_web_app(authClientId=CLIENT, authProviders="aad,github"))
    )
    assert (settings.auth_mode, settings.auth_providers) == (AuthMode.SWA, ("aad", "github"))
    assert not [name for name in static_web_app().settings if name.startswith("JWT_")]


def test_the_app_gets_its_settings_before_the_platform_stops_to_check():
    """A process that still trusts the platform's header would believe everybody."""
    # Azure begins a module when the modules whose outputs it takes are complete.
    function_app = {"outputs": {"name": "complete"}}
    main = evaluated("main.bicep", AZURE | REQUIRED | {"group": {}, "functionApp": function_app})
    assert main["authentication"]["params"]["functionAppName"] == "complete"
    written = {
        (path.name, name)
        for path in FILES
        for name in re.findall(r"sites/config@[^{]*\{\s*parent: app\s*name: '(\w+)'", path.read_text())
    }
    assert written == {("function-app.bicep", "appsettings"), ("authentication.bicep", "authsettingsV2")}


def test_no_secret_and_no_stand_in_for_one_is_left():
    for shape in (tokens(), static_web_app()):
        assert not [name for name in shape.settings if "SECRET" in name or "OVERRIDE" in name]
        assert not re.search("secret|password|certificate", json.dumps(shape.authentication), re.IGNORECASE)


async def test_the_app_starts_with_tokens_and_ignores_what_anybody_can_forge(started):
    client = started(tokens())
    assert_ok(await client.get("health/live"))
    for headers in ({}, forged(PERSON), {"X-MS-CLIENT-PRINCIPAL-ID": "one"}):
        assert_problem(await client.get(ME, headers), 401, "unauthenticated")


async def test_the_app_starts_behind_a_static_web_app_and_knows_its_people(started):
    client = started(static_web_app())
    assert assert_ok(await client.get(ME, forged(PERSON))).json == {"ownerId": "one"}
    assert_problem(await client.get(ME), 401, "unauthenticated")


def test_behind_a_static_web_app_the_app_does_not_start_while_the_platform_is_off():
    environ = as_the_platform(static_web_app()) | {PLATFORM_AUTHENTICATION: "False"}
    with pytest.raises(InvalidSettings, match="trusts a header that anyone could send"):
        Settings.from_environ(environ)
