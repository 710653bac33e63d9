"""The wire contract of snapshots, and what each response discloses to whom. On each engine."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.content import CONTENT_MAX_BYTES
from persistence.documents import new_id, timestamp_text
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.clock import NOON, Clock
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem
from tests.support.sessions import sha256

SNAPSHOTS, LOGS = "persistence/snapshots", "persistence/snapshot_access_logs"
SHOWING = SETTINGS.model_copy(update={"show_visitors": True, "snapshot_opens_per_minute": 0})
PROMISED = {"id", "ownerId", "title", "description", "createdAt", "contentHash"}
OF_ONE = ["", "/stats", "/visitors"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


@pytest.fixture
async def stores(engine: Engine) -> AsyncIterator[Stores]:
    stores = stores_over(engine, SHOWING.store_rules())
    yield stores
    await stores.access_logs.drain()


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, SHOWING)


async def frozen(client: Client, **fields: Any) -> str:
    """Creates a snapshot. Returns its path."""
    response = assert_ok(await client.post(SNAPSHOTS, {**NEW, **fields}), 201)
    return f"{SNAPSHOTS}/{response.json}"


async def titles(client: Client, **query: str) -> list[str]:
    page = assert_ok(await client.get(SNAPSHOTS, **query)).json
    return [item["title"] for item in page["items"]]


async def test_post_answers_the_id_as_a_json_string(client: Client) -> None:
    response = assert_ok(await client.post(SNAPSHOTS, NEW), 201)
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", response.json)
    assert response.headers["location"] == f"/api/{SNAPSHOTS}/{response.json}"


async def test_a_snapshot_has_the_shape_that_clients_read(client: Client) -> None:
    content = '{"a":"ż 🙂 \\u0000"}\n\u2028\0 "'
    path = await frozen(client, content=content, description="About", app="map")
    for person in (client, client.of("ben")):
        response = assert_ok(await person.get(path))
        assert response.json.keys() == {"metadata", "content"}
        assert response.json["content"] == content
        metadata = response.json["metadata"]
        assert metadata.keys() >= PROMISED and not [name for name in metadata if "_" in name]
        assert (metadata["id"], metadata["ownerId"]) == (path.rpartition("/")[2], "ann")
        assert (metadata["title"], metadata["description"], metadata["app"]) == ("First", "About", "map")
        assert metadata["contentHash"] == sha256(content)
        assert metadata["createdAt"] == metadata["updatedAt"]
        assert (metadata["expiresAt"], metadata["contentBytes"]) == (None, len(content.encode()))
    listed = assert_ok(await client.get(SNAPSHOTS)).json
    assert listed == {"items": [metadata], "pageToken": None}


@pytest.mark.parametrize("given", [None, "application/json"])
async def test_a_snapshot_is_of_the_media_type_that_it_is_given(client: Client, given: str | None) -> None:
    path = await frozen(client, content="{}", mediaType=given)
    assert (await client.get(path)).json["metadata"]["mediaType"] == given
    raw = assert_ok(await client.get(f"{path}/content"))
    assert raw.headers["content-type"] == f"{given or 'text/plain'}; charset=utf-8"


async def test_a_session_keeps_its_media_type_when_it_is_frozen_unless_another_is_given(client: Client) -> None:
    session = assert_ok(await client.post(SESSIONS, {**NEW, "mediaType": "image/svg+xml"}), 201).json
    for given, kept in ((None, "image/svg+xml"), ("text/html", "text/html")):
        id = assert_ok(await client.post(SNAPSHOTS, {"sessionId": session, "mediaType": given}), 201).json
        assert (await client.get(f"{SNAPSHOTS}/{id}")).json["metadata"]["mediaType"] == kept
    refused = await client.post(SNAPSHOTS, {**NEW, "mediaType": "text/html\r\nSet-Cookie: a=b"})
    assert assert_problem(refused, 422, "invalid_request")["errors"][0]["pointer"] == "#/mediaType"


async def test_a_session_is_frozen_by_its_id(client: Client) -> None:
    session = assert_ok(await client.post(SESSIONS, {**NEW, "description": "About"}), 201)
    made = assert_ok(await client.post(SNAPSHOTS, {"sessionId": session.json}), 201)
    snapshot = assert_ok(await client.get(f"{SNAPSHOTS}/{made.json}")).json
    assert snapshot["content"] == "one"
    assert (snapshot["metadata"]["title"], snapshot["metadata"]["description"]) == ("First", "About")


async def test_only_ones_own_living_session_can_be_frozen(client: Client) -> None:
    session = assert_ok(await client.post(SESSIONS, NEW), 201).json
    responses = [
        await client.of("mallory").post(SNAPSHOTS, {"sessionId": session}),
        await client.post(SNAPSHOTS, {"sessionId": new_id()}),
        await client.post(SNAPSHOTS, {"sessionId": "../etc"}),
    ]
    assert len({response.body for response in responses}) == 1, "the response shows whether the session exists"
    assert_problem(responses[0], 404, "not_found")
    assert_ok(await client.delete(f"{SESSIONS}/{session}"), 204)
    assert_problem(await client.post(SNAPSHOTS, {"sessionId": session}), 410, "gone")


async def test_the_snapshots_of_a_session_are_listed_also_the_copies_and_the_deleted(client: Client) -> None:
    session = assert_ok(await client.post(SESSIONS, NEW), 201).json
    first = assert_ok(await client.post(SNAPSHOTS, {"sessionId": session}), 201).json
    again = assert_ok(await client.post(SNAPSHOTS, {"snapshotId": first}), 201).json
    assert_ok(await client.post(SNAPSHOTS, NEW), 201)
    assert_ok(await client.delete(f"{SNAPSHOTS}/{first}"), 204)
    listed = assert_ok(await client.get(SNAPSHOTS, session_id=session)).json
    assert [one["id"] for one in listed["items"]] == [again]
    assert "sessionId" not in listed["items"][0]
    ended = await client.get(LOGS, session_id=session, filter_snapshot_deleted="true")
    assert [one["snapshotId"] for one in assert_ok(ended).json["items"]] == [first]
    assert_problem(await client.of("mallory").post(SNAPSHOTS, {"snapshotId": again}), 403, "forbidden")
    assert_problem(await client.get(SNAPSHOTS, session_id="short"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"title": "T"}, 422),
        ({"content": "x"}, 422),
        ({**NEW, "sessionId": "abcdefghijkl"}, 422),
        ({**NEW, "session_id": "abcdefghijkl"}, 422),
        ({**NEW, "snapshotId": "abcdefghijkl"}, 422),
        ({"sessionId": "abcdefghijkl", "snapshotId": "abcdefghijkl"}, 422),
        ({**NEW, "unknown": 1}, 422),
        ({**NEW, "title": ""}, 422),
        ({**NEW, "title": "t" * 256}, 422),
        ({**NEW, "description": "d" * 2_001}, 422),
        ({**NEW, "content": 1}, 422),
        ({**NEW, "expiresAt": "2020-01-01T00:00:00Z"}, 422),
        ({**NEW, "expiresAt": "2999-01-01T00:00:00"}, 422),
        ({**NEW, "expiresAt": "soon"}, 422),
        ({**NEW, "content": "x" * (CONTENT_MAX_BYTES + 1)}, 413),
        (b"{", 422),
        (b"[]", 422),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_cannot_be_a_snapshot_is_refused_and_nothing_written(
    engine: Engine, body: Any, status: int
) -> None:
    counting = CountingReads(engine)
    client = Client(stores_over(counting, SHOWING.store_rules()), SHOWING)
    response = await client.post(SNAPSHOTS, body)
    assert_problem(response, status, {422: "invalid_request", 413: "content_too_large"}[status])
    assert counting.writes == []


async def test_an_expiry_that_is_not_allowed_is_pointed_at(client: Client) -> None:
    response = await client.post(SNAPSHOTS, {**NEW, "expiresAt": "2020-01-01T00:00:00Z"})
    (fault,) = assert_problem(response, 422, "invalid_request")["errors"]
    assert fault == {"pointer": "#/expiresAt", "detail": "must lie in the future"}


async def test_another_media_type_is_refused(client: Client) -> None:
    response = await client.post(SNAPSHOTS, NEW, headers={"Content-Type": "text/plain"})
    assert_problem(response, 415, "unsupported_media_type")


async def test_every_sort_of_the_contract_works_both_ways(client: Client) -> None:
    for title in ("b", "C", "a", "B"):
        await frozen(client, title=title)
    orders = {
        ("created_at", "false"): ["b", "C", "a", "B"],
        ("updated_at", "false"): ["b", "C", "a", "B"],
        ("title", "false"): ["B", "C", "a", "b"],
    }
    for (sort_by, lowercase), expected in orders.items():
        query = {"sort_by": sort_by, "sort_lowercase": lowercase}
        assert await titles(client, **query, sort_direction="asc") == expected
        assert await titles(client, **query, sort_direction="desc") == expected[::-1]
    for query in ({"sort_by": "title", "sort_lowercase": "true"}, {"sort_by": "title_lower"}):
        lowered = await titles(client, **query, sort_direction="asc")
        assert [title.lower() for title in lowered] == ["a", "b", "b", "c"]
    assert await titles(client) == ["B", "a", "C", "b"]


async def test_every_filter_of_the_contract_works(client: Client, clock: Clock) -> None:
    for hour, title in enumerate(["Alpha 100%", "Beta", "alphabet"]):
        clock.at = NOON + timedelta(hours=hour)
        await frozen(client, title=title, app="map" if hour else "plot")
    assert await titles(client, filter_title="ALPHA") == ["alphabet", "Alpha 100%"]
    assert await titles(client, filter_title="0%") == ["Alpha 100%"]
    assert await titles(client, filter_title="_") == []
    assert await titles(client, app="map") == ["alphabet", "Beta"]
    one = timestamp_text(NOON + timedelta(hours=1))
    assert await titles(client, filter_created_from=one) == ["alphabet", "Beta"]
    assert await titles(client, filter_created_to=one) == ["Alpha 100%"]
    zoned = (NOON + timedelta(hours=3)).isoformat().replace("+00:00", "+02:00")
    assert await titles(client, filter_created_from=zoned) == ["alphabet", "Beta"]
    empty = {name: "" for name in ("filter_title", "filter_created_from", "filter_created_to", "cursor", "app")}
    assert len(await titles(client, **empty)) == 3


async def test_pages_follow_each_other(client: Client) -> None:
    for number in range(5):
        await frozen(client, title=f"{number}")
    seen: list[str] = []
    cursor = ""
    for size in (2, 2, 1):
        page = assert_ok(await client.get(SNAPSHOTS, page_size="2", cursor=cursor)).json
        assert len(page["items"]) == size
        seen += [item["title"] for item in page["items"]]
        cursor = page["pageToken"] or ""
    assert (seen, cursor) == (["4", "3", "2", "1", "0"], "")
    token = (await client.get(SNAPSHOTS, page_size="2")).json["pageToken"]
    assert_problem(await client.of("ben").get(SNAPSHOTS, cursor=token), 400, "invalid_cursor")
    assert_problem(await client.get(SNAPSHOTS, sort_by="title", cursor=token), 400, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [{"sort_by": "visits"}, {"page_size": "101"}, {"filter_created_from": "today"}, {"filter": "x"}],
    ids=str,
)
async def test_a_bad_query_is_refused(client: Client, query: dict[str, str]) -> None:
    assert_problem(await client.get(SNAPSHOTS, **query), 422, "invalid_request")


async def test_no_snapshot_is_no_snapshot_however_its_id_looks(client: Client) -> None:
    for rest in OF_ONE:
        ids = (new_id(), "short", "x" * 65, "żółć" * 3, "..%2f..%2fetc", "visitor~abc", "a" * 12 + "\n")
        responses = [await client.get(f"{SNAPSHOTS}/{id}{rest}") for id in ids]
        assert len({response.body for response in responses}) == 1, (
            "the response differs between malformed and unknown ids"
        )
        assert_problem(responses[0], 404, "not_found")
    assert_problem(await client.delete(f"{SNAPSHOTS}/{new_id()}"), 404, "not_found")
    assert_problem(await client.delete(f"{SNAPSHOTS}/short"), 404, "not_found")


async def test_anothers_snapshot_can_be_opened_and_nothing_else(client: Client) -> None:
    path, outsider = await frozen(client), client.of("mallory")
    assert_ok(await outsider.get(path))
    refused = [await outsider.delete(path), *[await outsider.get(path + rest) for rest in OF_ONE[1:]]]
    for response in refused:
        problem = assert_problem(response, 403, "forbidden")
        assert "ann" not in response.body.decode() and "First" not in problem["detail"]
    assert await titles(outsider) == []
    assert_ok(await client.get(path))


async def assert_gone(client: Client, path: str) -> None:
    for person in (client, client.of("ben"), client.of("mallory")):
        response = await person.get(path)
        assert_problem(response, 410, "gone")
        said = response.body.decode()
        assert "ann" not in said and "Secret" not in said and path.rpartition("/")[2] not in said
    for rest in OF_ONE[1:]:
        assert_problem(await client.get(path + rest), 410, "gone")
        assert_problem(await client.of("mallory").get(path + rest), 403, "forbidden")


async def test_a_deleted_snapshot_is_gone_for_all(client: Client) -> None:
    path = await frozen(client, title="Secret")
    assert_ok(await client.of("ben").get(path))
    assert assert_ok(await client.delete(path), 204).body == b""
    await assert_gone(client, path)
    assert_ok(await client.delete(path), 204)
    assert_problem(await client.of("mallory").delete(path), 403, "forbidden")
    assert await titles(client) == []


async def test_an_expired_snapshot_is_gone_for_all(client: Client, clock: Clock) -> None:
    path = await frozen(client, title="Secret", expiresAt=timestamp_text(NOON + timedelta(hours=1)))
    metadata = assert_ok(await client.get(path)).json["metadata"]
    assert metadata["expiresAt"] == timestamp_text(NOON + timedelta(hours=1))
    clock.advance(hours=1)
    await assert_gone(client, path)
    assert_ok(await client.delete(path), 204)


async def assert_stats(response: Response, visits: int, visitors: int) -> None:
    stats = assert_ok(response).json
    assert stats.keys() == {"visits", "visitors", "firstVisitedAt", "lastVisitedAt"}
    assert (stats["visits"], stats["visitors"]) == (visits, visitors)
    assert stats["firstVisitedAt"] <= stats["lastVisitedAt"]


async def test_the_owner_is_told_of_visits_and_visitors(client: Client, stores: Stores) -> None:
    path = await frozen(client)
    for person in ("ben", "cleo", "ben"):
        assert_ok(await client.of(person).get(path))
        await stores.access_logs.drain()
    await assert_stats(await client.get(f"{path}/stats"), 4, 3)
    page = assert_ok(await client.get(f"{path}/visitors", sort_by="visits", page_size="1")).json
    (most,) = page["items"]
    assert most.keys() == {"visitorId", "visits", "firstVisitedAt", "lastVisitedAt"}
    assert (most["visitorId"], most["visits"]) == ("ben", 2)
    rest = assert_ok(
        await client.get(f"{path}/visitors", sort_by="visits", page_size="5", cursor=page["pageToken"])
    ).json
    assert sorted(one["visitorId"] for one in rest["items"]) == ["ann", "cleo"] and rest["pageToken"] is None
    for query in ({"sort_by": "visitor_id"}, {"page_size": "0"}, {"sort_direction": "up"}):
        assert_problem(await client.get(f"{path}/visitors", **query), 422, "invalid_request")


async def test_visitors_are_nobodys_business_unless_the_setting_says_so(engine: Engine) -> None:
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    path = await frozen(client)
    for asked in (path, f"{SNAPSHOTS}/{new_id()}", f"{SNAPSHOTS}/short"):
        for person in (client, client.of("mallory")):
            assert_problem(await person.get(f"{asked}/visitors"), 403, "forbidden")
    await assert_stats(await client.get(f"{path}/stats"), 1, 1)
