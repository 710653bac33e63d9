"""The settings of identity that the app refuses to start with."""

import pytest

from functions.identity.settings import AuthMode
from settings import PLATFORM_AUTHENTICATION, InvalidSettings, Settings

ENTRA = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
AUTH0 = "https://example.eu.auth0.com/"
JWT = {"AUTH_MODE": "jwt", "JWT_ISSUERS": ENTRA, "JWT_AUDIENCE": "api"}
EASYAUTH = {"AUTH_MODE": "easyauth", "AUTH_PROVIDERS": "aad", PLATFORM_AUTHENTICATION: "True"}


def settings(**environ: str) -> Settings:
    return Settings.from_environ({"STORE_ENGINE": "sqlite", **environ})


def refusal(**environ: str) -> str:
    with pytest.raises(InvalidSettings) as caught:
        settings(**environ)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


@pytest.mark.parametrize("mode", ["easyauth", "swa"])
@pytest.mark.parametrize("said", ["True", "true", "TRUE"])
def test_headers_of_the_platform_are_trusted_where_its_authentication_is_on(mode, said):
    started = settings(**EASYAUTH | {"AUTH_MODE": mode, PLATFORM_AUTHENTICATION: said})
    assert started.auth_mode is AuthMode(mode) and started.auth_providers == ("aad",)


@pytest.mark.parametrize("mode", ["easyauth", "swa"])
@pytest.mark.parametrize("said", ["", "False", "0", "1", "yes", "truee"])
def test_headers_of_the_platform_are_refused_where_its_authentication_is_not_on(mode, said):
    assert refusal(**EASYAUTH | {"AUTH_MODE": mode, PLATFORM_AUTHENTICATION: said}).startswith("AUTH_MODE: ")


@pytest.mark.parametrize("mode", ["easyauth", "swa"])
@pytest.mark.parametrize("marker", ["WEBSITE_SITE_NAME", "LEGION_SERVICE_HOST"])
def test_running_in_azure_alone_does_not_make_headers_trusted(mode, marker):
    in_azure = {marker: "x", "STORE_ENGINE": "cosmos", "COSMOS_ENDPOINT": "https://x.example"}
    environ = {"AUTH_MODE": mode, "AUTH_PROVIDERS": "aad"} | in_azure
    assert "WEBSITE_AUTH_ENABLED" in refusal(**environ)


@pytest.mark.parametrize("providers", ["", " , ", "a:b", "aad,a b", "aad, aad", "x" * 65, "Zoë"])
@pytest.mark.parametrize("mode", ["easyauth", "swa"])
def test_providers_that_are_missing_or_no_names_are_refused(mode, providers):
    assert refusal(**EASYAUTH | {"AUTH_MODE": mode, "AUTH_PROVIDERS": providers}).startswith("AUTH_PROVIDERS: ")


@pytest.mark.parametrize("mode", ["", "none", "off", "Local", "LOCAL", "oauth", "anonymous"])
def test_there_is_no_identity_by_default_and_none_by_another_name(mode):
    assert refusal(AUTH_MODE=mode).startswith("AUTH_MODE: ")


def test_a_name_of_the_platform_cannot_be_set_as_a_setting():
    environ = EASYAUTH | {PLATFORM_AUTHENTICATION: "", "PLATFORM_AUTHENTICATION": "true"}
    assert refusal(**environ).startswith("AUTH_MODE: ")


def test_tokens_are_checked_with_an_issuer_and_an_audience():
    started = settings(**JWT)
    assert (started.jwt_issuers, started.jwt_audience) == ((ENTRA,), ("api",))
    assert (started.jwt_jwks_url, started.jwt_subject_claim) == ((), "sub")


@pytest.mark.parametrize("name", ["JWT_ISSUERS", "JWT_AUDIENCE"])
@pytest.mark.parametrize("value", ["", ",", " "])
def test_tokens_without_an_issuer_or_an_audience_are_refused(name, value):
    assert refusal(**JWT | {name: value}).startswith(f"{name}: required")


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example",
        "login.example",
        "https://",
        "https://[",
        "https://x.example:port",
        "ftp://x.example",
        "http://127.0.0.1.example",
        "http://localhost@evil.example",
        "https://" + "x" * 200,
        "https://zoë.example",
        f"{AUTH0},{AUTH0}",
    ],
)
def test_an_issuer_whose_keys_could_come_from_anybody_is_refused(issuer):
    assert refusal(**JWT | {"JWT_ISSUERS": issuer}).startswith("JWT_ISSUERS: ")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_an_issuer_on_this_machine_needs_no_https(host):
    assert settings(**JWT | {"JWT_ISSUERS": f"http://{host}"}).jwt_issuers == (f"http://{host}",)


def test_an_issuer_that_is_no_url_needs_a_url_of_its_keys():
    started = settings(**JWT | {"JWT_ISSUERS": "accounts.example", "JWT_JWKS_URL": "https://x.example/keys"})
    assert started.jwt_jwks_url == ("https://x.example/keys",)


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/keys",
        "file:///etc/keys",
        "/keys",
        "https://a.example/keys,https://b.example/keys",
    ],
)
def test_keys_that_could_be_anybodys_or_nobodys_are_refused(url):
    assert refusal(**JWT | {"JWT_JWKS_URL": url}).startswith("JWT_JWKS_URL: ")


def test_issuers_whose_owners_could_be_mixed_up_are_refused():
    issuers = "https://x.example,https://x.example:8443"
    assert "could not be told" in refusal(**JWT | {"JWT_ISSUERS": issuers})
    assert settings(**JWT | {"JWT_ISSUERS": f"{ENTRA}, {AUTH0}"}).jwt_issuers == (ENTRA, AUTH0)


@pytest.mark.parametrize(
    "claim",
    ["email", "name", "preferred_username", "upn", "unique_name", "Email", " email", "e mail", "username"]
    + ["signInNames.emailAddress", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"]
    + ["iss", "aud", "exp", "tid", "azp", "groups", "roles", "scp"],
)
def test_a_subject_that_is_not_one_persons_for_good_is_refused(claim):
    assert refusal(**JWT | {"JWT_SUBJECT_CLAIM": claim}).startswith("JWT_SUBJECT_CLAIM: ")


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InvalidSettings) as caught:
        settings(AUTH_MODE="jwt", JWT_JWKS_URL="http://x.example", JWT_SUBJECT_CLAIM="email")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "JWT_ISSUERS",
        "JWT_AUDIENCE",
        "JWT_JWKS_URL",
        "JWT_JWKS_URL",
        "JWT_SUBJECT_CLAIM",
    ]
