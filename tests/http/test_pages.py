"""What pages are told before anybody has signed in, and the pages themselves, which an operator can turn off."""

import pytest

from functions.client import config_of
from functions.identity.settings import AuthMode, IdentityRules
from persistence import Stores
from tests.conftest import SETTINGS
from tests.support.http import Client, assert_ok


@pytest.mark.one_engine
async def test_pages_are_told_how_people_sign_in(stores: Stores) -> None:
    response = assert_ok(await Client(stores, SETTINGS).get("client/config"))
    assert response.json == {"authMode": "local", "signIn": None}


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


@pytest.mark.one_engine
@pytest.mark.parametrize("path", ["workbench", "workbench/race-prep", "workbench/workbench.js"])
async def test_without_the_workbench_there_are_none_of_its_pages(stores: Stores, path: str) -> None:
    client = Client(stores, SETTINGS.model_copy(update={"workbench": False}))
    with pytest.raises(LookupError):
        await client.get(path)
