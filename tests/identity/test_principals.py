"""The headers of App Service Authentication and of Static Web Apps: who they name, and what is refused."""

import base64
import json
from typing import Any

import pytest

from functions.identity.errors import ForbiddenOrigin, Unauthenticated
from functions.identity.principal import HEADER, EasyAuthIdentity, StaticWebAppsIdentity

OID = "5b5450db-eb26-4c1a-981c-ba1d25f0483d"
OID_CLAIM = "http://schemas.microsoft.com/identity/claims/objectidentifier"
NAME_ID_CLAIM = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


def encoded(principal: Any) -> str:
    text = principal if isinstance(principal, str) else json.dumps(principal)
    return base64.b64encode(text.encode()).decode()


def entra(*claims: tuple[Any, Any], provider: Any = "aad") -> dict[str, Any]:
    """Returns the header as App Service sends it, with its other members."""
    return {
        "auth_typ": provider,
        "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        "claims": [
            {"typ": "preferred_username", "val": "someone@example.com"},
            {"typ": "groups", "val": "f08bbbea-b793-4a36-a5fc-136c18d8aa8f"},
            {"typ": "groups", "val": "14a87ffa-0801-49bf-a515-3d259a2a9f8f"},
            *({"typ": typ, "val": val} for typ, val in claims),
        ],
    }


def swa(**changed: Any) -> dict[str, Any]:
    """Returns the header as Static Web Apps sends it."""
    return {
        "identityProvider": "aad",
        "userId": "d75b260a64504067bfc5b2905e3b8182",
        "userDetails": "someone@example.com",
        "userRoles": ["anonymous", "authenticated"],
    } | changed


async def easyauth_owner(principal: Any, *providers: str) -> str:
    headers = {HEADER: encoded(principal)}
    return await EasyAuthIdentity(providers or ("aad",))(headers)


async def swa_owner(principal: Any, *providers: str) -> str:
    headers = {HEADER: encoded(principal)}
    return await StaticWebAppsIdentity(providers or ("aad",))(headers)


@pytest.mark.parametrize("claims", [[(OID_CLAIM, OID)], [("oid", OID)], [(OID_CLAIM, OID), ("oid", OID)]])
async def test_an_entra_person_is_the_oid_and_not_the_sub(claims):
    assert await easyauth_owner(entra(*claims, (NAME_ID_CLAIM, "pairwise"), ("sub", "pairwise"))) == OID


@pytest.mark.parametrize("claim", [NAME_ID_CLAIM, "sub"])
async def test_a_person_of_another_provider_is_the_sub_and_not_the_oid(claim):
    principal = entra((claim, "1234"), ("oid", OID), provider="google")
    assert await easyauth_owner(principal, "google") == "1234"


async def test_with_several_providers_the_providers_name_comes_first():
    assert await easyauth_owner(entra(("oid", OID)), "aad", "google") == f"aad:{OID}"
    assert await easyauth_owner(entra(("sub", OID), provider="google"), "aad", "google") == f"google:{OID}"
    assert await swa_owner(swa(identityProvider="github"), "aad", "github") == f"github:{swa()['userId']}"


@pytest.mark.parametrize(
    "principal",
    [
        entra(),
        entra(("email", "someone@example.com"), ("name", "Someone")),
        entra(("OID", OID)),
        entra(("oid", OID), ("oid", "another")),
        entra((OID_CLAIM, OID), ("oid", OID.upper())),
        entra(("oid", "")),
        entra(("oid", " ")),
        entra(("oid", "Zoë")),
        entra(("oid", "x" * 256)),
        entra(("oid", None)),
        entra(("oid", 7)),
        entra(("oid", [OID])),
        entra((None, OID), ("oid", OID)),
        entra(("oid", OID), provider="google"),
        entra(("oid", OID), provider="AAD"),
        entra(("oid", OID), provider=None),
        entra(("oid", OID)) | {"claims": None},
        entra(("oid", OID)) | {"claims": {"typ": "oid", "val": OID}},
        entra(("oid", OID)) | {"claims": ["oid"]},
        {"claims": [{"typ": "oid", "val": OID}]},
        {"auth_typ": "aad"},
        {"auth_typ": "aad", "claims": [], "oid": OID},
        swa(),
        [entra(("oid", OID))],
        None,
        OID,
    ],
    ids=range(26),
)
async def test_an_app_service_principal_that_names_nobody_for_sure_is_refused(principal):
    with pytest.raises(Unauthenticated):
        await easyauth_owner(json.dumps(principal))


async def test_a_static_web_apps_person_is_the_user_id():
    assert await swa_owner(swa()) == "d75b260a64504067bfc5b2905e3b8182"


@pytest.mark.parametrize(
    "principal",
    [
        swa(userRoles=[]),
        swa(userRoles=["anonymous"]),
        swa(userRoles=["Authenticated"]),
        swa(userRoles="authenticated"),
        swa(userRoles={"authenticated": True}),
        swa(userRoles=["authenticated", 7]),
        swa(userRoles=None),
        swa(userId=None),
        swa(userId=""),
        swa(userId=7),
        swa(userId="Zoë"),
        swa(identityProvider="github"),
        swa(identityProvider=None),
        {name: value for name, value in swa().items() if name != "userRoles"},
        {name: value for name, value in swa().items() if name != "userId"},
        {"clientPrincipal": swa()},
        entra(("oid", OID)),
        [swa()],
        None,
    ],
    ids=range(19),
)
async def test_a_static_web_apps_principal_that_is_not_signed_in_is_refused(principal):
    with pytest.raises(Unauthenticated):
        await swa_owner(json.dumps(principal))


MALFORMED = {
    "empty": "",
    "no base64": "{}",
    "base64url": base64.urlsafe_b64encode(json.dumps({"a": "??>>"}).encode()).decode(),
    "no padding": encoded(entra(("oid", OID))).rstrip("=") + "A",
    "blank inside": encoded(swa())[:8] + " " + encoded(swa())[8:],
    "two joined": f"{encoded(swa())},{encoded(swa())}",
    "two run together": encoded(swa()) + encoded(swa()),
    "not ASCII": "é" * 8,
    "no JSON": encoded("{"),
    "JSON and more": encoded(json.dumps(swa()) + "{}"),
    "no UTF-8": base64.b64encode(b'{"auth_typ":"\xff"}').decode(),
    "deep": encoded("[" * 20_000),
    "NaN": encoded("NaN"),
    "surrogate": encoded('{"userId":"\\ud800"}'),
    "huge": encoded(swa(padding="x" * 40_000)),
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("identity", [EasyAuthIdentity(["aad"]), StaticWebAppsIdentity(["aad"])])
async def test_a_malformed_header_is_refused(identity, header):
    with pytest.raises(Unauthenticated):
        await identity({HEADER: header})


@pytest.mark.parametrize("identity", [EasyAuthIdentity(["aad"]), StaticWebAppsIdentity(["aad"])])
async def test_no_other_header_names_a_person(identity):
    headers = {
        "x-ms-client-principal-id": OID,
        "x-ms-client-principal-name": "someone@example.com",
        "x-ms-client-principal-idp": "aad",
        "x-ms-token-aad-id-token": "x.y.z",
        "x-user-id": "someone",
        "authorization": "Bearer x.y.z",
    }
    with pytest.raises(Unauthenticated):
        await identity(headers)


async def test_the_id_header_does_not_replace_the_one_in_the_principal():
    headers = {HEADER: encoded(entra(("oid", OID))), "x-ms-client-principal-id": "another"}
    assert await EasyAuthIdentity(["aad"])(headers) == OID


async def test_the_largest_principal_that_a_host_lets_through_is_read():
    groups = [("groups", f"{number:036}") for number in range(300)]
    principal = entra(*groups, ("oid", OID))
    assert 20_000 < len(encoded(principal)) <= 32_768
    assert await easyauth_owner(principal) == OID


CROSS_SITE = {"sec-fetch-site": "cross-site"}
IDENTITIES = [(EasyAuthIdentity(["aad"]), entra(("oid", OID))), (StaticWebAppsIdentity(["aad"]), swa())]
each_platform = pytest.mark.parametrize(("identity", "principal"), IDENTITIES, ids=["easyauth", "swa"])


@each_platform
async def test_a_page_of_another_site_cannot_use_the_cookie_of_its_visitor(identity, principal):
    with pytest.raises(ForbiddenOrigin):
        await identity({HEADER: encoded(principal), **CROSS_SITE})


@each_platform
@pytest.mark.parametrize("site", [None, "same-origin", "same-site", "none"])
async def test_every_other_caller_can(identity, principal, site):
    sent = {} if site is None else {"sec-fetch-site": site}
    assert await identity({HEADER: encoded(principal), **sent})


async def test_a_page_of_another_site_may_call_with_a_token_unless_the_platform_replaces_it():
    token = {"authorization": "Bearer x.y.z", **CROSS_SITE}
    assert await EasyAuthIdentity(["aad"])({HEADER: encoded(entra(("oid", OID))), **token}) == OID
    with pytest.raises(ForbiddenOrigin):
        await StaticWebAppsIdentity(["aad"])({HEADER: encoded(swa()), **token})
    with pytest.raises(ForbiddenOrigin):
        await EasyAuthIdentity(["aad"])({HEADER: encoded(entra()), **token, "authorization": "Basic x"})
