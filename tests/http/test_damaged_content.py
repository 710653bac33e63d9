"""Content is verified before it is sent, on every route. Damage is a 500 with a reference, and never sent.

Most damage here is sound gzip of another text of the same size, so only the hash can show it.
"""

import base64
import gzip
import hashlib
import logging
import random
import zlib
from collections.abc import AsyncIterator, Iterable
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

_words = random.Random(1)
STATE = "{" + ",".join(f'"{_words.getrandbits(24):06x}":{_words.randrange(1000)}' for _ in range(138)) + "}"
PACKED = pack(STATE).payload
FLIPS = 8 * len(PACKED)
"""Number of bits that can be flipped, one at a time."""

HEADER_FLIPS = 80

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


def flipped(bit: int) -> bytes:
    """Returns the payload with one other bit."""
    damaged = bytearray(PACKED)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def as_browsers_read(response: Response) -> bytes:
    """Unpacks a body as browsers do, which do not check the sum and the size at its end."""
    if response.headers.get("content-encoding") != "gzip":
        return response.body
    member = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    return member.decompress(response.body[10:])


def assert_whole_or_refused(response: Response, text: object) -> bool:
    """Returns True if the response is the content as it was sent, and False if it is the problem."""
    if response.status == 500:
        assert_problem(response, 500, "content_corrupt")
        assert "etag" not in response.headers and "repr-digest" not in response.headers
        return False
    assert text == STATE
    if (digest := response.headers.get("repr-digest")) is not None:
        assert digest == f"sha-256=:{base64.b64encode(hashlib.sha256(response.body).digest()).decode()}:"
    if response.headers.get("content-encoding") == "gzip":
        assert gzip.decompress(response.body).decode() == STATE, "strict readers can unpack it"
    return True


async def responses_with_content(client: Client, session: str, draft: str, snapshot: str) -> AsyncIterator[bool]:
    """Asks every route that sends content. Yields if it was sent."""
    for path in (f"{session}/content", f"{snapshot}/content"):
        for headers in (GZIP, {}):
            response = await client.get(path, headers)
            text = as_browsers_read(response).decode() if response.status == 200 else None
            yield assert_whole_or_refused(response, text)
    for path in (session, f"{session}/revisions/1", draft, f"{DRAFTS}/latest", snapshot):
        response = await client.get(path)
        yield assert_whole_or_refused(response, response.json.get("content"))
    contents = [line["content"] for line in exported(await client.get("persistence/export")) if "content" in line]
    assert set(contents) <= {STATE}, "the copies of flips that do no harm"
    # What makes something of it: a copy, and a snapshot of it.
    for response in (
        await client.post(f"{session}/copy", {}),
        await client.post(SNAPSHOTS_PATH, {"sessionId": session.rpartition("/")[2]}),
    ):
        if response.status == 201:
            path = response.headers["location"].partition("/api/")[2]
            copy = await client.get(path)
            assert copy.json["content"] == STATE
            assert_ok(await client.delete(path), 204)
        else:
            assert_problem(response, 500, "content_corrupt")
        yield response.status == 201


async def check_flips(client: Client, engine: Engine, stores: Stores, bits: Iterable[int]) -> None:
    session, _ = await made(client, content=STATE)
    draft_id = new_id()
    assert_ok(await client.put(f"{DRAFTS}/{draft_id}", {"content": STATE}), 201)
    snapshot_id = assert_ok(await client.post(SNAPSHOTS_PATH, {**NEW, "content": STATE}), 201).json
    contents: list[str] = []
    for id in (session.rpartition("/")[2], draft_id):
        contents += (await stores.sessions.get_head("ann", id)).content_ids
    paths = (session, f"{DRAFTS}/{draft_id}", f"{SNAPSHOTS_PATH}/{snapshot_id}")
    for bit in bits:
        for content_id in contents:
            await damage(engine, SESSIONS, content_id, "ann", flipped(bit))
        await damage(engine, SNAPSHOTS, snapshot_id, snapshot_id, flipped(bit))
        sent = [was_sent async for was_sent in responses_with_content(client, *paths)]
        assert len(set(sent)) == 1, f"only some routes refuse bit {bit}"
        assert bit < HEADER_FLIPS or not sent[0] or zlib.decompress(flipped(bit), 31) == STATE.encode()


async def test_no_flipped_bit_of_a_payload_reaches_anyone(client: Client, engine: Engine, stores: Stores) -> None:
    await check_flips(client, engine, stores, [1, 27, 31, 40, *range(HEADER_FLIPS + 3, FLIPS, 1_187)])


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_not_one_of_all_bits_that_flip_reaches_anyone(
    client: Client, engine: Engine, stores: Stores
) -> None:
    await check_flips(client, engine, stores, range(FLIPS))
