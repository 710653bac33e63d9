"""Activity over HTTP: the feed, its parameters, the export and the erasure."""

from typing import Any

import orjson
import pytest

from persistence.storage.engine import Engine
from tests.support.activity import OWNER, SESSION, line, stored_lines, write
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem

ACTIVITY, SNAPSHOTS = "persistence/activity", "persistence/snapshots"
EXPORT, ME = "persistence/export", "persistence/me"


async def feed(client: Client, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = assert_ok(await client.get(ACTIVITY, page_size="100", **query)).json["items"]
    return items


async def test_a_line_has_all_its_fields(client: Client, engine: Engine) -> None:
    full = line(2, device_info="laptop", content_hash="a" * 64, content_bytes=3, app="map")
    await write(engine, [full])
    response = assert_ok(await client.get(ACTIVITY)).json
    assert response == {
        "items": [
            {
                "at": "2026-05-01T12:02:00.000000Z",
                "action": "saved",
                "actor": "me",
                "subject": {"kind": "session", "id": SESSION, "title": "First"},
                "version": 2,
                "name": None,
                "deviceInfo": "laptop",
                "contentHash": "a" * 64,
                "contentBytes": 3,
                "app": "map",
            }
        ],
        "pageToken": None,
    }


async def test_a_feed_goes_on_at_its_cursor_for_the_same_query_alone(client: Client, engine: Engine) -> None:
    await write(engine, [line(version) for version in range(1, 6)])
    first = assert_ok(await client.get(ACTIVITY, page_size="2")).json
    second = assert_ok(await client.get(ACTIVITY, page_size="2", cursor=first["pageToken"])).json
    assert [item["version"] for item in first["items"] + second["items"]] == [5, 4, 3, 2]
    for query in ({"action": "saved"}, {"session_id": SESSION}, {"from": "2026-05-01T12:00:00Z"}):
        response = await client.get(ACTIVITY, cursor=first["pageToken"], **query)
        assert_problem(response, 400, "invalid_cursor")
    response = await client.of("bob").get(ACTIVITY, cursor=first["pageToken"])
    assert_problem(response, 400, "invalid_cursor")


async def test_each_parameter_selects(client: Client, engine: Engine) -> None:
    await write(engine, [line(1, app="map"), line(2, action="closed"), line(3, "session-0002")])
    times = {"from": "2026-05-01T14:01:30+02:00", "to": "2026-05-01T12:02:00Z"}
    for query, expected in (
        ({}, [3, 2, 1]),
        ({"session_id": SESSION}, [2, 1]),
        ({"action": "closed"}, [2]),
        ({"app": "map"}, [1]),
        ({"from": times["from"]}, [3, 2]),
        (times, [2]),
        ({**times, "session_id": SESSION, "action": "closed", "app": "map"}, []),
        ({"session_id": "unknown-0001", "cursor": "", "app": ""}, []),
    ):
        assert [item["version"] for item in await feed(client, **query)] == expected
    assert await feed(client.of("bob")) == []


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("page_size", "101", "100"),
        ("session_id", "short", "{12}"),
        ("session_id", f"{SESSION}~a", "{12}"),
        ("action", "lost", "created"),
        ("app", "a" * 101, "100"),
        ("from", "2026-05-01", "zone"),
        ("to", "yesterday", ""),
        ("since", "2026-05-01T12:00:00Z", ""),
    ],
)
async def test_a_parameter_that_breaks_its_rule_is_named(
    client: Client, name: str, value: str, limit: str
) -> None:
    problem = assert_problem(await client.get(ACTIVITY, **{name: value}), 422, "invalid_request")
    [fault] = problem["errors"]
    assert fault["parameter"] == name and limit in fault["detail"]


async def test_a_damaged_cursor_is_refused(client: Client) -> None:
    for cursor in ("x", ".", "12345678.x", "ą", "x" * 5_000):
        assert_problem(await client.get(ACTIVITY, cursor=cursor), 400, "invalid_cursor")


async def test_an_export_has_every_line_and_is_a_line_itself(
    client: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(engine, [line(version) for version in range(1, 4)])
    shown = await feed(client)
    *lines, _ = map(orjson.loads, assert_ok(await client.get(EXPORT)).body.splitlines())
    assert lines == [{"kind": "activity", "activity": item} for item in reversed(shown)]
    [event] = [item for item in await feed(client) if item["action"] == "exported"]
    assert event["subject"] == {"kind": "account", "id": OWNER, "title": None}
    monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", 1)
    *_, end = map(orjson.loads, assert_ok(await client.get(EXPORT)).body.splitlines())
    for _ in range(2):
        *_, end = map(orjson.loads, assert_ok(await client.get(EXPORT, cursor=end["pageToken"])).body.splitlines())
    assert_ok(await client.head(EXPORT))
    events = [item for item in await feed(client) if item["action"] == "exported"]
    assert len(events) == 2, "one for each export, not for each of its pages, and none for HEAD"


async def test_head_of_an_export_leaves_no_line(client: Client) -> None:
    assert_ok(await client.head(EXPORT))
    assert await feed(client) == []


async def test_erasing_everything_erases_activity(
    client: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.account.erasure.ERASE_ITEMS", 4)
    assert_ok(await client.post(SESSIONS, NEW), 201)
    assert_ok(await client.post(SNAPSHOTS, NEW), 201)
    await write(engine, [line(version) for version in range(1, 6)])
    await write(engine, [line(1, owner_id="bob")])
    removed = 0
    for _ in range(10):
        answer = assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": OWNER})).json
        removed += answer["activity"]
        if answer["done"]:
            break
    assert answer["done"] and removed >= 5
    assert await stored_lines(engine) == []
    assert len(await stored_lines(engine, "bob")) == 1
