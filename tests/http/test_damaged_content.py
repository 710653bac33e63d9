"""Content is verified before it is sent, on every route. Damage is a 500 with a reference, and never sent.

Most damage here is sound gzip of another text of the same size, so only the hash can show it.
"""

import logging
from typing import Any

import orjson
import pytest

from persistence import Stores
from persistence.content import pack
from persistence.documents import new_id
from persistence.storage.containers import SESSIONS, SNAPSHOTS, Container
from persistence.storage.engine import PAYLOAD, Engine
from tests.support.drafts import DRAFTS
from tests.support.http import NEW, Client, Response, assert_ok, assert_problem, made
from tests.support.http import SESSIONS as SESSIONS_PATH

SNAPSHOTS_PATH = "persistence/snapshots"
SENT = "a private thought of ann"
OTHER = "another thought, of ben!"
DAMAGES = {"another text": pack(OTHER).payload, "no gzip": b"no gzip", "cut": pack(SENT).payload[:-1]}
GZIP = {"accept-encoding": "gzip"}

damages = pytest.mark.parametrize("payload", DAMAGES.values(), ids=DAMAGES)


@pytest.fixture
def stores(uncached: Stores) -> Stores:
    return uncached


async def damage(engine: Engine, container: Container, id: str, partition: str, payload: bytes) -> None:
    stored = await engine.read(container, id, partition)
    await engine.replace(container, {**stored.item, PAYLOAD: payload}, stored.etag)


async def damage_session(engine: Engine, stores: Stores, id: str, payload: bytes) -> None:
    """Damages every content in the history of a session of ann."""
    for content_id in (await stores.sessions.get_head("ann", id)).content_ids:
        await damage(engine, SESSIONS, content_id, "ann", payload)


def assert_corrupt(response: Response, caplog: pytest.LogCaptureFixture) -> None:
    problem = assert_problem(response, 500, "content_corrupt")
    assert OTHER not in response.body.decode() and "etag" not in response.headers
    assert [record for record in caplog.records if problem["reference"] in record.getMessage()]


def exported(response: Response) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in assert_ok(response).body.splitlines()]


@damages
async def test_damaged_content_of_a_session_is_never_sent(
    client: Client, engine: Engine, stores: Stores, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path, _ = await made(client, content=SENT)
    id = path.rpartition("/")[2]
    await damage_session(engine, stores, id, payload)
    caplog.set_level(logging.ERROR)
    for response in (
        await client.get(path),
        await client.get(f"{path}/content"),
        await client.get(f"{path}/content", GZIP),
        await client.get(f"{path}/revisions/1"),
        await client.post(SNAPSHOTS_PATH, {"sessionId": id}),
        await client.put(path, {"title": "Renamed"}),
    ):
        assert_corrupt(response, caplog)
    assert assert_ok(await client.get(SNAPSHOTS_PATH)).json["items"] == []
    lines = exported(await client.get("persistence/export"))
    revisions = [line for line in lines if line["kind"] == "revision"]
    assert [line.get("unreadable") for line in revisions if "unreadable" in line] == [True]
    assert not [line for line in lines if "content" in line]
    # What sends no content still works, and a new save heals.
    assert_ok(await client.get(f"{SESSIONS_PATH}/metadata/{id}"))
    saved = assert_ok(await client.put(path, {"content": "whole again"}))
    assert_ok(await client.get(f"{path}/content", {"if-none-match": saved.etag}), 304)
    assert (await client.get(f"{path}/content")).body == b"whole again"


@damages
async def test_damaged_content_of_a_draft_is_never_sent(
    client: Client, engine: Engine, stores: Stores, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    id = new_id()
    assert_ok(await client.put(f"{DRAFTS}/{id}", {"content": SENT}), 201)
    await damage_session(engine, stores, id, payload)
    caplog.set_level(logging.ERROR)
    for path in (f"{DRAFTS}/{id}", f"{DRAFTS}/latest"):
        assert_corrupt(await client.get(path), caplog)
    assert [draft["id"] for draft in (await client.get("persistence/restore")).json["drafts"]] == [id]


@damages
async def test_damaged_content_of_a_snapshot_is_never_sent_and_counts_no_visit(
    client: Client, engine: Engine, stores: Stores, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    id = assert_ok(await client.post(SNAPSHOTS_PATH, {**NEW, "content": SENT}), 201).json
    path = f"{SNAPSHOTS_PATH}/{id}"
    await damage(engine, SNAPSHOTS, id, id, payload)
    caplog.set_level(logging.ERROR)
    for person in (client, client.of("ben")):
        for response in (
            await person.get(path),
            await person.get(f"{path}/content"),
            await person.get(f"{path}/content", GZIP),
        ):
            assert_corrupt(response, caplog)
    await stores.access_logs.drain()
    assert (await client.get(f"{path}/stats")).json["visits"] == 1, "its creation"
    lines = exported(await client.get("persistence/export"))
    assert not [line for line in lines if "content" in line]
    assert {"kind": "damaged", "id": id, "unreadable": True} in lines
