"""`on_conflict=copy` over HTTP: a refused save becomes a draft, on every way to save."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from functions.http.digests import repr_digest
from persistence import Stores, stores_over
from persistence.documents import new_id
from tests.conftest import SETTINGS
from tests.support.deltas import inserting
from tests.support.drafts import DRAFTS
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made, metadata_path

pytestmark = pytest.mark.one_engine

DRAFT = f"{DRAFTS}/madeByClient"
COPY = {"on_conflict": "copy"}
WRITERS = 8

Save = Callable[[Client, str, str, Mapping[str, str], Mapping[str, str]], Awaitable[Response]]


async def save_whole(
    client: Client, path: str, content: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Response:
    return await client.call("PUT", path, {"content": content, "deviceInfo": "Phone"}, headers, query)


async def save_content(
    client: Client, path: str, content: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Response:
    raw = {"content-type": "text/plain", "savepoint-device": "Phone", **headers}
    return await client.call("PUT", f"{path}/content", content.encode(), raw, query)


async def save_draft(
    client: Client, path: str, content: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Response:
    return await save_whole(client, path.replace(SESSIONS, DRAFTS), content, headers, query)


async def save_delta(
    client: Client, path: str, content: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Response:
    raw = {
        "content-type": "application/x-fossil-delta",
        "patched-digest": repr_digest(hashlib.sha256(content.encode()).digest()),
        "savepoint-device": "Phone",
        **headers,
    }
    return await client.call("PATCH", f"{path}/content", inserting(content.encode()), raw, query)


ways = pytest.mark.parametrize("save", [save_whole, save_content, save_draft, save_delta])


async def begin(client: Client, save: Save) -> tuple[str, str]:
    """Creates what this way saves. Returns its path as a session, and its ETag."""
    if save is not save_draft:
        return await made(client, content="0")
    response = assert_ok(await client.put(DRAFT, {"title": "First", "content": "0"}), 201)
    assert response.headers["location"] == f"/api/{DRAFT}"
    return DRAFT.replace(DRAFTS, SESSIONS), response.etag


def sent(key: str, etag: str) -> dict[str, str]:
    return {"idempotency-key": key, "if-match": etag}


def metadata_of(response: Response) -> dict[str, Any]:
    """Returns the metadata, which are beside content in some responses."""
    body: dict[str, Any] = response.json
    metadata: dict[str, Any] = body.get("metadata", body)
    return {name: value for name, value in metadata.items() if name != "conflict"}


def id_of(owner: str, key: str) -> str:
    """The id that a client can calculate."""
    name = "key-" + hashlib.sha256(key.encode()).hexdigest()[:24]
    return base64.urlsafe_b64encode(hashlib.sha256(f"{owner}\0{name}".encode()).digest()).decode()[:12]


@ways
async def test_a_stale_save_is_201_and_a_draft(client: Client, save: Save) -> None:
    path, etag = await begin(client, save)
    assert_ok(await save(client, path, "theirs", {"if-match": etag}, {}))
    copied = assert_ok(await save(client, path, "mine", sent("key", etag), COPY), 201)
    metadata = metadata_of(copied)
    assert metadata["id"] == id_of("ann", "key") and metadata["status"] == "draft"
    assert metadata["title"] == "First (conflicting copy, Phone)" and metadata["deviceInfo"] == "Phone"
    assert metadata["purgesAt"] and metadata["etag"] == copied.etag
    assert copied.headers["location"] == f"/api/{DRAFTS}/{metadata['id']}"
    conflict = copied.json["conflict"]
    assert conflict["of"] == path.rpartition("/")[2]
    assert conflict["current"] == (await client.get(metadata_path(path))).json
    draft = assert_ok(await client.get(f"{DRAFTS}/{metadata['id']}")).json
    assert draft["content"] == "mine" and draft["metadata"] == metadata
    again = assert_ok(await save(client, path, "mine", sent("key", etag), COPY), 201)
    assert again.body == copied.body and again.headers == copied.headers
    assert len((await client.get(DRAFTS)).json["items"]) == (2 if save is save_draft else 1)


@ways
async def test_of_eight_writers_nothing_is_lost(client: Client, save: Save) -> None:
    path, etag = await begin(client, save)
    for _ in range(2):
        saved = await asyncio.gather(
            *(save(client, path, f"of tab {n}", sent(f"key {n}", etag), COPY) for n in range(WRITERS))
        )
        assert sorted(one.status for one in saved) == [200] + [201] * (WRITERS - 1)
        ids = {metadata_of(one)["id"] for one in saved}
        contents = [(await client.get(f"{SESSIONS}/{id}")).json["content"] for id in ids]
        assert sorted(contents) == [f"of tab {n}" for n in range(WRITERS)]
        drafts = (await client.get(DRAFTS)).json["items"]
        assert len(drafts) == WRITERS - (save is not save_draft), "each repeated with its key: no further copy"


@ways
@pytest.mark.parametrize("purge", ["false", "true"])
async def test_what_was_deleted_is_copied(client: Client, save: Save, purge: str) -> None:
    path, etag = await begin(client, save)
    assert_ok(await client.delete(path, purge=purge), 204)
    if save is save_delta and purge == "true":
        refused = await save(client, path, "mine", sent("key", etag), COPY)
        assert "current" not in assert_problem(refused, 412, "base_gone")
        save = save_whole
    copied = assert_ok(await save(client, path, "mine", sent("key", etag), COPY), 201)
    current = copied.json["conflict"]["current"]
    assert current is None if purge == "true" else current["status"] == "trashed"
    assert_ok(await client.delete(f"{DRAFTS}/{metadata_of(copied)['id']}"), 204)
    problem = assert_problem(await save(client, path, "mine", sent("key", etag), COPY), 410, "gone")
    assert problem["trashed"] and "conflicting copy" in problem["detail"]


@ways
async def test_without_a_key_it_is_refused_before_anything(client: Client, save: Save) -> None:
    path, etag = await begin(client, save)
    for headers in ({"if-match": etag}, {"if-match": '"9-0123456789abcdef"'}):
        problem = assert_problem(await save(client, path, "mine", headers, COPY), 400, "invalid_header")
        assert "Idempotency-Key" in problem["detail"]
    assert (await client.get(metadata_path(path))).etag == etag


@ways
async def test_the_default_refuses_and_other_values_are_invalid(client: Client, save: Save) -> None:
    path, etag = await begin(client, save)
    assert_ok(await save(client, path, "theirs", {"if-match": etag}, {}))
    for query in ({}, {"on_conflict": "fail"}):
        assert_problem(await save(client, path, "mine", sent("key", etag), query), 412, "changed")
    problem = assert_problem(
        await save(client, path, "mine", sent("key", etag), {"on_conflict": "merge"}), 422, "invalid_request"
    )
    assert problem["errors"][0]["parameter"] == "on_conflict"


@ways
async def test_what_never_was_is_404(client: Client, save: Save) -> None:
    path = f"{SESSIONS}/neverCreated"
    assert_problem(await save(client, path, "mine", sent("key", '"1-0123456789abcdef"'), COPY), 404, "not_found")


async def test_a_copy_is_sent_whatever_the_caller_prefers(client: Client) -> None:
    path, etag = await made(client)
    headers = {**sent("key", etag), "prefer": "return=minimal"}
    assert_ok(await save_content(client, path, "theirs", {"if-match": etag}, {}))
    for save in (save_whole, save_content, save_delta):
        copied = assert_ok(
            await save(client, path, "mine", {**headers, "idempotency-key": save.__name__}, COPY), 201
        )
        assert "preference-applied" not in copied.headers and copied.json["conflict"]["of"]


async def test_a_stale_rename_is_412_because_there_is_nothing_to_copy(client: Client) -> None:
    path, etag = await made(client)
    assert_ok(await client.put(path, {"title": "Theirs"}, {"if-match": etag}))
    refused = await client.call("PUT", path, {"title": "Mine"}, sent("key", etag), COPY)
    assert_problem(refused, 412, "changed")


async def test_a_limit_refuses_a_copy_as_any_draft(stores: Stores) -> None:
    client = Client(stores, SETTINGS)
    path, etag = await made(client)
    assert_ok(await client.put(path, {"content": "theirs"}))
    settings = SETTINGS.model_copy(update={"stored_bytes_max": 7})
    limited = Client(stores_over(stores.engine, settings.store_rules()), settings)
    refused = assert_problem(await save_whole(limited, path, "mine", sent("key", etag), COPY), 507, "storage_full")
    assert (refused["used"], refused["limit"]) == (6, 7)
    assert (await client.get(DRAFTS)).json["items"] == []


async def test_a_delta_and_the_whole_content_are_one_save(client: Client) -> None:
    path, etag = await made(client)
    assert_ok(await client.put(path, {"content": "theirs"}))
    wrong = {**sent("key", etag), "patched-digest": repr_digest(bytes(32))}
    assert_problem(await save_delta(client, path, "mine", wrong, COPY), 422, "invalid_delta")
    assert (await client.get(DRAFTS)).json["items"] == []
    copied = assert_ok(await save_delta(client, path, "mine", sent("key", etag), COPY), 201)
    for _ in range(SETTINGS.keep_revisions + 10):
        copy = f"{DRAFTS}/{copied.json['id']}"
        assert_ok(await client.call("PUT", copy, {"content": new_id()}, None, {"autosave": "false"}))
        assert_ok(await client.put(path, {"content": new_id()}))
    again = assert_ok(await save_delta(client, path, "mine", sent("key", etag), COPY), 201).json
    assert {**again, "conflict": None} == {**copied.json, "conflict": None}, "although its base is gone"
    assert_problem(await save_delta(client, path, "other", sent("other", etag), COPY), 412, "base_gone")


async def test_a_session_is_copied_on_the_server(client: Client) -> None:
    path, etag = await made(client, app="map")
    assert_ok(await client.put(path, {"content": "two"}, {"if-match": etag}))
    headers = {"idempotency-key": "key"}
    copied = assert_ok(await client.post(f"{path}/copy", {}, headers), 201)
    assert (copied.json["title"], copied.json["app"], copied.json["version"]) == ("First (copy)", "map", 1)
    assert copied.json["status"] == "active" and copied.json["etag"] == copied.etag
    assert copied.headers["location"] == f"/api/{SESSIONS}/{copied.json['id']}"
    assert (await client.get(f"{SESSIONS}/{copied.json['id']}")).json["content"] == "two"
    again = assert_ok(await client.post(f"{path}/copy", {}, headers), 201)
    assert again.body == copied.body
    assert_problem(await client.post(f"{path}/copy", {"title": "Other"}, headers), 422, "key_reused")
    draft = assert_ok(await client.post(f"{path}/copy", {"title": "Old", "version": 1, "status": "draft"}), 201)
    assert draft.headers["location"] == f"/api/{DRAFTS}/{draft.json['id']}"
    opened = (await client.get(f"{DRAFTS}/{draft.json['id']}")).json
    assert (opened["content"], opened["metadata"]["title"]) == (NEW["content"], "Old")


async def test_a_copy_is_refused_with_the_reason(client: Client) -> None:
    path, _ = await made(client)
    assert_problem(await client.post(f"{path}/copy", {"version": 2}), 404, "not_found")
    assert_problem(await client.of("ben").post(f"{path}/copy", {}), 404, "not_found")
    for body in ({"version": 0}, {"status": "closed"}, {"title": ""}, {"content": "one"}):
        [name] = body
        problem = assert_problem(await client.post(f"{path}/copy", body), 422, "invalid_request")
        assert problem["errors"][0]["pointer"] == f"#/{name}"
    assert_problem(await client.call("POST", f"{path}/copy", {}, {"if-match": "*"}), 400, "invalid_header")
    assert_ok(await client.delete(path), 204)
    assert assert_problem(await client.post(f"{path}/copy", {}), 410, "gone")["trashed"]
