"""Drafts over HTTP: statuses, bodies and headers. Also what an app can restore when it loads."""

import pytest

from persistence import Stores, stores_over
from tests.conftest import SETTINGS
from tests.support.drafts import DRAFT, DRAFTS, OTHER
from tests.support.engines import CountingReads
from tests.support.http import SESSIONS, Client, Response, assert_ok, assert_problem, made

PATH = f"{DRAFTS}/{DRAFT}"
ONE = {"title": "Thunder Alley", "content": "one", "deviceInfo": "Firefox", "app": "map"}
METADATA = {"id", "ownerId", "title", "description", "app", "status", "createdAt", "updatedAt", "lastAccessedAt"}
METADATA |= {"deletedAt", "version", "contentHash", "contentBytes", "deviceInfo", "mediaType", "etag"}


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


async def put(client: Client, content: str = "one", path: str = PATH, **headers: str) -> Response:
    """Puts a draft. Underscores in the names of headers stand for dashes."""
    return await client.put(
        path, {**ONE, "content": content}, {name.replace("_", "-"): value for name, value in headers.items()}
    )


async def test_a_draft_is_made_by_its_first_put_and_changed_by_the_next(client: Client) -> None:
    first = assert_ok(await put(client), 201)
    assert first.json.keys() == METADATA | {"purgesAt"}
    shown = {name: first.json[name] for name in ("id", "title", "status", "version", "deviceInfo", "contentBytes")}
    assert shown == {
        "id": DRAFT,
        "title": "Thunder Alley",
        "status": "draft",
        "version": 1,
        "deviceInfo": "Firefox",
        "contentBytes": 3,
    }
    assert first.json["purgesAt"] > first.json["updatedAt"] and first.json["etag"] == first.etag
    second = assert_ok(await put(client, "two"))
    assert (second.json["version"], second.json["etag"]) == (2, second.etag) != (1, first.etag)

    got = assert_ok(await client.get(PATH))
    assert got.json == {"metadata": second.json, "content": "two"} and got.etag == second.etag
    unchanged = assert_ok(await client.get(PATH, {"If-None-Match": got.etag}), 304)
    assert unchanged.body == b"" and unchanged.etag == got.etag


async def test_what_is_absent_or_null_stays(client: Client) -> None:
    await put(client)
    response = assert_ok(await client.put(PATH, {"title": None, "description": "About", "content": None}))
    assert (response.json["title"], response.json["description"]) == ("Thunder Alley", "About")
    assert (await client.get(PATH)).json["content"] == "one"


async def test_a_new_draft_without_content_is_422_naming_it(client: Client) -> None:
    for headers in ({}, {"If-None-Match": "*"}):
        problem = assert_problem(await client.put(PATH, {"title": "Only"}, headers), 422, "invalid_request")
        [fault] = problem["errors"]
        assert "content" in {fault.get("parameter"), fault.get("pointer", "").removeprefix("#/")}
    assert_ok(await client.put(PATH, {"content": ""}), 201)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({**ONE, "title": ""}, "#/title"),
        ({**ONE, "status": "active"}, "#/status"),
        ({**ONE, "deviceInfo": 7}, "#/deviceInfo"),
        ({"content": 1}, "#/content"),
    ],
)
async def test_a_bad_body_is_422_and_saves_nothing(
    client: Client, counting: CountingReads, body: dict[str, object], at: str
) -> None:
    problem = assert_problem(await client.put(PATH, body), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == at
    assert counting.asked == []


async def test_conditions_are_honoured(client: Client) -> None:
    assert_problem(await put(client, If_Match="*"), 404, "not_found")
    assert_problem(await put(client, If_Match='"1-0123456789abcdef"'), 404, "not_found")
    first = assert_ok(await put(client, If_None_Match="*"), 201)
    second = assert_ok(await put(client, "two", If_Match=first.etag))
    assert_ok(await put(client, "two", If_Match="*"))
    for response in (
        await put(client, "three", If_Match=first.etag),
        await put(client, "three", If_None_Match="*"),
        await put(client, "three", If_None_Match=f'"0-none", {second.etag}'),
        await client.post(f"{PATH}/promote", None, {"If-Match": first.etag}),
        await client.delete(PATH, {"If-Match": first.etag}),
    ):
        problem = assert_problem(response, 412, "changed")
        assert problem["current"] == {name: second.json[name] for name in METADATA}
    assert_ok(await put(client, "three", If_None_Match=first.etag))


async def test_promoting_keeps_the_id_and_a_draft_is_no_draft_any_more(client: Client) -> None:
    await put(client)
    saved = await put(client, "two")
    promoted = assert_ok(await client.post(f"{PATH}/promote", None, {"If-Match": saved.etag}))
    assert promoted.json.keys() == METADATA
    assert (promoted.json["id"], promoted.json["status"], promoted.json["version"]) == (DRAFT, "active", 3)
    assert promoted.json["contentHash"] == saved.json["contentHash"] and promoted.etag == promoted.json["etag"]
    assert (await client.get(f"{SESSIONS}/{DRAFT}")).json["content"] == "two"
    assert_problem(await client.get(PATH), 404, "not_found")
    for response in (
        await put(client, "three"),
        await put(client, "three", If_Match=saved.etag),
        await put(client, "three", If_None_Match="*"),
        await client.post(f"{PATH}/promote", None),
        await client.delete(PATH),
    ):
        problem = assert_problem(response, 409, "illegal_move")
        assert (problem["sessionStatus"], problem["legal"]) == ("active", ["saved", "closed", "deleted"])
    await client.post(f"{SESSIONS}/{DRAFT}/close", None)
    problem = assert_problem(await put(client, "three"), 409, "illegal_move")
    assert (problem["sessionStatus"], problem["legal"]) == ("closed", ["reopened", "deleted"])


async def test_what_was_discarded_is_gone(client: Client) -> None:
    await put(client)
    assert assert_ok(await client.delete(PATH), 204).body == b""
    for response in (
        await client.get(PATH),
        await put(client, "two"),
        await put(client, "two", If_None_Match="*"),
        await client.post(f"{PATH}/promote", None),
    ):
        assert_problem(response, 410, "gone")
    assert_ok(await client.delete(PATH), 204)


@pytest.mark.parametrize("id", ["short", "thirteen-char", "twelve chars", "ąąąąąąąąąąąą", OTHER])
async def test_what_is_not_mine_or_malformed_is_404_in_the_same_words(client: Client, id: str) -> None:
    path = f"{DRAFTS}/{id}"
    await put(client.of("bob"), path=f"{DRAFTS}/{OTHER}")
    responses = [
        await client.get(path),
        await client.post(f"{path}/promote", None),
        await client.delete(path),
    ]
    if id == OTHER:
        responses.append(await put(client, path=path, If_Match="*"))
    details = {str(assert_problem(response, 404, "not_found")["detail"]) for response in responses}
    assert details <= {"There is no such session.", "There is no such draft."}
    assert (await client.of("bob").get(f"{DRAFTS}/{OTHER}")).json["content"] == "one"


@pytest.mark.parametrize(
    "id", ["short", "thirteen-char", "twelve chars", "ąąąąąąąąąąąą", "8c5a3c0e-6a43-4c4f-9d6e-1f0b6d0d3f5a"]
)
async def test_a_malformed_id_of_a_new_draft_is_422_with_its_form(
    client: Client, counting: CountingReads, id: str
) -> None:
    for headers in ({}, {"If-None-Match": "*"}, {"If-Match": "*"}):
        problem = assert_problem(await client.put(f"{DRAFTS}/{id}", ONE, headers), 422, "invalid_request")
        form = "must have 12 characters of A-Z, a-z, 0-9, _ and -"
        assert problem["errors"] == [{"parameter": "draft_id", "detail": form}]
    assert counting.asked == []


async def test_drafts_are_listed_newest_first_by_app_and_by_device(client: Client) -> None:
    ids = [f"draft-00000{number}" for number in range(3)]
    for number, id in enumerate(ids):
        body = {"content": id, "app": "map" if number else "chart", "deviceInfo": f"device {number % 2}"}
        assert_ok(await client.put(f"{DRAFTS}/{id}", body), 201)

    async def listed(**query: str) -> list[str]:
        return [one["id"] for one in assert_ok(await client.get(DRAFTS, **query)).json["items"]]

    assert await listed() == await listed(app="", device="", cursor="") == ids[::-1]
    assert await listed(app="map") == [ids[2], ids[1]]
    assert await listed(device="device 0") == [ids[2], ids[0]]
    assert await listed(app="map", device="device 1") == [ids[1]]
    first = (await client.get(DRAFTS, page_size="2")).json
    rest = (await client.get(DRAFTS, page_size="2", cursor=first["pageToken"])).json
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1] and rest["pageToken"] is None
    assert first["items"][0].keys() == METADATA | {"purgesAt"}
    assert (await client.of("bob").get(DRAFTS)).json == {"items": [], "pageToken": None}
    latest = assert_ok(await client.get(f"{DRAFTS}/latest", app="chart"))
    assert latest.json["content"] == ids[0] and latest.etag == latest.json["metadata"]["etag"]
    assert_problem(await client.get(f"{DRAFTS}/latest", app="other"), 404, "not_found")
    assert_problem(await client.get(DRAFTS, sort_by="title"), 422, "invalid_request")


async def test_an_autosave_takes_the_place_of_the_one_before_unless_asked_otherwise(client: Client) -> None:
    for content, query in [("1", {}), ("2", {}), ("3", {}), ("4", {"autosave": "false"}), ("5", {})]:
        await client.call("PUT", PATH, {"content": content}, query=query)
    items = (await client.get(f"{SESSIONS}/{DRAFT}/revisions")).json["items"]
    assert [(one["version"], one["action"]) for one in items] == (
        [(5, "autosaved"), (4, "saved"), (3, "autosaved"), (1, "created")]
    )
    response = await client.call("PUT", PATH, {"content": "6"}, query={"autosave": "maybe"})
    assert assert_problem(response, 422, "invalid_request")["errors"][0]["parameter"] == "autosave"


async def test_a_put_sent_again_under_its_idempotency_key_is_one_save(client: Client) -> None:
    first = assert_ok(await put(client, Idempotency_Key="a"), 201)
    again = assert_ok(await put(client, Idempotency_Key="a"), 201)
    assert again.json == first.json
    second = assert_ok(await put(client, "two", Idempotency_Key="b", If_Match=first.etag))
    assert_ok(await put(client, "three", Idempotency_Key="c", If_Match=second.etag))
    again = assert_ok(await put(client, "two", Idempotency_Key="b", If_Match=first.etag))
    assert again.json == second.json, "neither 412 nor the ETag of the newer save"
    assert (await client.get(PATH)).json["content"] == "three"
    for key in ("a", "b", "c"):
        assert_problem(await put(client, "four", Idempotency_Key=key), 422, "key_reused")
    assert_problem(await client.post(f"{PATH}/promote", None, {"Idempotency-Key": "c"}), 422, "key_reused")
    assert (await client.get(PATH)).json["content"] == "three"


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_1_to_255_characters(
    client: Client, counting: CountingReads, key: str
) -> None:
    assert_problem(await put(client, Idempotency_Key=key), 400, "invalid_header")
    assert counting.asked == []
    assert_ok(await put(client, Idempotency_Key="x" * 255), 201)


async def test_what_can_be_restored_comes_in_one_call_from_heads_alone(
    client: Client, counting: CountingReads
) -> None:
    nothing = assert_ok(await client.get("persistence/restore"))
    assert nothing.json == {"active": None, "drafts": []}
    session, _ = await made(client, content="x" * 50_000, app="map")
    for id in (DRAFT, OTHER):
        await put(client, "y" * 50_000, f"{DRAFTS}/{id}")
    await made(client, app="chart")
    counting.forget()
    found = assert_ok(await client.get("persistence/restore", app="map")).json
    assert counting.verbs == ["query", "query"] and counting.kinds_read == {"session"}
    assert counting.bytes_read < 5_000
    assert found.keys() == {"active", "drafts"}
    assert found["active"].keys() == METADATA and session.endswith(found["active"]["id"])
    assert [one["id"] for one in found["drafts"]] == [OTHER, DRAFT]
    assert found["drafts"][0].keys() == METADATA | {"purgesAt"}
    assert found["drafts"][0]["contentBytes"] == 50_000
    assert (await client.get("persistence/restore", app="none")).json == {"active": None, "drafts": []}
