"""What pages are told before anybody has signed in, and the pages themselves, which an operator can turn off."""

from dataclasses import replace

import pytest

from functions.client import config_of
from functions.files import BuiltFiles
from functions.identity.settings import AuthMode, IdentityRules
from functions.workbench import FOLDER, Workbench
from persistence import Stores
from tests.conftest import SETTINGS
from tests.support.http import Client, assert_ok


@pytest.mark.one_engine
async def test_pages_are_told_how_people_sign_in(stores: Stores) -> None:
    response = assert_ok(await Client(stores, SETTINGS).get("client/config"))
    unset = {"signIn": None, "issuer": None, "clientId": None, "scope": None}
    assert response.json == {"authMode": "local", **unset}


@pytest.mark.parametrize(
    ("mode", "sign_in"),
    [
        (AuthMode.EASYAUTH, "/.auth/login/aad?post_login_redirect_uri="),
        (AuthMode.SWA, "/.auth/login/aad?post_login_redirect_uri="),
        (AuthMode.JWT, None),
        (AuthMode.LOCAL, None),
    ],
)
def test_the_address_for_signing_in_is_that_of_the_platform(mode: AuthMode, sign_in: str | None) -> None:
    found = config_of(IdentityRules(mode, providers=("aad", "github")))
    assert (found.auth_mode, found.sign_in) == (mode, sign_in)


@pytest.mark.parametrize("mode", list(AuthMode))
def test_pages_sign_in_at_the_first_issuer_if_they_have_a_client_id_there(mode: AuthMode) -> None:
    rules = IdentityRules(
        mode, providers=["aad"], issuers=["https://one.example/a", "https://two.example"], sign_in_client="pages"
    )
    with_scope = replace(rules, sign_in_scope="api/save")
    found = config_of(with_scope)
    if mode is not AuthMode.JWT:
        assert (found.issuer, found.client_id, found.scope) == (None, None, None)
        return
    assert (found.issuer, found.client_id) == ("https://one.example/a", "pages")
    assert found.scope == "openid offline_access api/save"
    assert config_of(rules).scope == "openid offline_access"
    assert config_of(replace(rules, sign_in_client="")).issuer is None


@pytest.mark.parametrize(
    ("issuer", "sources"),
    [(None, None), ("https://one.example/tenant/v2.0", "'self' https://one.example")],
    ids=["platform", "issuer"],
)
def test_the_pages_ask_nobody_but_their_server_and_the_issuer(issuer: str | None, sources: str | None) -> None:
    policy = Workbench(BuiltFiles(FOLDER), issuer).security()["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'self'"
    assert "style-src" not in directives and "script-src" not in directives
    assert directives.get("connect-src") == sources


@pytest.mark.one_engine
@pytest.mark.parametrize("path", ["workbench", "workbench/race-prep", "workbench/workbench.js"])
async def test_without_the_workbench_there_are_none_of_its_pages(stores: Stores, path: str) -> None:
    client = Client(stores, SETTINGS.model_copy(update={"workbench": False}))
    with pytest.raises(LookupError):
        await client.get(path)
