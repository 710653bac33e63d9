"""The export and the erasure of a person among whose items some are damaged. On each engine."""

import logging
from typing import Any

import pytest

from persistence import Stores
from persistence.sessions.documents import NewSession
from persistence.storage.containers import SESSIONS as SESSION_ITEMS
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.engine import Engine
from persistence.storage.query import Query
from tests.account.test_export_and_erase import erased, exported
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.items import store
from tests.support.sessions import damage
from tests.support.snapshots import damage as damage_item

PATH = "persistence/snapshots"


async def kinds_left(engine: Engine, owner_id: str) -> list[Any]:
    return [
        item.get("kind")
        for container in (SESSION_ITEMS, SNAPSHOT_ACCESS_LOGS)
        for item in (await engine.query(container, Query(None, owner_id, ("id", "kind")))).items
    ]


async def test_an_entry_that_disagrees_with_its_snapshot_is_damaged_and_the_rest_follows(
    client: Client, engine: Engine
) -> None:
    mine, sound = [assert_ok(await client.post(PATH, {**NEW, "content": "x"}), 201).json for _ in range(2)]
    await damage_item(engine, SNAPSHOTS, mine, mine, owner_id="eve")
    lines = await exported(client)
    [told] = [line for line in lines if line.get("unreadable")]
    assert (told["kind"], told["id"]) == ("damaged", mine)
    [snapshot] = [line for line in lines if line["kind"] == "snapshot"]
    assert snapshot["metadata"]["id"] == sound and lines[-1]["kind"] == "activity"


async def test_what_no_kind_finds_is_erased_and_what_is_anothers_stays(client: Client, engine: Engine) -> None:
    bobs, _ = await made(client.of("bob"))
    await made(client)
    await store(engine, [{"id": f"lost-{who}", "owner_id": who, "kind": "sessiom"} for who in ("ann", "bob")])
    lost = {"id": "lost-entry", "visitor_id": "ann", "kind": "access_lok"}
    await store(engine, [lost], SNAPSHOT_ACCESS_LOGS)
    assert await erased(client) == 1
    assert await kinds_left(engine, "ann") == []
    assert "sessiom" in await kinds_left(engine, "bob")
    assert_ok(await client.of("bob").get(bobs))


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata.content_bytes": 2**62},
        {"metadata.version": 2**63},
        {"metadata.updated_at": "9999-12-31T23:59:59.999999Z"},
        {"metadata": 5},
        {"revisions": [[1]]},
        {"schema": None},
    ],
    ids=str,
)
async def test_no_head_stops_an_erasure_or_an_export(
    client: Client, engine: Engine, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    hurt, _ = await made(client, title="a private title")
    await made(client)
    await damage(engine, hurt.rpartition("/")[2], "ann", **fields)
    assert_ok(await client.get("persistence/usage"))
    assert_ok(await client.get(SESSIONS))
    lines = await exported(client)
    assert len([line for line in lines if line["kind"] == "session"]) >= 1
    assert await erased(client) == 1
    assert await kinds_left(engine, "ann") == []
    assert "private" not in caplog.text


async def test_an_own_snapshot_goes_although_its_entry_names_another_owner(client: Client, engine: Engine) -> None:
    mine = assert_ok(await client.post(PATH, {**NEW, "content": "x"}), 201).json
    await damage_item(engine, SNAPSHOT_ACCESS_LOGS, mine, "ann", owner_id="bnn")
    assert await erased(client) == 1
    assert_problem(await client.of("bob").get(f"{PATH}/{mine}"), 410, "gone")


async def test_a_damaged_content_without_a_head_is_erased(client: Client, engine: Engine, stores: Stores) -> None:
    path, _ = await made(client)
    id = path.rpartition("/")[2]
    named = (await stores.sessions.get_head("ann", id)).content_id or ""
    await damage(engine, named, "ann", saved_at="no time")
    await engine.delete(SESSION_ITEMS, id, "ann")
    assert await erased(client) == 1
    assert await kinds_left(engine, "ann") == []


async def test_a_damaged_visitor_does_not_fail_the_numbers_of_a_snapshot(client: Client, engine: Engine) -> None:
    mine = assert_ok(await client.post(PATH, {**NEW, "content": "x"}), 201).json
    [visitor] = (await engine.query(SNAPSHOTS, Query("visitor", mine, ("id",)))).items
    values: list[Any] = [7, "x", "9 lives", [], {}, None, True]
    for value in values:
        changed: dict[str, Any] = {"first_visited_at": value, "visits": value}
        await damage_item(engine, SNAPSHOTS, visitor["id"], mine, **changed)
        stats = assert_ok(await client.get(f"{PATH}/{mine}/stats")).json
        assert (stats["visitors"], stats["firstVisitedAt"]) == (1, None)


async def test_an_unexpected_fault_is_logged_without_what_it_repeats(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def fails(*_: object) -> None:
        NewSession.model_validate({"title": 5, "description": "".join(("pri", "vate"))})

    monkeypatch.setattr("persistence.limits.Limits.usage", fails)
    problem = assert_problem(await client.get("persistence/usage"), 500, "internal")
    [line] = [one for one in caplog.messages if problem["reference"] in one]
    assert "ValidationError" in line and "in fails" in line and "private" not in caplog.text
