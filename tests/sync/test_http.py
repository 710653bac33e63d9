"""`POST /persistence/sync`: its modes, its limits, and what it refuses."""

import base64
import gzip
import random
from typing import Any

import orjson
import pytest

from benchmarks.deltas import Command, delta_of
from functions.sync.views import BODY_MAX_BYTES
from persistence import Stores, stores_over
from persistence.content import CONTENT_MAX_BYTES
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.drafts import DRAFTS
from tests.support.engines import CountingReads, InSteps
from tests.support.http import SESSIONS, Client, Response, assert_ok, assert_problem
from tests.support.sessions import OWNER, assert_sound, damage, sha256
from tests.support.sync import id_of

SYNC = "persistence/sync"


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


def create(number: int, content: str = "one", **rest: Any) -> dict[str, Any]:
    return {"op": "create", "id": id_of(number), "title": f"Title {number}", "content": content, **rest}


def save(number: int, content: str | None, **rest: Any) -> dict[str, Any]:
    return {"op": "save", "id": id_of(number), "content": content, **rest}


def delta(target: bytes, *commands: Command) -> str:
    """Returns a delta in base64."""
    return base64.b64encode(delta_of(target, *commands)).decode()


def rename(number: int, **rest: Any) -> dict[str, Any]:
    return {"op": "rename", "id": id_of(number), **rest}


def trash(number: int, **rest: Any) -> dict[str, Any]:
    return {"op": "trash", "id": id_of(number), **rest}


async def sync(client: Client, mode: str, *items: dict[str, Any], key: str | None = None) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(SYNC, {"mode": mode, "items": items}, headers)


async def made(client: Client, many: int) -> list[str]:
    """Creates sessions and returns their ETags."""
    response = assert_ok(await sync(client, "atomic", *(create(number) for number in range(many))))
    return [one["metadata"]["etag"] for one in response.json["items"]]


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_every_item_has_a_status_and_its_metadata(client: Client, mode: str) -> None:
    etags = await made(client, 3)
    response = assert_ok(
        await sync(
            client,
            mode,
            create(10, status="draft", app="map", description="About", deviceInfo="phone"),
            save(0, "two", ifMatch=etags[0], contentHash=sha256("two"), mediaType="text/plain"),
            rename(1, ifMatch=f"W/{etags[1]}", description=None, app="map"),
            trash(2, ifMatch=etags[2].removesuffix('"') + '-gzip"'),
            create(11),
        )
    )
    items = response.json["items"]
    assert [(one["id"], one["status"]) for one in items] == [
        (id_of(10), 201), (id_of(0), 200), (id_of(1), 200), (id_of(2), 204), (id_of(11), 201)
    ]  # fmt: skip
    assert [one["problem"] for one in items] == [None] * 5
    assert items[3]["metadata"] is None
    for index in (1, 2, 4):
        read = assert_ok(await client.get(f"{SESSIONS}/metadata/{items[index]['id']}"))
        assert (items[index]["metadata"], read.etag) == (read.json, items[index]["metadata"]["etag"])
    draft = assert_ok(await client.get(f"{DRAFTS}/{id_of(10)}")).json
    assert (draft["content"], draft["metadata"]["deviceInfo"], draft["metadata"]["app"]) == ("one", "phone", "map")
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["content"] == "two"
    assert [one["id"] for one in (await client.get("persistence/trash")).json["items"]] == [id_of(2)]
    activity = (await client.get("persistence/activity", page_size="20")).json["items"]
    assert [one["action"] for one in activity].count("created") == 5


async def test_atomic_stale_items_are_a_412_that_names_them_with_their_current_metadata(client: Client) -> None:
    etags = await made(client, 3)
    for number in (0, 2):
        assert_ok(await client.put(f"{SESSIONS}/{id_of(number)}", {"content": "other"}))
    items = [save(number, "mine", ifMatch=etag) for number, etag in enumerate(etags)]
    problem = assert_problem(await sync(client, "atomic", *items, create(9)), 412, "items_stale")
    assert [(one["index"], one["id"], one["problem"]["status"]) for one in problem["items"]] == [
        (0, id_of(0), 412),
        (2, id_of(2), 412),
    ]
    for one in problem["items"]:
        assert one["problem"]["current"] == (await client.get(f"{SESSIONS}/metadata/{one['id']}")).json
    assert (await client.get(f"{SESSIONS}/{id_of(1)}")).json["content"] == "one"
    assert (await client.get(f"{SESSIONS}/{id_of(9)}")).status == 404


async def test_atomic_refused_items_are_a_422_that_names_them_all(client: Client, engine: Engine) -> None:
    etags = await made(client, 5)
    assert_ok(await client.post(f"{SESSIONS}/{id_of(1)}/close", None))
    assert_ok(await client.delete(f"{SESSIONS}/{id_of(2)}"), 204)
    await damage(engine, id_of(3), metadata=None)
    problem = assert_problem(
        await sync(
            client,
            "atomic",
            save(0, "fine", ifMatch=etags[0]),
            save(1, "closed"),
            save(2, "trashed"),
            save(3, "damaged"),
            create(4, "taken"),
            save(5, "missing"),
            create(6, "x" * (CONTENT_MAX_BYTES + 1)),
            create(7, "hash", contentHash=sha256("another")),
        ),
        422,
        "items_refused",
    )
    assert [(one["index"], one["problem"]["error"]["type"]) for one in problem["items"]] == [
        (1, "illegal_move"),
        (2, "gone"),
        (3, "content_corrupt"),
        (4, "changed"),
        (5, "not_found"),
        (6, "content_too_large"),
        (7, "invalid_request"),
    ]
    assert problem["items"][3]["problem"]["current"]["id"] == id_of(4)
    assert problem["items"][6]["problem"]["errors"][0]["pointer"] == "#/contentHash"
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["content"] == "one"


async def test_independent_items_do_not_affect_each_other(client: Client, engine: Engine) -> None:
    etags = await made(client, 6)
    assert_ok(await client.post(f"{SESSIONS}/{id_of(1)}/close", None))
    assert_ok(await client.delete(f"{SESSIONS}/{id_of(2)}"), 204)
    await damage(engine, id_of(3), metadata=None)
    items = [
        save(0, "two", ifMatch=etags[0]),
        save(1, "closed"),
        save(2, "trashed"),
        save(3, "damaged"),
        save(4, "stale", ifMatch='"9-0123456789abcdef"'),
        create(5, "taken"),
        create(6, "new"),
        create(7, "x" * (CONTENT_MAX_BYTES + 1)),
        create(8, "new draft", status="draft"),
        trash(2),
        save(10, "missing"),
        rename(11, title="missing"),
        trash(12),
    ]
    items[9]["id"] = id_of(5)
    items[5]["id"] = id_of(0)
    items[0]["id"] = id_of(13)
    assert_ok(await sync(client, "independent", create(13)))
    items[0].pop("ifMatch")
    results = assert_ok(await sync(client, "independent", *items)).json["items"]
    assert [one["status"] for one in results] == [
        200, 409, 410, 500, 412, 412, 201, 413, 201, 204, 404, 404, 404
    ]  # fmt: skip
    assert [one["id"] for one in results] == [one["id"] for one in items]
    for one in results:
        assert (one["problem"] is None) == (one["status"] < 300)
        assert (one["metadata"] is None) == (one["status"] not in (200, 201))
    assert results[5]["problem"]["current"]["etag"] == etags[0]
    assert results[3]["problem"]["reference"]
    assert (await client.get(f"{SESSIONS}/{id_of(6)}")).json["content"] == "new"


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_a_repeat_with_its_key_has_no_second_effect(client: Client, mode: str, engine: Engine) -> None:
    await made(client, 3)
    items = [create(10), save(0, "two"), rename(1, title="Renamed"), trash(2), create(11, status="draft")]
    first = assert_ok(await sync(client, mode, *items, key="a"))
    for id in (id_of(0), id_of(1)):
        assert_ok(await client.put(f"{SESSIONS}/{id}", {"content": "later"}))
    assert_ok(await client.put(f"{DRAFTS}/{id_of(11)}", {"content": "later"}))
    again = assert_ok(await sync(client, mode, *items, key="a"))
    assert again.json == first.json
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["metadata"]["version"] == 3
    other = [*items[:4], create(12)]
    if mode == "atomic":
        assert_problem(await sync(client, mode, *other, key="a"), 422, "key_reused")
        assert (await client.get(f"{SESSIONS}/{id_of(12)}")).status == 404
    changed = [create(10, "another"), save(0, "another"), rename(1, title="Another")]
    reused = await sync(client, mode, *changed, key="a")
    if mode == "atomic":
        assert_problem(reused, 422, "key_reused")
    else:
        codes = [one["problem"]["error"]["type"] for one in assert_ok(reused).json["items"]]
        assert codes == ["key_reused"] * 3
    await assert_sound(engine)


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_a_delta_saves_what_it_makes(client: Client, mode: str, engine: Engine) -> None:
    etags = await made(client, 2)
    two = sha256("one and two")
    body = {
        "delta": delta(b"one and two", (3, 0), b" and two"),
        "contentHash": two,
        "title": "Longer",
        "content": None,
    }
    items = [save(0, **body, ifMatch=etags[0], autosave=True), rename(1, title="Renamed", ifMatch=etags[1])]
    first = assert_ok(await sync(client, mode, *items, key="a")).json
    assert [one["status"] for one in first["items"]] == [200, 200]
    metadata = first["items"][0]["metadata"]
    assert (metadata["title"], metadata["contentHash"], metadata["version"]) == ("Longer", two, 2)
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["content"] == "one and two"
    assert assert_ok(await sync(client, mode, *items, key="a")).json == first
    await assert_sound(engine)


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_a_faulty_delta_is_refused_by_its_item(client: Client, mode: str) -> None:
    etags = await made(client, 5)
    good = {"delta": delta(b"two", b"two"), "contentHash": sha256("two"), "content": None}
    items = [
        save(0, **{**good, "delta": delta(b"two", (9, 9))}, ifMatch=etags[0]),
        save(1, **{**good, "contentHash": sha256("other")}, ifMatch=etags[1]),
        save(2, **{**good, "delta": "not base64!"}, ifMatch=etags[2]),
        save(3, **{**good, "content": "two"}, ifMatch=etags[3]),
        save(4, **good),
        save(5, **good, ifMatch=etags[0]),
    ]
    response = await sync(client, mode, *items)
    if mode == "atomic":
        failed = assert_problem(response, 422, "items_refused")["items"]
        assert [one["index"] for one in failed] == [0, 1, 2, 3, 4, 5]
    else:
        failed = assert_ok(response).json["items"]
    problems = [one["problem"] for one in failed]
    codes = ["invalid_delta", "invalid_delta", *["invalid_request"] * 3, "not_found"]
    assert [one["error"]["type"] for one in problems] == codes
    assert [one["errors"][0]["pointer"] for one in problems[2:5]] == ["#/delta", "#/delta", "#/ifMatch"]
    assert_ok(await client.put(f"{SESSIONS}/{id_of(0)}", {"content": "other"}))
    stale = await sync(client, mode, save(0, **good, ifMatch=etags[0]))
    if mode == "atomic":
        assert_problem(stale, 412, "items_stale")
    else:
        assert assert_ok(stale).json["items"][0]["status"] == 412


async def test_atomic_limits_are_those_of_all_items_together(engine: Engine) -> None:
    settings = SETTINGS.model_copy(update={"sessions_max": 3, "stored_bytes_max": 1_000})
    client = Client(stores_over(engine, settings.store_rules()), settings)
    assert_problem(await sync(client, "atomic", *(create(number) for number in range(4))), 429, "too_many")
    problem = assert_problem(
        await sync(client, "atomic", create(0, "a" * 600), create(1, "b" * 600)), 507, "storage_full"
    )
    assert (problem["used"], problem["limit"]) == (0, 1_000)
    assert (await client.get(SESSIONS)).json["items"] == []
    assert_ok(await sync(client, "atomic", create(0, "a" * 600), create(1, "b" * 300), create(2, "c")))
    # What one item frees, another may use.
    assert_ok(await sync(client, "atomic", save(0, "a"), save(1, "b" * 900)))
    assert_ok(await sync(client, "atomic", trash(0), create(3)))
    results = assert_ok(await sync(client, "independent", create(4), save(1, "short"))).json["items"]
    assert [one["status"] for one in results] == [429, 200]


@pytest.mark.one_engine
async def test_forty_items_are_accepted_and_one_more_is_not(client: Client) -> None:
    items = [create(number) for number in range(41)]
    problem = assert_problem(await sync(client, "atomic", *items), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == "#/items" and "40" in problem["detail"]
    assert_problem(await sync(client, "independent"), 422, "invalid_request")
    etags = await made(client, 40)
    assert len(etags) == 40
    saved = assert_ok(
        await sync(client, "atomic", *(save(number, "two", ifMatch=etag) for number, etag in enumerate(etags)))
    )
    assert {one["metadata"]["version"] for one in saved.json["items"]} == {2}


async def test_eight_megabytes_in_one_call(client: Client, engine: Engine) -> None:
    draw = random.Random(1)
    contents = [draw.randbytes(40_000).hex() * 19 for _ in range(5)]
    body = orjson.dumps({"mode": "atomic", "items": [create(n, text) for n, text in enumerate(contents)]})
    whole = body.ljust(BODY_MAX_BYTES)
    assert len(whole) == 8_000_000 and len(body) > 7_500_000
    for sent, headers in ((whole + b" ", {}), (gzip.compress(whole + b" "), {"content-encoding": "gzip"})):
        problem = assert_problem(await client.post(SYNC, sent, headers), 413, "body_too_large")
        assert problem["limit"] == 8_000_000
    assert_ok(await client.post(SYNC, gzip.compress(whole), {"content-encoding": "gzip"}))
    for number, content in enumerate(contents):
        assert (await client.get(f"{SESSIONS}/{id_of(number)}")).json["content"] == content
    await assert_sound(engine)


@pytest.mark.one_engine
async def test_heads_over_a_megabyte_are_refused_with_the_number_that_fits(client: Client) -> None:
    """Long titles and devices that change with each version make a head long."""

    def renamed(version: int) -> list[dict[str, Any]]:
        title = f"{version:02} " + "語" * 252
        return [rename(number, title=title, description="語" * 2_000) for number in range(40)]

    await made(client, 40)
    for version in range(2, 20):
        response = await sync(client, "atomic", *renamed(version))
        if response.status != 200:
            break
    problem = assert_problem(response, 413, "too_large_together")
    fits = problem["fits"]
    assert problem["limit"] == 1_000_000 < problem["size"] and 0 < fits < 40
    assert_problem(await sync(client, "atomic", *renamed(version)[: fits + 1]), 413, "too_large_together")
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["metadata"]["version"] == version - 1
    assert_ok(await sync(client, "atomic", *renamed(version)[:fits]))
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["metadata"]["version"] == version


@pytest.mark.one_engine
@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_two_items_of_one_session_are_refused(client: Client, counting: CountingReads, mode: str) -> None:
    problem = assert_problem(
        await sync(client, mode, create(0), save(1, "a"), rename(2, title="b"), trash(1), save(0, "c")),
        422,
        "invalid_request",
    )
    assert [one["pointer"] for one in problem["errors"]] == [
        "#/items/0/id", "#/items/1/id", "#/items/3/id", "#/items/4/id"
    ]  # fmt: skip
    assert not counting.asked


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        (create(1, title=""), "#/items/1/title"),
        ({"op": "create", "id": id_of(1), "content": "one"}, "#/items/1/title"),
        (create(1, unknown=1), "#/items/1/unknown"),
        (create(1, id="too-short"), "#/items/1/id"),
        (create(1, status="closed"), "#/items/1/status"),
        (create(1, ifMatch='"1-a"'), "#/items/1/ifMatch"),
        (save(1, "two", ifMatch="*"), "#/items/1/ifMatch"),
        (save(1, "two", ifMatch='"1-a", "2-b"'), "#/items/1/ifMatch"),
        (save(1, 7), "#/items/1/content"),  # type: ignore[arg-type]
        (rename(1, title=None), "#/items/1/title"),
        (rename(1, content="two"), "#/items/1/content"),
        (trash(1, title="x"), "#/items/1/title"),
        ({"op": "close", "id": id_of(1)}, "#/items/1"),
        ({"id": id_of(1)}, "#/items/1"),
        (7, "#/items/1"),
        (None, "#/items/1"),
        ({"op": "trash", "id": id_of(1), **{f"m{n}": n for n in range(200)}}, "#"),
    ],
    ids=str,
)
async def test_a_malformed_item_is_refused_by_its_place(
    client: Client, counting: CountingReads, item: Any, pointer: str
) -> None:
    for mode in ("atomic", "independent"):
        problem = assert_problem(await sync(client, mode, create(0), item), 422, "invalid_request")
        assert problem["errors"][0]["pointer"] == pointer
        assert not counting.asked


@pytest.mark.one_engine
async def test_an_unknown_op_is_refused_with_those_that_exist(client: Client) -> None:
    for op in ("close", "x" * 100_000, {"op": "save"}):
        problem = assert_problem(await sync(client, "atomic", {"op": op, "id": id_of(0)}), 422, "invalid_request")
        assert problem["errors"][0]["detail"] == "'op' must be one of 'create', 'save', 'rename', 'trash'"
    problem = assert_problem(await sync(client, "atomic", {"id": id_of(0)}), 422, "invalid_request")
    assert problem["errors"][0]["detail"] == "'op' is required"


@pytest.mark.one_engine
async def test_atomic_is_refused_by_a_database_that_cannot(engine: Engine) -> None:
    client = Client(stores_over(InSteps(engine), SETTINGS.store_rules()), SETTINGS)
    assert_problem(await sync(client, "atomic", create(0)), 501, "not_atomic_here")
    assert_ok(await sync(client, "independent", create(0)))
    results = assert_ok(await sync(client, "independent", save(0, "two"), create(1))).json["items"]
    assert [one["status"] for one in results] == [200, 201]


@pytest.mark.one_engine
async def test_a_condition_in_a_header_is_refused(client: Client) -> None:
    body = {"mode": "atomic", "items": [create(0)]}
    assert_problem(await client.post(SYNC, body, {"If-Match": "*"}), 400, "invalid_header")
    assert_problem(await client.post(SYNC, body, {"Idempotency-Key": "k" * 256}), 400, "invalid_header")


@pytest.mark.one_engine
async def test_a_person_cannot_reach_sessions_of_another(client: Client) -> None:
    await made(client, 1)
    other = client.of("ben")
    assert_problem(await sync(other, "atomic", save(0, "two")), 422, "items_refused")
    [result] = assert_ok(await sync(other, "independent", trash(0))).json["items"]
    assert result["status"] == 404
    assert (await client.get(f"{SESSIONS}/{id_of(0)}")).json["metadata"]["ownerId"] == OWNER
