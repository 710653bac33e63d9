"""Idempotency-Key: a client that loses answers and repeats does everything exactly once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id
from persistence.engines.containers import SESSIONS as SESSIONS_CONTAINER
from persistence.engines.engine import Engine
from persistence.errors import StoreUnavailable
from persistence.query import Query
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.sessions import sha256

SNAPSHOTS = "persistence/snapshots"
NEW_SNAPSHOT = {"title": "Frozen", "description": None, "content": "one"}


def key(value: str) -> dict[str, str]:
    return {"idempotency-key": value}


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, SETTINGS)


async def repeated(chance: random.Random, call: Callable[..., Awaitable[Response]], *arguments: Any) -> Response:
    """What a client does whose answer is lost one time in three."""
    response = await call(*arguments)
    while chance.random() < 1 / 3:
        response = await call(*arguments)
    return response


async def ids(client: Client, path: str) -> list[str]:
    page = assert_ok(await client.get(path, page_size="100")).json
    assert page["pageToken"] is None
    return [item["id"] for item in page["items"]]


@pytest.mark.parametrize(("path", "new"), [(SESSIONS, NEW), (SNAPSHOTS, NEW_SNAPSHOT)])
async def test_a_repeated_create_answers_as_the_first_one_did(client: Client, path: str, new) -> None:
    first = assert_ok(await client.post(path, new, key("k1")), 201)
    again = assert_ok(await client.post(path, new, key("k1")), 201)
    assert (again.body, again.headers["location"]) == (first.body, first.headers["location"])
    assert again.headers.get("etag") == first.headers.get("etag")
    assert_problem(await client.post(path, {**new, "title": "Other"}, key("k1")), 422, "key_reused")
    other = assert_ok(await client.post(path, new, key("k2")), 201)
    unnamed = assert_ok(await client.post(path, new), 201)
    assert sorted(await ids(client, path)) == sorted([first.json, other.json, unnamed.json])


async def test_keys_of_other_people_and_of_other_kinds_are_apart(client: Client) -> None:
    mine = assert_ok(await client.post(SESSIONS, NEW, key("k")), 201)
    theirs = assert_ok(await client.of("bob").post(SESSIONS, NEW, key("k")), 201)
    snapshot = assert_ok(await client.post(SNAPSHOTS, NEW_SNAPSHOT, key("k")), 201)
    assert len({mine.json, theirs.json, snapshot.json}) == 3


async def test_the_first_answer_is_repeated_though_the_session_has_changed(client: Client) -> None:
    first = assert_ok(await client.post(SESSIONS, NEW, key("k")), 201)
    assert_ok(await client.put(f"{SESSIONS}/{first.json}", {"content": "two"}))
    again = assert_ok(await client.post(SESSIONS, NEW, key("k")), 201)
    assert (again.body, again.etag) == (first.body, first.etag)
    await client.delete(f"{SESSIONS}/{first.json}")
    assert_problem(await client.post(SESSIONS, NEW, key("k")), 410, "gone")


@pytest.mark.parametrize(("path", "new"), [(SESSIONS, NEW), (SNAPSHOTS, NEW_SNAPSHOT)])
async def test_repeats_at_the_same_time_make_one(client: Client, path: str, new) -> None:
    answers = await asyncio.gather(*(client.post(path, new, key("k")) for _ in range(8)))
    assert len({assert_ok(answer, 201).body for answer in answers}) == 1
    assert await ids(client, path) == [answers[0].json]


class Failing(Around):
    """Fails the n-th write, before or after it is carried out."""

    def __init__(self, inner: Engine, at: int, after: bool) -> None:
        super().__init__(inner)
        self.left, self.after = at, after

    async def _write(self, work: Callable[[], Awaitable[object]]) -> object:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise StoreUnavailable
        result = await work()
        if self.left == 0:
            raise StoreUnavailable
        return result

    async def create(self, container, item):
        return await self._write(lambda: self.inner.create(container, item))

    async def commit(self, container, partition, operations):
        return await self._write(lambda: self.inner.commit(container, partition, operations))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize(("path", "new"), [(SESSIONS, NEW), (SNAPSHOTS, NEW_SNAPSHOT)])
async def test_a_create_that_was_interrupted_is_completed_by_its_repeat(
    engine: Engine, path: str, new, at: int, after: bool
) -> None:
    failing = Client(stores_over(Failing(engine, at, after), SETTINGS), SETTINGS)
    made_now = await failing.post(path, new, key("k"))
    for _ in range(2):
        # Interrupted once, now or while it is repeated.
        assert made_now.status in (201, 503)
        made_now = await failing.post(path, new, key("k"))
    assert_ok(made_now, 201)
    assert await ids(failing, path) == [made_now.json]
    assert assert_ok(await failing.get(f"{path}/{made_now.json}")).json["content"] == "one"


async def test_a_client_that_loses_one_answer_in_three_does_everything_once(client: Client) -> None:
    chance = random.Random(7)
    created = []
    for number in range(12):
        new = {**NEW, "content": f"{number}-0"}
        response = await repeated(chance, client.post, SESSIONS, new, key(new_id()))
        created.append(assert_ok(response, 201).json)
        path, etag, sent = f"{SESSIONS}/{response.json}", response.etag, f"{number}-0"
        for step in range(1, 4):
            sent, headers = f"{number}-{step}", {"if-match": etag, **key(new_id())}
            etag = assert_ok(await repeated(chance, client.put, path, {"content": sent}, headers)).etag
        headers = {"if-match": etag, "content-type": "application/merge-patch+json", **key(new_id())}
        body = {"title": f"Session {number}"}
        patched = await repeated(chance, client.call, "PATCH", path, body, headers)
        found = assert_ok(await client.get(path)).json
        assert (found["content"], found["metadata"]["version"]) == (sent, 5)
        assert (found["metadata"]["contentHash"], found["metadata"]["etag"]) == (sha256(sent), patched.etag)
    assert sorted(await ids(client, SESSIONS)) == sorted(created)


@pytest.mark.parametrize("bad", ["", "x" * 256])
async def test_a_key_of_no_use_is_refused(client: Client, bad: str) -> None:
    path, _ = await made(client)
    for response in (
        await client.post(SESSIONS, NEW, key(bad)),
        await client.put(path, {"content": "two"}, key(bad)),
        await client.post(f"{path}/close", b"", key(bad)),
    ):
        assert_problem(response, 400, "invalid_header")


async def test_the_timer_forgets_keys_after_a_day(client: Client, stores: Stores, engine: Engine, mocker) -> None:
    first = assert_ok(await client.post(SESSIONS, NEW, key("k")), 201)
    records = Query("idempotency", "ann", ("id",))
    await stores.cleanup.run()
    assert len((await engine.query(SESSIONS_CONTAINER, records)).items) == 1
    mocker.patch("persistence.cleanup.RESERVATION_RETENTION", timedelta(seconds=-1))
    counts = await stores.cleanup.run()
    assert counts.reservations_forgotten == 1
    assert (await engine.query(SESSIONS_CONTAINER, records)).items == []
    assert assert_ok(await client.post(SESSIONS, NEW, key("k")), 201).json != first.json
