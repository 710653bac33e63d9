"""What a page of another origin can read: our headers, if the platform lets them through, and every body."""

from pathlib import Path

import pytest

from functions.http.api import EXPOSED
from functions.openapi.rules import RESPONSE_HEADERS
from persistence import Stores, stores_over
from persistence.storage.sqlite.engine import SqliteEngine
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made

pytestmark = pytest.mark.one_engine

PAGE = {"Origin": "http://localhost:4200"}
EXPOSE = "access-control-expose-headers"
# Browsers handle these themselves, or no page needs them.
NOT_FOR_PAGES = {
    "Accept",
    "Accept-Encoding",
    "Accept-Patch",
    "Content-Encoding",
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
    "Vary",
    "WWW-Authenticate",
}
SHOWING = SETTINGS.model_copy(update={"expose_charge": True, "snapshot_opens_per_minute": 1})


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, SHOWING)


def assert_exposed(response: Response) -> Response:
    assert response.headers[EXPOSE] == EXPOSED
    return response


def test_every_header_that_a_response_can_have_is_exposed() -> None:
    names = set(EXPOSED.split(", "))
    assert names >= RESPONSE_HEADERS.keys() - NOT_FOR_PAGES
    assert "Repr-Digest" in names and "*" not in EXPOSED


async def test_every_response_to_a_page_of_another_origin_exposes_our_headers(client: Client) -> None:
    created = assert_exposed(await client.post(SESSIONS, NEW, {**PAGE, "Prefer": "return=representation"}))
    assert created.status == 201
    path = f"{SESSIONS}/{created.json['metadata']['id']}"
    for response, status in (
        (await client.get(path, PAGE), 200),
        (await client.head(path, PAGE), 200),
        (await client.get(path, {**PAGE, "If-None-Match": created.etag}), 304),
        (await client.get(f"{path}/content", PAGE), 200),
        (await client.put(path, {"title": "T"}, {**PAGE, "If-Match": '"0-other"'}), 412),
        (await client.put(path, {"title": "T"}, {**PAGE, "Prefer": "return=minimal"}), 204),
        (await client.get("health/live", PAGE), 200),
        (await client.get("openapi.json", PAGE), 200),
        (await client.get("persistence/nothing", PAGE), 404),
        (await client.put(f"{path}/close", {}, PAGE), 405),
        (await client.get(path, {"Origin": "https://example.com"}), 403),
    ):
        assert assert_exposed(response).status == status


async def test_without_an_origin_nothing_is_said_about_it(client: Client) -> None:
    for response in (await client.get(SESSIONS), await client.get("persistence/nothing")):
        assert EXPOSE not in response.headers


@pytest.mark.parametrize("route", ["metadata", "whole", "validate", "draft"])
async def test_an_etag_is_in_the_body_too(client: Client, route: str) -> None:
    path, etag = await made(client)
    id = path.rpartition("/")[2]
    if route == "draft":
        id, path = "draft-000001", "persistence/drafts/draft-000001"
        etag = assert_ok(await client.put(path, {"content": "one"}), 201).json["etag"]
    read = {
        "metadata": f"{SESSIONS}/metadata/{id}",
        "whole": path,
        "validate": f"{path}/validate",
        "draft": path,
    }[route]
    response = assert_ok(await client.get(read, PAGE))
    assert response.json.get("metadata", response.json)["etag"] == response.etag == etag


async def test_the_new_id_is_in_the_body(client: Client) -> None:
    for path in (SESSIONS, "persistence/snapshots"):
        response = assert_ok(await client.post(path, NEW, PAGE), 201)
        assert response.headers["location"] == f"/api/{path}/{response.json}"


async def test_the_seconds_of_retry_after_are_in_the_problem(client: Client) -> None:
    snapshot = assert_ok(await client.post("persistence/snapshots", NEW), 201).json
    path = f"persistence/snapshots/{snapshot}"
    assert_ok(await client.get(path))
    refused = await client.get(path, PAGE)
    problem = assert_problem(refused, 429, "too_fast")
    assert problem["retryAfter"] == int(refused.headers["retry-after"]) == 60


async def test_a_limit_that_no_wait_removes_says_nothing_about_a_retry(tmp_path: Path) -> None:
    settings = Settings.from_environ({"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "SESSIONS_MAX": "1"})
    engine = SqliteEngine(tmp_path)
    client = Client(stores_over(engine, settings.store_rules()), settings)
    await made(client)
    response = await client.post(SESSIONS, NEW, PAGE)
    problem = assert_problem(response, 429, "too_many")
    assert "retryAfter" not in problem and "retry-after" not in response.headers
    await engine.close()
