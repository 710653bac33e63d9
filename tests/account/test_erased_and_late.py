"""Saves of sessions that are being erased, stale reads after a create, and damage that must not stop erasure."""

from collections.abc import Sequence

import pytest

from persistence import stores_over
from persistence.content import pack
from persistence.errors import ItemNotFound, NotFound
from persistence.sessions.documents import SessionChange
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SNAPSHOTS as SNAPSHOTS_CONTAINER
from persistence.storage.containers import Container
from persistence.storage.engine import PAYLOAD, Create, Engine, Item, Replace, Stored
from tests.conftest import SETTINGS, UNCACHED
from tests.support.engines import AnswersLost, Around
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import OWNER, content_ids, new, session_store, stored_heads, sweep

SNAPSHOTS = "persistence/snapshots"


class ErasesBeforeReplace(Around):
    """Erases the head between its read and its replace."""

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self.inner.delete(container, item["id"], item[container.partition_key])
        return await self.inner.replace(container, item, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        if isinstance(operations[0], Replace):
            await self.inner.delete(container, operations[0].item["id"], partition)
        return await self.inner.commit(container, partition, operations)


class ReadsNothingAtFirst(Around):
    """The first reads of each item find nothing, as on a replica without the create."""

    def __init__(self, inner: Engine, times: int) -> None:
        super().__init__(inner)
        self.times = times
        self.left: dict[str, int] = {}

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if self.left.setdefault(id, self.times) > 0:
            self.left[id] -= 1
            raise ItemNotFound
        return await self.inner.read(container, id, partition)


@pytest.mark.each_way
async def test_a_save_of_what_is_being_erased_finds_nothing_and_leaves_nothing(engine: Engine) -> None:
    head = await session_store(engine).create(OWNER, new())
    with pytest.raises(NotFound):
        await session_store(ErasesBeforeReplace(engine)).save(OWNER, head.id, SessionChange(content=pack("two")))
    assert await stored_heads(engine) == []
    await sweep(engine)
    assert await content_ids(engine) == set()


async def test_a_repeated_create_is_patient_with_late_reads(engine: Engine) -> None:
    lossy = AnswersLost(ReadsNothingAtFirst(engine, times=2), ["create", "commit"], times=2)
    client = Client(stores_over(lossy, SETTINGS.store_rules()), SETTINGS, OWNER)
    first = assert_ok(await client.post(SESSIONS, NEW, {"idempotency-key": "k"}), 201)
    again = assert_ok(await client.post(SESSIONS, NEW, {"idempotency-key": "k"}), 201)
    assert (again.body, again.etag) == (first.body, first.etag)
    assert len(await stored_heads(engine)) == 1


async def test_a_repeated_create_never_answers_with_the_etag_of_a_later_save(engine: Engine) -> None:
    client = Client(stores_over(engine, SETTINGS.model_copy(update={"keep_revisions": 1}).store_rules()), SETTINGS)
    first = assert_ok(await client.post(SESSIONS, NEW, {"idempotency-key": "k"}), 201)
    assert_ok(await client.put(f"{SESSIONS}/{first.json}", {"content": "of another tab"}))
    again = assert_ok(await client.post(SESSIONS, NEW, {"idempotency-key": "k"}), 201)
    assert (again.body, again.etag) == (first.body, first.etag)


class SavesBeforeContentIsRead(Around):
    """Another tab saves after the commit of a rename, before the response is made."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.armed: tuple[SessionStore, str] | None = None

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if self.armed and "~" in id:
            (other, session_id), self.armed = self.armed, None
            await other.save(partition, session_id, SessionChange(content=pack("of another tab")))
        return await self.inner.read(container, id, partition)


async def test_a_rename_answers_with_what_it_committed_and_nothing_later(engine: Engine) -> None:
    racing = SavesBeforeContentIsRead(engine)
    client = Client(stores_over(racing, UNCACHED.store_rules()), UNCACHED, OWNER)
    path, etag = await made(client)
    racing.armed = (session_store(engine), path.rpartition("/")[2])
    renamed = assert_ok(await client.put(path, {"title": "Renamed"}, {"if-match": etag}))
    assert renamed.json["content"] == "one"
    assert renamed.json["metadata"]["version"] == 2
    assert_problem(await client.put(path, {"content": "mine"}, {"if-match": renamed.etag}), 412, "changed")


async def test_a_damaged_snapshot_does_not_keep_a_person_from_being_erased(engine: Engine) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    client = Client(stores, SETTINGS)
    snapshot_id = assert_ok(await client.post(SNAPSHOTS, NEW), 201).json
    stored = await engine.read(SNAPSHOTS_CONTAINER, snapshot_id, snapshot_id)
    await engine.replace(SNAPSHOTS_CONTAINER, {**stored.item, "metadata": 5}, stored.etag)
    erased = assert_ok(await client.call("DELETE", "persistence/me", headers={"savepoint-confirm": client.user}))
    assert erased.json["done"]
    left = await engine.read(SNAPSHOTS_CONTAINER, snapshot_id, snapshot_id)
    assert left.item["metadata"]["title"] == "" and PAYLOAD not in left.item and left.item["deleted_at"]
    assert_problem(await client.get(f"{SNAPSHOTS}/{snapshot_id}"), 410, "gone")


async def test_faults_of_a_body_point_into_the_body(engine: Engine) -> None:
    client = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    missing = await client.put("persistence/drafts/draft-000001", {"title": "x"})
    past = await client.post(SNAPSHOTS, {**NEW, "expiresAt": "2020-01-01T00:00:00Z"})
    number = await client.post(SNAPSHOTS, {**NEW, "expiresAt": 4_102_444_800})
    for response, pointer in ((missing, "#/content"), (past, "#/expiresAt"), (number, "#/expiresAt")):
        [fault] = assert_problem(response, 422, "invalid_request")["errors"]
        assert fault["pointer"] == pointer
