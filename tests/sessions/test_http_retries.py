"""Idempotency-Key: a client that loses responses and retries does everything exactly once."""

import asyncio
import gzip
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.content import CONTENT_MAX_BYTES
from persistence.documents import new_id, now
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import REMEMBERED_VERSIONS
from persistence.storage.containers import SESSIONS as SESSIONS_CONTAINER
from persistence.storage.engine import Engine
from persistence.storage.query import Query
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.sessions import sha256
from tests.support.timers import clean_up

SNAPSHOTS = "persistence/snapshots"
NEW_SNAPSHOT = {"title": "Frozen", "description": None, "content": "one"}


def key(value: str) -> dict[str, str]:
    return {"idempotency-key": value}


async def with_retries(
    chance: random.Random, call: Callable[..., Awaitable[Response]], *arguments: Any
) -> Response:
    """Calls as a client that loses one response in three, and retries then. Returns the last response."""
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
    responses = await asyncio.gather(*(client.post(path, new, key("k")) for _ in range(8)))
    assert len({assert_ok(response, 201).body for response in responses}) == 1
    assert await ids(client, path) == [responses[0].json]


class Failing(Around):
    """Fails the n-th write, before or after it is applied."""

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
    failing = Client(stores_over(Failing(engine, at, after), SETTINGS.store_rules()), SETTINGS)
    made_now = await failing.post(path, new, key("k"))
    for _ in range(2):
        # The failure meets the first request or its retry.
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
        response = await with_retries(chance, client.post, SESSIONS, new, key(new_id()))
        created.append(assert_ok(response, 201).json)
        path, etag, sent = f"{SESSIONS}/{response.json}", response.etag, f"{number}-0"
        for step in range(1, 4):
            sent, headers = f"{number}-{step}", {"if-match": etag, **key(new_id())}
            etag = assert_ok(await with_retries(chance, client.put, path, {"content": sent}, headers)).etag
        headers = {"if-match": etag, "content-type": "application/merge-patch+json", **key(new_id())}
        body = {"title": f"Session {number}"}
        patched = await with_retries(chance, client.call, "PATCH", path, body, headers)
        found = assert_ok(await client.get(path)).json
        assert (found["content"], found["metadata"]["version"]) == (sent, 5)
        assert (found["metadata"]["contentHash"], found["metadata"]["etag"]) == (sha256(sent), patched.etag)
    assert sorted(await ids(client, SESSIONS)) == sorted(created)


async def test_drafts_snapshots_and_moves_are_done_once_by_such_a_client(client: Client) -> None:
    chance = random.Random(11)

    async def done(method: str, path: str, body: Any, **headers: str) -> Response:
        named = {"content-type": "application/json", **headers, **key(new_id())}
        response = await with_retries(chance, client.call, method, path, body, named)
        assert response.status in (200, 201), response
        return response

    frozen = []
    for number in range(12):
        draft_id = new_id()
        draft, session = f"persistence/drafts/{draft_id}", f"{SESSIONS}/{draft_id}"
        for step in range(3):
            await done("PUT", draft, {"content": f"{number}-{step}"})
        promoted = await done("POST", f"{draft}/promote", b"")
        assert promoted.json["version"] == 4
        await done("PUT", f"{session}/content", b"raw", **{"content-type": "text/plain"})
        frozen.append((await done("POST", SNAPSHOTS, {"sessionId": draft_id})).json)
        await done("POST", f"{session}/revisions/4/restore", b"")
        closed = await done("POST", f"{session}/close", b"")
        found = assert_ok(await client.get(session)).json
        assert found["metadata"] == closed.json and found["metadata"]["version"] == 7
        assert found["content"] == f"{number}-2"
        assert (await client.get(f"{SNAPSHOTS}/{frozen[-1]}")).json["content"] == "raw"
    assert sorted(await ids(client, SNAPSHOTS)) == sorted(frozen)


MERGE_PATCH = {"content-type": "application/merge-patch+json"}
TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (
            ("PUT", "", {"content": "two"}, {}),
            [
                ("PUT", "", {"content": "two", "description": "d"}, {}),
                ("PUT", "", {"content": "two", "app": "a"}, {}),
                ("PUT", "", {"content": "three"}, {}),
                ("PUT", "/content", b"two", TEXT),
                ("PATCH", "", {"description": "d"}, MERGE_PATCH),
                ("POST", "/close", b"", {}),
            ],
        ),
        (
            ("PUT", "/content", b"two", TEXT),
            [("PUT", "/content", b"two", {"content-type": "text/html"}), ("PUT", "/content", b"three", TEXT)],
        ),
        (
            ("PATCH", "", {"description": "d"}, MERGE_PATCH),
            [
                ("PATCH", "", {"description": "e"}, MERGE_PATCH),
                ("PATCH", "", {"description": "d", "app": "a"}, MERGE_PATCH),
                ("PATCH", "", {"app": None}, MERGE_PATCH),
            ],
        ),
        (
            ("POST", "/revisions/1/restore", b"", {}),
            [("POST", "/revisions/2/restore", b"", {}), ("PUT", "", {"content": "one"}, {})],
        ),
    ],
    ids=["put", "content", "patch", "restore"],
)
async def test_a_key_stands_for_one_change(client: Client, first, others) -> None:
    path, _ = await made(client)
    assert_ok(await client.put(path, {"content": "before"}))
    method, below, body, headers = first
    done = assert_ok(await client.call(method, path + below, body, {**headers, **key("k")}))
    for method, below, body, headers in others:
        response = await client.call(method, path + below, body, {**headers, **key("k")})
        assert_problem(response, 422, "key_reused")
    assert (await client.get(path)).etag == done.etag


async def test_the_same_content_gzipped_anew_is_a_repeat(client: Client) -> None:
    path, _ = await made(client)
    headers = {**TEXT, "content-encoding": "gzip", **key("k")}
    first = assert_ok(await client.put(f"{path}/content", gzip.compress(b"two" * 99, mtime=1), headers))
    again = assert_ok(await client.put(f"{path}/content", gzip.compress(b"two" * 99, 1, mtime=2), headers))
    assert again.etag == first.etag == (await client.get(path)).etag


@pytest.mark.parametrize("keep", [1, 20])
async def test_a_save_that_was_overwritten_since_is_known_again(engine: Engine, keep: int) -> None:
    client = Client(
        stores_over(engine, SETTINGS.model_copy(update={"keep_revisions": keep}).store_rules()), SETTINGS
    )
    path, _ = await made(client)
    first = assert_ok(await client.put(path, {"content": "mine"}, key("k")))
    for number in range(REMEMBERED_VERSIONS - 1):
        assert_ok(await client.put(path, {"content": f"another's {number}"}))
        assert assert_ok(await client.put(path, {"content": "mine"}, key("k"))).etag == first.etag
    assert (await client.get(path)).json["content"] == f"another's {number}"


async def test_a_repeated_move_answers_the_status_that_it_led_to(client: Client) -> None:
    path, _ = await made(client)
    closed = assert_ok(await client.post(f"{path}/close", b"", key("k")))
    assert_ok(await client.post(f"{path}/reopen", b""))
    assert assert_ok(await client.post(f"{path}/close", b"", key("k"))).json == closed.json
    assert (await client.get(path)).json["metadata"]["status"] == "active"


def limited(engine: Engine, **limits: int) -> Client:
    return Client(stores_over(engine, SETTINGS.model_copy(update=limits).store_rules()), SETTINGS)


@pytest.mark.parametrize("limits", [{"snapshots_max": 1}, {"stored_bytes_max": 3}])
@pytest.mark.parametrize("at", [2, 3])
async def test_an_interrupted_create_does_not_stand_in_its_own_way(engine: Engine, limits, at: int) -> None:
    client = limited(Failing(engine, at, after=False), **limits)
    assert (await client.post(SNAPSHOTS, NEW_SNAPSHOT, key("k"))).status == 503
    retried = assert_ok(await client.post(SNAPSHOTS, NEW_SNAPSHOT, key("k")), 201)
    assert await ids(client, SNAPSHOTS) == [retried.json]
    assert (await client.post(SNAPSHOTS, NEW_SNAPSHOT, key("other"))).status in (429, 507)


@pytest.mark.parametrize(
    ("path", "new", "limits"),
    [(SESSIONS, NEW, {"sessions_max": 1}), (SNAPSHOTS, NEW_SNAPSHOT, {"snapshots_max": 1})],
)
async def test_the_last_one_allowed_can_be_sent_many_times_at_once(engine: Engine, path: str, new, limits) -> None:
    client = limited(engine, **limits)
    responses = await asyncio.gather(*(client.post(path, new, key("k")) for _ in range(8)))
    assert len({assert_ok(response, 201).body for response in responses}) == 1
    assert_problem(await client.post(path, new, key("other")), 429, "too_many")


async def test_the_library_says_what_the_snapshot_is_though_its_first_try_was_another(engine: Engine) -> None:
    failing = Client(stores_over(Failing(engine, 4, after=False), SETTINGS.store_rules()), SETTINGS)
    path, _ = await made(failing, description="secret words", content="one")
    copy = {"sessionId": path.rpartition("/")[2]}
    assert (await failing.post(SNAPSHOTS, copy, key("k"))).status == 503
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    assert_ok(await client.put(path, {"title": "New title", "description": "", "content": "two two"}))
    snapshot_id = assert_ok(await client.post(SNAPSHOTS, copy, key("k")), 201).json
    shown = assert_ok(await client.get(f"{SNAPSHOTS}/{snapshot_id}")).json["metadata"]
    [listed] = assert_ok(await client.get(SNAPSHOTS)).json["items"]
    assert listed == shown and listed["contentHash"] == sha256("two two") and listed["description"] is None


async def test_a_try_that_loses_to_another_of_its_own_answers_what_that_one_made(engine: Engine) -> None:
    class Overtaken(Around):
        overtake: Callable[[], Awaitable[object]] | None = None

        async def commit(self, container, partition, operations):
            if (overtake := self.overtake) is not None:
                self.overtake = None
                await overtake()
            return await self.inner.commit(container, partition, operations)

    overtaken = Overtaken(engine)
    slow, fast = (Client(stores_over(one, SETTINGS.store_rules()), SETTINGS) for one in (overtaken, engine))
    path, _ = await made(fast)
    copy, headers = {"sessionId": path.rpartition("/")[2]}, {**key("k"), "prefer": "return=representation"}
    responses = []

    async def overtake() -> None:
        assert_ok(await fast.put(path, {"title": "New title", "content": "two"}))
        responses.append(assert_ok(await fast.post(SNAPSHOTS, copy, headers), 201).json)

    overtaken.overtake = overtake
    responses.append(assert_ok(await slow.post(SNAPSHOTS, copy, headers), 201).json)
    assert responses[0] == responses[1]
    [listed] = assert_ok(await fast.get(SNAPSHOTS)).json["items"]
    shown = assert_ok(await fast.get(f"{SNAPSHOTS}/{listed['id']}")).json["metadata"]
    assert listed == shown and shown["title"] == "New title"


async def test_a_repeat_that_comes_after_its_snapshot_has_expired_is_told_so(client: Client, mocker) -> None:
    expires_at = now() + timedelta(minutes=1)
    new = {**NEW_SNAPSHOT, "expiresAt": expires_at.isoformat()}
    assert_ok(await client.post(SNAPSHOTS, new, key("k")), 201)
    mocker.patch("persistence.snapshots.reads.now", return_value=expires_at + timedelta(seconds=1))
    assert_problem(await client.post(SNAPSHOTS, new, key("k")), 410, "gone")


@pytest.mark.parametrize(
    ("path", "refused", "status"),
    [
        (SESSIONS, {**NEW, "content": "x" * (CONTENT_MAX_BYTES + 1)}, 413),
        (SNAPSHOTS, {**NEW_SNAPSHOT, "content": "x" * (CONTENT_MAX_BYTES + 1)}, 413),
        (SNAPSHOTS, {**NEW_SNAPSHOT, "expiresAt": "2001-01-01T00:00:00Z"}, 422),
        (SNAPSHOTS, {"sessionId": "AAAAAAAAAAAA"}, 404),
    ],
)
async def test_a_create_that_is_refused_does_not_spend_its_key(
    client: Client, engine: Engine, path: str, refused, status: int
) -> None:
    assert (await client.post(path, refused, key("k"))).status == status
    assert (await engine.query(SESSIONS_CONTAINER, Query("idempotency", "ann", ("id",)))).items == []
    assert_ok(await client.post(path, NEW if path == SESSIONS else NEW_SNAPSHOT, key("k")), 201)


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
    await clean_up(stores)
    assert len((await engine.query(SESSIONS_CONTAINER, records)).items) == 1
    at = now()
    mocker.patch("persistence.timers.run.now", return_value=at + timedelta(hours=23, minutes=59))
    assert (await clean_up(stores, daily=True)).reservations_forgotten == 0
    mocker.patch("persistence.timers.run.now", return_value=at + timedelta(hours=24, minutes=1))
    counts = await clean_up(stores, daily=True)
    assert counts.reservations_forgotten == 1
    assert (await engine.query(SESSIONS_CONTAINER, records)).items == []
    assert assert_ok(await client.post(SESSIONS, NEW, key("k")), 201).json != first.json
