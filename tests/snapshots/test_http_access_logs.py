"""The wire contract of the access log: every filter and sort, and removing an entry. On each engine."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id, timestamp_text
from persistence.snapshots.documents import AccessLog, SnapshotMetadata
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.clock import NOON
from tests.support.http import NEW, Client, assert_ok, assert_problem

LOGS, SNAPSHOTS = "persistence/snapshot_access_logs", "persistence/snapshots"

# Title, hours at which the snapshot was created and last opened, visits, owner, whether it is deleted.
ENTRIES = [
    ("b", 0, 9, 3, "ann", False),
    ("C", 1, 8, 1, "cleo", False),
    ("a", 2, 7, 4, "cleo", True),
    ("B 100%", 3, 6, 2, "dora", False),
]


@pytest.fixture
async def stores(engine: Engine) -> AsyncIterator[Stores]:
    stores = stores_over(engine, SETTINGS.store_rules())
    yield stores
    await stores.access_logs.drain()


@pytest.fixture
async def filled(engine: Engine, client: Client) -> Client:
    """The client of a person with these entries, and with one of each kind that no list may show."""
    for title, made, opened, visits, owner, deleted in ENTRIES:
        await put(engine, entry(title, made, opened, visits, owner, deleted))
    await put(engine, entry("pending", 4, 5, 5, "ann", False, pending=True))
    await put(engine, entry("hidden", 4, 5, 5, "ann", False, hidden=True))
    await put(engine, entry("someone else's", 4, 5, 5, "ann", False, visitor_id="ben"))
    return client


async def put(engine: Engine, entry: AccessLog) -> None:
    await engine.create(SNAPSHOT_ACCESS_LOGS, entry.to_item())


def entry(
    title: str,
    made: int,
    opened: int,
    visits: int,
    owner: str,
    deleted: bool,
    visitor_id: str = "ann",
    **rest: bool,
) -> AccessLog:
    id = new_id()
    created_at, last = (NOON + timedelta(hours=hours) for hours in (made, opened))
    return AccessLog(
        id=id,
        visitor_id=visitor_id,
        snapshot_id=id,
        owner_id=owner,
        app="map" if visits > 2 else None,
        visits=visits,
        first_visited_at=created_at,
        last_visited_at=last,
        snapshot_metadata=SnapshotMetadata(
            title=title, description="About", created_at=created_at, content_hash="0" * 64, content_bytes=1
        ),
        snapshot_deleted=deleted,
        pending=rest.get("pending", False),
        hidden=rest.get("hidden", False),
    )


async def titles(client: Client, query: Mapping[str, str]) -> list[str]:
    page = assert_ok(await client.get(LOGS, **query)).json
    return [item["snapshotMetadata"]["title"] for item in page["items"]]


def hour(hours: int) -> str:
    return timestamp_text(NOON + timedelta(hours=hours))


async def test_a_visit_is_listed_in_the_shape_that_clients_read(client: Client, stores: Stores) -> None:
    id = assert_ok(await client.post(SNAPSHOTS, {**NEW, "description": "About"}), 201).json
    ben = client.of("ben")
    for _ in range(2):
        assert_ok(await ben.get(f"{SNAPSHOTS}/{id}"))
        await stores.access_logs.drain()
    page = assert_ok(await ben.get(LOGS)).json
    (item,) = page["items"]
    assert page["pageToken"] is None
    assert item.keys() >= {
        "visitorId",
        "snapshotId",
        "visits",
        "firstVisitedAt",
        "lastVisitedAt",
        "snapshotDeleted",
        "snapshotMetadata",
    }
    assert (item["visitorId"], item["snapshotId"], item["visits"]) == ("ben", id, 2)
    assert item["snapshotDeleted"] is False and item["firstVisitedAt"] < item["lastVisitedAt"]
    assert item["snapshotMetadata"] == (await ben.get(f"{SNAPSHOTS}/{id}")).json["metadata"]
    (own,) = assert_ok(await client.get(LOGS)).json["items"]
    assert (own["visitorId"], own["visits"]) == ("ann", 1), "creating it counts as the first visit"


async def test_every_sort_of_the_contract_works_both_ways(filled: Client) -> None:
    orders = {
        "visits": ["C", "B 100%", "b", "a"],
        "last_visited_at": ["B 100%", "a", "C", "b"],
        "snapshot_metadata.title": ["B 100%", "C", "a", "b"],
        "snapshot_metadata.title__lower": ["a", "b", "B 100%", "C"],
        "snapshot_metadata.created_at": ["b", "C", "a", "B 100%"],
    }
    for sort_by, expected in orders.items():
        assert await titles(filled, {"sort_by": sort_by, "sort_direction": "asc"}) == expected
        assert await titles(filled, {"sort_by": sort_by, "sort_direction": "desc"}) == expected[::-1]
    lowered = {"sort_by": "snapshot_metadata.title", "sort_direction": "asc", "sort_lowercase": "true"}
    assert await titles(filled, lowered) == orders["snapshot_metadata.title__lower"]
    assert await titles(filled, {}) == orders["last_visited_at"][::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter_title": "B"}, ["b", "B 100%"]),
        ({"filter_title": "0%"}, ["B 100%"]),
        ({"filter_title": "_"}, []),
        ({"filter_created_from": hour(2)}, ["a", "B 100%"]),
        ({"filter_created_to": hour(1)}, ["b", "C"]),
        ({"filter_created_from": hour(1), "filter_created_to": hour(2)}, ["C", "a"]),
        ({"filter_last_visited_from": hour(8)}, ["b", "C"]),
        ({"filter_last_visited_to": hour(7)}, ["a", "B 100%"]),
        ({"filter_last_visited_to": "2026-05-01T21:00:00+02:00"}, ["a", "B 100%"]),
        ({"filter_last_visited_from": "2026-05-01T20:00:00.000Z"}, ["b", "C"]),
        ({"filter_owner_id": "cleo"}, ["C", "a"]),
        ({"filter_owner_id": "CLEO"}, []),
        ({"filter_snapshot_deleted": "true"}, ["a"]),
        ({"filter_snapshot_deleted": "false"}, ["b", "C", "B 100%"]),
        ({"app": "map"}, ["b", "a"]),
        ({"filter_owner_id": "cleo", "filter_snapshot_deleted": "false"}, ["C"]),
        (
            {
                "filter_title": "",
                "cursor": "",
                "filter_owner_id": "",
                "filter_snapshot_deleted": "",
                "filter_last_visited_to": "",
            },
            ["b", "C", "a", "B 100%"],
        ),
    ],
    ids=str,
)
async def test_every_filter_of_the_contract_works(
    filled: Client, query: dict[str, str], expected: list[str]
) -> None:
    assert await titles(filled, query) == expected


async def test_pages_follow_each_other(filled: Client) -> None:
    first = assert_ok(await filled.get(LOGS, page_size="3")).json
    rest = assert_ok(await filled.get(LOGS, page_size="3", cursor=first["pageToken"])).json
    shown = [item["snapshotMetadata"]["title"] for item in first["items"] + rest["items"]]
    assert (shown, rest["pageToken"]) == (["b", "C", "a", "B 100%"], None)
    token = first["pageToken"]
    assert_problem(await filled.of("ben").get(LOGS, cursor=token), 400, "invalid_cursor")
    assert_problem(await filled.get(SNAPSHOTS, cursor=token), 400, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [
        {"sort_by": "visitor_id"},
        {"sort_by": "created_at"},
        {"filter_snapshot_deleted": "perhaps"},
        {"filter_last_visited_from": "2026-05-01T20:00:00"},
        {"filter_owner_id": "o" * 256},
        {"visitor_id": "ben"},
    ],
    ids=str,
)
async def test_a_bad_query_is_refused(client: Client, query: dict[str, str]) -> None:
    problem = assert_problem(await client.get(LOGS, **query), 422, "invalid_request")
    assert problem["errors"][0]["parameter"] == next(iter(query))


async def test_my_row_can_be_removed_and_the_next_visit_shows_it_again(client: Client, stores: Stores) -> None:
    id = assert_ok(await client.post(SNAPSHOTS, NEW), 201).json
    for person in (client, client.of("ben")):
        assert_ok(await person.get(f"{SNAPSHOTS}/{id}"))
        assert assert_ok(await person.delete(f"{LOGS}/{id}"), 204).body == b""
        assert await titles(person, {}) == []
        assert_ok(await person.delete(f"{LOGS}/{id}"), 204)
        assert_ok(await person.get(f"{SNAPSHOTS}/{id}"))
        await stores.access_logs.drain()
        assert await titles(person, {}) == ["First"]
    assert len(assert_ok(await client.get(SNAPSHOTS)).json["items"]) == 1


async def test_removing_tells_nobody_whether_there_is_a_snapshot(client: Client, stores: Stores) -> None:
    id = assert_ok(await client.post(SNAPSHOTS, NEW), 201).json
    ben = client.of("ben")
    assert_ok(await ben.get(f"{SNAPSHOTS}/{id}"))
    await stores.access_logs.drain()
    outsider = client.of("mallory")
    responses = [await outsider.delete(f"{LOGS}/{one}") for one in (id, new_id())]
    assert {(response.status, response.body) for response in responses} == {(204, b"")}
    assert_problem(await outsider.delete(f"{LOGS}/short"), 404, "not_found")
    assert await titles(ben, {}) == ["First"] == await titles(client, {})


async def test_a_deleted_snapshot_stays_in_the_history_without_its_words(client: Client, stores: Stores) -> None:
    id = assert_ok(await client.post(SNAPSHOTS, {**NEW, "description": "Words"}), 201).json
    assert_ok(await client.delete(f"{SNAPSHOTS}/{id}"), 204)
    assert assert_ok(await client.get(LOGS)).json["items"] == []
    assert assert_ok(await client.get(LOGS, filter_snapshot_deleted="false")).json["items"] == []
    (item,) = assert_ok(await client.get(LOGS, filter_snapshot_deleted="true")).json["items"]
    assert item["snapshotDeleted"] is True
    assert (item["snapshotMetadata"]["title"], item["snapshotMetadata"]["description"]) == ("First", None)
