"""Sessions over HTTP: what existing clients send and read, and what HTTP adds to it."""

import re
from datetime import datetime
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made, metadata_path
from tests.support.sessions import damage, sha256

PROMISED = {"id", "ownerId", "title", "description", "createdAt", "updatedAt", "version", "contentHash"}


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


async def test_post_answers_the_id_as_a_json_string(client: Client) -> None:
    response = assert_ok(await client.post(SESSIONS, NEW), 201)
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", response.json)
    assert response.headers["content-type"].split(";")[0] == "application/json"
    assert response.headers["location"] == f"/api/{SESSIONS}/{response.json}"
    assert response.etag == f'"1-{sha256("one")[:16]}"'
    assert "preference-applied" not in response.headers


async def test_a_session_has_the_shape_that_clients_read(client: Client) -> None:
    content = '{"a":"ż 🙂 \\u0000"}\n\u2028\0 "'
    path, etag = await made(client, content=content, description="About", app="map", deviceInfo="phone")
    response = assert_ok(await client.get(path))
    assert response.etag == etag
    assert response.json.keys() == {"metadata", "content"}
    assert response.json["content"] == content
    metadata = response.json["metadata"]
    assert metadata.keys() >= PROMISED
    assert not [name for name in metadata if "_" in name]
    assert metadata["id"] == path.rpartition("/")[2] and metadata["ownerId"] == "ann"
    assert (metadata["title"], metadata["description"], metadata["version"]) == ("First", "About", 1)
    assert (metadata["app"], metadata["deviceInfo"], metadata["status"]) == ("map", "phone", "active")
    assert (metadata["contentHash"], metadata["contentBytes"]) == (sha256(content), len(content.encode()))
    assert metadata["createdAt"] == metadata["updatedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", metadata["createdAt"])
    assert metadata["etag"] == etag


async def test_metadata_comes_bare_and_is_the_same_everywhere(client: Client) -> None:
    path, etag = await made(client)
    response = assert_ok(await client.get(metadata_path(path)))
    assert response.etag == etag
    whole = (await client.get(path)).json["metadata"]
    listed = (await client.get(SESSIONS)).json["items"]
    assert response.json == whole == listed[0]


async def test_put_answers_the_whole_session(client: Client) -> None:
    path, _ = await made(client, description="About")
    response = assert_ok(await client.put(path, {"content": "two", "title": "Second"}))
    assert response.json["content"] == "two"
    metadata = response.json["metadata"]
    assert (metadata["title"], metadata["description"], metadata["version"]) == ("Second", "About", 2)
    assert metadata["contentHash"] == sha256("two") and metadata["etag"] == response.etag
    assert datetime.fromisoformat(metadata["updatedAt"]) > datetime.fromisoformat(metadata["createdAt"])
    assert (await client.get(path)).json == response.json


async def test_a_put_without_content_answers_the_content_too(client: Client) -> None:
    path, _ = await made(client)
    response = assert_ok(await client.put(path, {"title": "Second"}))
    assert (response.json["content"], response.json["metadata"]["version"]) == ("one", 2)


@pytest.mark.parametrize(
    "body", [{}, {"title": None, "description": None, "content": None}, {"content": "one"}], ids=str
)
async def test_null_and_absent_leave_things_as_they_are(
    client: Client, counting: CountingReads, body: dict[str, Any]
) -> None:
    path, etag = await made(client, description="About")
    counting.forget()
    response = assert_ok(await client.put(path, body))
    assert (response.etag, response.json["content"]) == (etag, "one")
    assert response.json["metadata"]["description"] == "About"
    assert counting.writes == []


@pytest.mark.parametrize("name", ["description", "app"])
async def test_an_empty_text_clears_it(client: Client, name: str) -> None:
    path, _ = await made(client, **{name: "map"})
    response = assert_ok(await client.put(path, {name: ""}))
    assert (response.json["metadata"][name], response.json["metadata"]["version"]) == (None, 2)


async def test_an_empty_description_is_none(client: Client) -> None:
    path, _ = await made(client, description="")
    assert (await client.get(path)).json["metadata"]["description"] is None


async def test_delete_answers_204_and_then_everything_is_410(client: Client) -> None:
    path, _ = await made(client)
    response = assert_ok(await client.delete(path), 204)
    assert response.body == b""
    for response in (
        await client.get(path),
        await client.get(metadata_path(path)),
        await client.put(path, {"title": "Second"}),
    ):
        assert_problem(response, 410, "gone")
    assert_ok(await client.delete(path), 204)
    assert (await client.get(SESSIONS)).json["items"] == []


async def test_what_is_not_mine_is_not_there(client: Client) -> None:
    """Sessions of others, deleted or not, unknown ids and malformed ids all get the same body."""
    path, etag = await made(client)
    gone, _ = await made(client)
    await client.delete(gone)
    bodies = set()
    for target in (
        path,
        gone,
        f"{SESSIONS}/AAAAAAAAAAAA",
        f"{SESSIONS}/no-id",
        f"{SESSIONS}/<b>ü",
        f"{SESSIONS}/a b",
    ):
        bob = client.of("bob")
        for response in (
            await bob.get(target),
            await bob.get(metadata_path(target)),
            await bob.put(target, {"title": "Bob's"}, {"if-match": etag}),
            await bob.put(target, {"title": "Bob's"}),
            await bob.delete(target),
        ):
            assert_problem(response, 404, "not_found")
            bodies.add(response.body)
    assert len(bodies) == 1
    assert (await client.get(path)).json["metadata"]["title"] == "First"
    assert (await client.of("bob").get(SESSIONS)).json["items"] == []


def shown(response: Response) -> list[str]:
    assert assert_ok(response).json.keys() == {"items", "pageToken"}
    return [item["title"] for item in response.json["items"]]


async def several(client: Client, engine: Engine) -> list[str]:
    """Creates sessions an hour apart, from noon on. They are updated in reverse order. Returns their ids."""
    ids = []
    for hour, title in enumerate(["b", "C", "a"]):
        path, _ = await made(client, title=title, description=f"No. {hour}", app=title)
        ids.append(path.rpartition("/")[2])
        times = {
            "metadata.created_at": f"2026-05-01T{12 + hour}:00:00.000000Z",
            "metadata.updated_at": f"2026-05-01T{22 - hour}:00:00.000000Z",
        }
        await damage(engine, ids[-1], **times)
    return ids


async def test_a_list_takes_empty_values_for_none(client: Client, engine: Engine) -> None:
    await several(client, engine)
    names = (
        "cursor sort_by sort_direction sort_lowercase page_size filter_title filter_description app status "
        "filter_created_from filter_created_to filter_updated_from filter_updated_to"
    )
    bare = await client.get(SESSIONS)
    assert shown(bare) == ["b", "C", "a"]
    assert (await client.get(SESSIONS, **dict.fromkeys(names.split(), ""))).json == bare.json


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sort_by": "metadata.updated_at"}, "b C a"),
        ({"sort_by": "metadata.updated_at", "sort_direction": "asc"}, "a C b"),
        ({"sort_by": "metadata.created_at"}, "a C b"),
        ({"sort_by": "metadata.created_at", "sort_direction": "asc"}, "b C a"),
        ({"sort_by": "metadata.title", "sort_direction": "asc"}, "C a b"),
        ({"sort_by": "metadata.title", "sort_direction": "asc", "sort_lowercase": "false"}, "C a b"),
        ({"sort_by": "metadata.title", "sort_direction": "asc", "sort_lowercase": "true"}, "a b C"),
        ({"sort_by": "metadata.title", "sort_lowercase": "true"}, "C b a"),
        ({"sort_by": "metadata.created_at", "sort_lowercase": "true"}, "a C b"),
        ({"filter_title": "c"}, "C"),
        ({"filter_description": "nO. 1"}, "C"),
        ({"app": "a"}, "a"),
        ({"filter_created_from": "2026-05-01T13:00:00.000Z"}, "C a"),
        ({"filter_created_to": "2026-05-01T13:00:00Z"}, "b C"),
        (
            {"filter_created_from": "2026-05-01T15:00:00+02:00", "filter_created_to": "2026-05-01T15:00:00+02:00"},
            "C",
        ),
        ({"filter_updated_from": "2026-05-01T21:00:00.000Z"}, "b C"),
        ({"filter_updated_to": "2026-05-01T20:59:59.999Z"}, "a"),
        ({"filter_title": "c", "filter_updated_to": "2026-05-01T20:59:59.999Z"}, ""),
        ({"status": "active,closed"}, "b C a"),
        ({"status": "closed,draft"}, ""),
    ],
    ids=str,
)
async def test_a_list_is_sorted_and_filtered_as_asked(
    client: Client, engine: Engine, query: dict[str, str], expected: str
) -> None:
    await several(client, engine)
    assert shown(await client.get(SESSIONS, **query)) == expected.split()


async def test_pages_hang_together_by_the_page_token(client: Client) -> None:
    for number in range(12):
        await made(client, title=f"{number:02}")
    first = await client.get(SESSIONS)
    assert len(shown(first)) == 10
    second = await client.get(SESSIONS, cursor=first.json["pageToken"])
    assert (shown(second), second.json["pageToken"]) == (["01", "00"], None)
    whole = await client.get(SESSIONS, page_size="100")
    assert shown(whole) == shown(first) + shown(second)
    assert shown(await client.get(SESSIONS, page_size="1")) == ["11"]


async def test_a_list_reads_no_content(client: Client, counting: CountingReads) -> None:
    for _ in range(3):
        await made(client, content="x" * 100_000)
    counting.forget()
    assert len(shown(await client.get(SESSIONS))) == 3
    assert counting.verbs == ["query"] and counting.bytes_read < 5_000


async def test_deleted_sessions_are_listed_when_asked_for(client: Client) -> None:
    path, _ = await made(client, title="Secret")
    await client.delete(path, purge="true")
    [item] = (await client.get(SESSIONS, status="deleted")).json["items"]
    assert (item["status"], item["title"]) == ("deleted", "") and item["deletedAt"]


async def test_the_media_type_may_have_parameters(client: Client) -> None:
    for value in ("application/json; charset=utf-8", "Application/JSON"):
        assert_ok(await client.post(SESSIONS, NEW, {"Content-Type": value}), 201)


async def test_what_an_answer_cost_is_shown_where_it_is_wanted(stores: Stores) -> None:
    hidden = await Client(stores, SETTINGS).post(SESSIONS, NEW)
    assert "savepoint-request-charge" not in hidden.headers
    exposed = Client(stores, SETTINGS.model_copy(update={"expose_charge": True}))
    response = await exposed.post(SESSIONS, NEW)
    assert float(response.headers["savepoint-request-charge"].split(";")[0]) > 0
    missing = await exposed.get(f"{SESSIONS}/AAAAAAAAAAAA")
    assert "savepoint-request-charge" in missing.headers
