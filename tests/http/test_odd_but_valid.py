"""Odd but valid requests: they do what they say."""

import base64
import gzip
import hashlib
import json
from pathlib import Path

import httpx

from tests.support.http import Client, assert_ok, assert_problem, made
from tests.support.storage import call, on_sqlite

DRAFT = "persistence/drafts/madeByClient"
LONGEST = f"{'a' * 60}/{'b' * 60}"


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


async def test_gzip_digests_and_devices_pass_through_a_real_server(tmp_path: Path) -> None:
    new = {"title": "t", "description": None, "content": "c" * 1_000}
    new["contentHash"] = hashlib.sha256(b"c" * 1_000).hexdigest()
    with on_sqlite(tmp_path / "data").serve() as server:
        async with call(server) as browser:
            coded = {"content-type": "application/json", "content-encoding": "gzip"}
            sent = gzip.compress(json.dumps(new).encode())
            id = (await browser.post("sessions", content=sent, headers=coded)).json()
            read = await browser.get(f"sessions/{id}/content", headers={"accept-encoding": "identity"})
            digest = base64.b64encode(hashlib.sha256(read.content).digest()).decode()
            assert read.headers["repr-digest"] == f"sha-256=:{digest}:"
            plain = {"content-type": "text/plain"}
            devices = {b"caf%C3%A9 %zz": "café %zz", "café".encode(): "café", b"%" * 4_000: "%" * 255}
            for number, (device, kept) in enumerate(devices.items()):
                headers = {b"content-type": b"text/plain", b"savepoint-device": device}
                saved = await browser.put(f"sessions/{id}/content", content=b"%d" % number, headers=headers)
                assert (saved.status_code, saved.json()["deviceInfo"]) == (200, kept)
            other = plain | {"repr-digest": read.headers["repr-digest"]}
            refused = await browser.put(f"sessions/{id}/content", content=b"other", headers=other)
            taken = await browser.put(f"sessions/{id}/content", content=read.content, headers=other)
    assert (refused.status_code, taken.status_code) == (422, 200)
