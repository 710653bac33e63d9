"""Everything that is mine: taken along with hashes, and deleted for good."""

from typing import Any

import orjson
import pytest

from persistence import Stores
from persistence.engines.containers import CONTAINERS
from persistence.engines.engine import Engine
from persistence.query import Query
from tests.conftest import SETTINGS
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import damage, sha256

SNAPSHOTS, DRAFTS = "persistence/snapshots", "persistence/drafts"
EXPORT, ME = "persistence/export", "persistence/me"
KINDS = ("session", "content", "idempotency", "snapshot", "visitor", "access_log")


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, SETTINGS)


async def exported(client: Client) -> list[dict[str, Any]]:
    """Every line of every call, but the lines that only say how to go on."""
    lines: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(100):
        response = assert_ok(await client.get(EXPORT, cursor=cursor))
        assert response.headers["content-type"].split(";")[0] == "application/x-ndjson"
        *found, end = [orjson.loads(line) for line in response.body.splitlines()]
        assert end["kind"] == "end"
        lines += found
        if end["pageToken"] is None:
            return lines
        cursor = end["pageToken"]
    raise AssertionError("the export does not end")


async def erased(client: Client) -> int:
    """How many calls it took."""
    for calls in range(1, 100):
        answer = assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": client.user})).json
        if answer["done"]:
            return calls
    raise AssertionError("the erasure does not end")


async def a_life(client: Client) -> dict[str, str]:
    """A session with history, a draft, a deleted session, two snapshots, a visit to and by another."""
    path, _ = await made(client, content="first", title="Life")
    await client.put(path, {"content": "second"})
    deleted, _ = await made(client, content="gone")
    await client.delete(deleted)
    await client.put(f"{DRAFTS}/draft-000001", {"content": "draft"}, {"idempotency-key": "k"})
    await client.post(SESSIONS, {**NEW, "content": "keyed"}, {"idempotency-key": "k"})
    mine = assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "mine"}), 201).json
    theirs = assert_ok(await client.of("bob").post(SNAPSHOTS, {**NEW, "content": "theirs"}), 201).json
    assert_ok(await client.get(f"{SNAPSHOTS}/{theirs}"))
    assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{mine}"))
    return {"session": path, "mine": mine, "theirs": theirs}


async def test_an_export_has_everything_with_its_hash(client: Client, stores: Stores) -> None:
    await a_life(client)
    await stores.access_logs.drain()
    lines = await exported(client)
    contents = {line["content"]: line for line in lines if "content" in line}
    assert contents.keys() == {"first", "second", "draft", "keyed", "mine"}
    for content, line in contents.items():
        hashed = line["revision"] if line["kind"] == "revision" else line["metadata"]
        assert hashed["contentHash"] == sha256(content)
    kinds = [line["kind"] for line in lines]
    assert (kinds.count("access_log"), kinds.count("snapshot")) == (2, 1)
    assert all(line["metadata"]["ownerId"] == "ann" for line in lines if line["kind"] in ("session", "revision"))


async def test_a_large_export_goes_on_where_it_stopped(client: Client, stores: Stores, mocker) -> None:
    await a_life(client)
    await stores.access_logs.drain()
    whole = await exported(client)
    mocker.patch("persistence.personal_data.EXPORT_BYTES", 1)
    assert await exported(client) == whole
    for bad in ("nonsense", "rows:nonsense", "sessions:AAAA", "other:"):
        assert_problem(await client.get(EXPORT, cursor=bad), 400, "invalid_cursor")


async def test_an_export_leaves_out_what_cannot_be_read(client: Client, engine: Engine) -> None:
    path, _ = await made(client, content="damaged")
    await made(client, content="sound")
    await damage(engine, path.rpartition("/")[2], owner_id="ann", metadata="nonsense")
    assert {line.get("content") for line in await exported(client)} == {"sound"}


@pytest.mark.parametrize("confirmation", [None, "", "yes", "bob", "ANN"])
async def test_deletion_has_to_be_asked_for_twice(client: Client, confirmation: str | None) -> None:
    path, _ = await made(client)
    headers = {} if confirmation is None else {"savepoint-confirm": confirmation}
    problem = assert_problem(await client.call("DELETE", ME, headers=headers), 428, "confirmation_required")
    assert "Savepoint-Confirm" in problem["detail"]
    assert_ok(await client.get(path))


@pytest.mark.parametrize("at_once", [1_000, 2])
async def test_deletion_leaves_nothing_of_a_person(
    client: Client, stores: Stores, engine: Engine, mocker, at_once: int
) -> None:
    mocker.patch("persistence.personal_data.ERASE_ITEMS", at_once)
    life = await a_life(client)
    await stores.access_logs.drain()
    assert (await erased(client) > 1) == (at_once == 2)
    for container in CONTAINERS:
        for kind in KINDS:
            query = Query(kind, None, ("id", "owner_id", "visitor_id", "deleted_at"))
            for item in (await engine.query(container, query)).items:
                mine = item.get("owner_id") == "ann" and item.get("deleted_at") is None and kind != "access_log"
                assert not mine, item
                assert item.get("visitor_id") != "ann", item
    assert_problem(await client.get(life["session"]), 404, "not_found")
    assert_problem(await client.of("bob").get(f"{SNAPSHOTS}/{life['mine']}"), 410, "gone")
    assert (await client.of("bob").get(f"{SNAPSHOTS}/{life['theirs']}")).json["content"] == "theirs"
    assert await exported(client) == []
    assert await erased(client) == 1
    stats = assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{life['theirs']}/stats")).json
    assert stats["visitors"] == 1
