"""`GET /persistence/me` in each mode: its responses and refusals over the wire."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import azure.functions as func
import httpx
import pytest

from functions.app import build_app
from functions.identity import signing_keys
from persistence import open_stores
from settings import PLATFORM_AUTHENTICATION, Settings
from tests.devhost.server import REPOSITORY, refused_start, run_devhost
from tests.support.http import Client
from tests.support.issuer import AUDIENCE, CLIENT, SUBJECT, Issuer, jwk, private_key

PRINCIPAL = {"auth_typ": "aad", "claims": [{"typ": "oid", "val": "object-1"}]}
SWA_PRINCIPAL = {
    "identityProvider": "github",
    "userId": "user-1",
    "userDetails": "x",
    "userRoles": ["authenticated"],
}

GetMe = Callable[[Mapping[str, str]], Awaitable[func.HttpResponse]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., GetMe]]:
    """Returns `get_me` of an app with these settings, called as the host calls it."""
    closing = []

    def open_app(**environ: str) -> GetMe:
        settings = Settings.from_environ({"STORE_ENGINE": "sqlite", "DATA_DIR": str(tmp_path), **environ})
        stores = open_stores(settings.place(), settings.store_rules())
        closing.append(stores)
        functions = build_app(stores, settings.app_rules()).get_functions()
        (found,) = [each for each in functions if each.get_function_name() == "get_me"]

        async def get_me(headers):
            url = "http://localhost/api/persistence/me"
            return await found.get_user_function()(func.HttpRequest("GET", url, headers=headers, body=b""))

        return get_me

    yield open_app
    for stores in closing:
        await stores.close()


def principal_header(principal: object) -> dict[str, str]:
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode()}


def owner_in(response: func.HttpResponse):
    assert response.status_code == 200, response.get_body()
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store, private"
    answer = json.loads(response.get_body())
    assert set(answer) == {"ownerId"}
    return answer["ownerId"]


def assert_problem(response: func.HttpResponse, status: int, code: str) -> None:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    answer = json.loads(response.get_body())
    assert answer["status"] == status and answer["error"]["type"] == code
    assert answer["error"]["message"] == answer["detail"]


async def test_local_answers_whom_the_header_names(opened):
    get_me = opened(AUTH_MODE="local")
    assert owner_in(await get_me({})) == "local-user"
    assert owner_in(await get_me({"X-User-Id": "someone"})) == "someone"
    assert_problem(await get_me({"X-User-Id": "Zoë"}), 401, "unauthenticated")


@pytest.mark.parametrize("providers", ["aad", "aad,google"])
async def test_easyauth_answers_whom_the_platform_names(opened, providers):
    environ = {"AUTH_MODE": "easyauth", "AUTH_PROVIDERS": providers, PLATFORM_AUTHENTICATION: "True"}
    get_me = opened(**environ)
    owner = "object-1" if providers == "aad" else "aad:object-1"
    assert owner_in(await get_me(principal_header(PRINCIPAL))) == owner
    for headers in ({}, principal_header(SWA_PRINCIPAL), {"X-User-Id": "x"}, {"X-MS-CLIENT-PRINCIPAL-ID": "x"}):
        assert_problem(await get_me(headers), 401, "unauthenticated")


async def test_swa_answers_whom_the_platform_names(opened):
    get_me = opened(AUTH_MODE="swa", AUTH_PROVIDERS="github", **{PLATFORM_AUTHENTICATION: "true"})
    assert owner_in(await get_me(principal_header(SWA_PRINCIPAL))) == "user-1"
    for headers in ({}, principal_header(PRINCIPAL), principal_header(SWA_PRINCIPAL | {"userRoles": []})):
        response = await get_me(headers)
        assert_problem(response, 401, "unauthenticated")
        assert response.headers["WWW-Authenticate"] == "Cookie"


async def test_jwt_answers_the_subject_and_asks_for_a_token_where_there_is_none(issuer, opened):
    get_me = opened(AUTH_MODE="jwt", JWT_ISSUERS=issuer.url, JWT_AUDIENCE=f"other,{AUDIENCE}")
    assert owner_in(await get_me({"Authorization": f"Bearer {issuer.token()}"})) == SUBJECT
    for headers in ({}, {"Authorization": "Bearer x"}, {"X-User-Id": "x"}, principal_header(PRINCIPAL)):
        response = await get_me(headers)
        assert_problem(response, 401, "unauthenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_jwt_refuses_a_token_for_another_purpose_with_403(issuer, opened):
    given = {
        "JWT_ISSUERS": issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
        "JWT_SCOPES": "x,y",
        "JWT_CLIENTS": f"z,{CLIENT}",
    }
    get_me = opened(AUTH_MODE="jwt", **given)
    good = issuer.token(scp="w y", azp=CLIENT)
    assert owner_in(await get_me({"Authorization": f"Bearer {good}"})) == SUBJECT
    for token in (issuer.token(azp=CLIENT), issuer.token(scp="x", azp="other")):
        response = await get_me({"Authorization": f"Bearer {token}"})
        assert_problem(response, 403, "forbidden_token")


async def test_a_person_has_one_owner_id_by_token_and_by_app_service(issuer, opened):
    by_token = opened(AUTH_MODE="jwt", JWT_ISSUERS=issuer.url, JWT_AUDIENCE=AUDIENCE, JWT_SUBJECT_CLAIM="oid")
    by_platform = opened(AUTH_MODE="easyauth", AUTH_PROVIDERS="aad", **{PLATFORM_AUTHENTICATION: "True"})
    token = issuer.token(oid="object-1", sub="pairwise")
    owner = owner_in(await by_token({"Authorization": f"Bearer {token}"}))
    assert owner == owner_in(await by_platform(principal_header(PRINCIPAL))) == "object-1"


async def test_a_forged_principal_changes_nothing_in_jwt(issuer, opened):
    get_me = opened(AUTH_MODE="jwt", JWT_ISSUERS=issuer.url, JWT_AUDIENCE=AUDIENCE)
    forged = principal_header(PRINCIPAL) | {"X-MS-CLIENT-PRINCIPAL-ID": "object-1", "X-User-Id": "object-1"}
    assert owner_in(await get_me({**forged, "Authorization": f"Bearer {issuer.token()}"})) == SUBJECT
    assert_problem(await get_me(forged), 401, "unauthenticated")


async def test_the_first_request_of_any_kind_fetches_keys_and_health_does_not_wait(issuer, tmp_path):
    settings = Settings.from_environ(
        {
            "STORE_ENGINE": "sqlite",
            "DATA_DIR": str(tmp_path),
            "AUTH_MODE": "jwt",
            "JWT_ISSUERS": issuer.url,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_JWKS_URL": issuer.jwks_url,
        }
    )
    stores = open_stores(settings.place(), settings.store_rules())
    client = Client(stores, settings)
    issuer.silent = True
    async with asyncio.timeout(2):
        for _ in range(3):
            assert (await client.get("health/live")).status == 200
            assert (await client.get("health/ready")).status == 200
        while not issuer.asked:
            await asyncio.sleep(0.01)
    assert issuer.asked == {"/keys": 1}
    await stores.close()


async def test_jwt_finds_each_issuers_keys_where_the_settings_say(issuer, opened):
    async with Issuer() as second:
        second.jwks = [jwk(private_key("ES256"), "first")]
        get_me = opened(
            AUTH_MODE="jwt",
            JWT_ISSUERS=f"{issuer.url},https://second.example",
            JWT_AUDIENCE=AUDIENCE,
            JWT_JWKS_URL=f"{issuer.jwks_url},{second.jwks_url}",
            JWT_SUBJECT_CLAIM="oid",
        )
        theirs = second.token("ES256", iss="https://second.example", oid="object-1")
        assert owner_in(await get_me({"Authorization": f"Bearer {theirs}"})) == "https://second.example:object-1"
        mine = issuer.token(oid="object-1")
        assert owner_in(await get_me({"Authorization": f"Bearer {mine}"})) == f"{issuer.url}:object-1"


async def test_an_outage_of_the_issuer_is_said_as_one(issuer, opened):
    get_me = opened(AUTH_MODE="jwt", JWT_ISSUERS=issuer.url, JWT_AUDIENCE=AUDIENCE)
    issuer.away = True
    response = await get_me({"Authorization": f"Bearer {issuer.token()}"})
    assert_problem(response, 503, "identity_unavailable")
    assert response.headers["Retry-After"] == "5"


async def test_a_real_server_checks_tokens(issuer, tmp_path):
    environ = {
        "STORE_ENGINE": "sqlite",
        "DATA_DIR": str(tmp_path),
        "AUTH_MODE": "jwt",
        "JWT_ISSUERS": issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
    }
    with run_devhost(REPOSITORY, environ) as server:
        async with httpx.AsyncClient(base_url=server.base_url) as client:
            path = "/api/persistence/me"
            good = ("Authorization", f"Bearer {issuer.token()}")
            assert (await client.get(path, headers=[good])).json() == {"ownerId": SUBJECT}
            assert (await client.get(path, headers=[("X-User-Id", "someone")])).status_code == 401
            assert (await client.get(path, headers=[good, good])).status_code == 401
            expired = ("Authorization", f"Bearer {issuer.token(exp=1)}")
            response = await client.get(path, headers=[expired])
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
            assert (await client.get("/api/persistence/sessions", headers=[expired])).status_code == 401
            assert (await client.get("/api/health/live")).status_code == 200


@pytest.mark.parametrize("mode", ["easyauth", "swa"])
def test_a_real_server_does_not_start_where_anyone_could_send_the_header(tmp_path, mode):
    environ = {"STORE_ENGINE": "sqlite", "DATA_DIR": str(tmp_path), "AUTH_MODE": mode, "AUTH_PROVIDERS": "aad"}
    assert f"AUTH_MODE: {mode} trusts a header that anyone could send" in refused_start(REPOSITORY, environ)


async def test_no_request_is_refused_while_the_issuer_changes_its_keys(
    opened: Callable[..., GetMe], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is published before it signs, and withdrawn when nothing that it signed is under way."""
    monkeypatch.setattr(signing_keys, "FRESH_SECONDS", 0.02)
    monkeypatch.setattr(signing_keys, "REFETCH_SECONDS", 0.01)
    async with Issuer() as issuer:
        get_me = opened(AUTH_MODE="jwt", JWT_ISSUERS=issuer.url, JWT_AUDIENCE=AUDIENCE)
        signs, answered, ends = "0", Counter[int](), asyncio.Event()
        under_way = Counter[str]()

        def publish(*names: str) -> None:
            issuer.jwks = [jwk(private_key("EdDSA", name), name) for name in names]

        async def ask() -> None:
            while not ends.is_set():
                by = signs
                under_way[by] += 1
                token = issuer.token("EdDSA", private_key("EdDSA", by), {"kid": by})
                answered[(await get_me({"authorization": f"Bearer {token}"})).status_code] += 1
                under_way[by] -= 1
                await asyncio.sleep(0)

        async def more(count: Callable[[], int], by: int) -> None:
            before = count()
            while count() < before + by:
                await asyncio.sleep(0.005)

        publish("0")
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(ask())
            for number in range(3):
                publish(f"{number}", f"{number + 1}")
                await more(lambda: issuer.asked.get("/keys", 0), 2)  # the first may have been answered before
                signs = f"{number + 1}"
                while under_way[f"{number}"]:
                    await asyncio.sleep(0.005)
                await more(answered.total, 8)
                publish(signs)
                await more(lambda: issuer.asked["/keys"], 2)
            ends.set()
    assert set(answered) == {200}, answered
