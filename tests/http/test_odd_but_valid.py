"""Odd but valid requests: they do what they say."""

from pathlib import Path

import httpx
import pytest

from persistence import Stores
from tests.conftest import SETTINGS
from tests.support.http import Client, assert_ok, assert_problem, made
from tests.support.storage import call, on_sqlite

DRAFT = "persistence/drafts/madeByClient"
LONGEST = f"{'a' * 60}/{'b' * 60}"


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, SETTINGS)


async def test_a_draft_that_begins_with_its_app_cleared_has_none(client: Client) -> None:
    response = assert_ok(await client.put(DRAFT, {"content": "one", "app": "", "description": ""}), 201)
    assert (response.json["app"], response.json["description"]) == (None, None)


async def test_the_longest_media_type_is_kept(client: Client) -> None:
    path, _ = await made(client)
    saved = assert_ok(await client.call("PUT", f"{path}/content", b"two", {"Content-Type": LONGEST.upper()}))
    assert saved.json["mediaType"] == LONGEST
    content = assert_ok(await client.get(f"{path}/content"))
    assert (content.headers["content-type"], content.body) == (f"{LONGEST}; charset=utf-8", b"two")


async def test_a_media_type_can_be_told_in_json_too(client: Client) -> None:
    path, _ = await made(client)
    assert_ok(await client.put(path, {"mediaType": "image/svg+xml"}))
    assert (await client.get(f"{path}/content")).headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert_problem(await client.put(path, {"mediaType": "text/html\r\nX-Evil: 1"}), 422, "invalid_request")
    assert (await client.get(f"{path}/content")).headers["content-type"] == "image/svg+xml; charset=utf-8"


async def test_an_empty_content_is_one_where_its_length_says_so(client: Client) -> None:
    path, _ = await made(client)
    headers = {"Content-Type": "text/plain"}
    refused = await client.call("PUT", f"{path}/content", b"", headers | {"Content-Length": ""})
    assert_problem(refused, 411, "length_required")
    assert (await client.get(f"{path}/content")).body == b"one"
    saved = assert_ok(await client.call("PUT", f"{path}/content", b"", headers))
    assert saved.json["contentBytes"] == 0
    assert (await client.get(f"{path}/content")).body == b""


async def test_a_type_of_text_names_its_charset_once(tmp_path: Path) -> None:
    with on_sqlite(tmp_path / "data").serve() as server:
        async with call(server) as browser:
            id = (await browser.post("sessions", json={"title": "t", "description": None, "content": "c"})).json()
            types = [
                (await browser.get(path)).headers["content-type"]
                for path in (f"sessions/{id}/content", httpx.URL(f"{server.base_url}/api/docs"))
            ]
    assert types == ["text/plain; charset=utf-8", "text/html; charset=utf-8"]
