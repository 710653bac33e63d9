"""Everything that one person stores: exported with hashes, and erased."""

import asyncio
import random
from typing import Any

import orjson
import pytest

from persistence import Stores, stores_over
from persistence.content import pack
from persistence.documents import new_id
from persistence.sessions.documents import REMEMBERED_VERSIONS, NewSession, SessionChange
from persistence.storage.containers import CONTAINERS, Container
from persistence.storage.engine import COMMIT_MAX_BYTES, Engine, Item
from persistence.storage.query import Page, Query
from tests.conftest import SETTINGS, UNCACHED
from tests.support.breaking import Dies
from tests.support.engines import Around
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import assert_sound, damage, sha256, sweep
from tests.support.snapshots import damage as damage_item
from tests.support.timers import clean_up

SNAPSHOTS, DRAFTS = "persistence/snapshots", "persistence/drafts"
EXPORT, ME = "persistence/export", "persistence/me"
KINDS = ("session", "content", "activity", "idempotency", "snapshot", "visitor", "access_log")


async def exported(client: Client) -> list[dict[str, Any]]:
    """Returns every line of every call, without the last line of each, and without those about exports."""
    lines: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(100):
        response = assert_ok(await client.get(EXPORT, cursor=cursor))
        assert response.headers["content-type"].split(";")[0] == "application/x-ndjson"
        *found, end = [orjson.loads(line) for line in response.body.splitlines()]
        assert end["kind"] == "end"
        lines += [line for line in found if line.get("activity", {}).get("action") != "exported"]
        if end["pageToken"] is None:
            return lines
        cursor = end["pageToken"]
    raise AssertionError("the export does not end")


async def erased(client: Client) -> int:
    """Returns the number of calls that it took."""
    for calls in range(1, 100):
        answer = assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": client.user})).json
        if answer["done"]:
            return calls
    raise AssertionError("the erasure does not end")


async def a_life(client: Client) -> dict[str, str]:
    """Makes a session with history, a draft, a session in the trash, a deleted one, two snapshots, and a visit to
    and by another."""
    path, _ = await made(client, content="first", title="Life")
    await client.put(path, {"content": "second"})
    trashed, _ = await made(client, content="trashed")
    await client.delete(trashed)
    deleted, _ = await made(client, content="gone")
    await client.delete(deleted, purge="true")
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
    assert contents.keys() == {"first", "second", "trashed", "draft", "keyed", "mine"}
    for content, line in contents.items():
        hashed = line["revision"] if line["kind"] == "revision" else line["metadata"]
        assert hashed["contentHash"] == sha256(content)
    kinds = [line["kind"] for line in lines]
    assert (kinds.count("access_log"), kinds.count("snapshot")) == (2, 1)
    assert (kinds.count("session"), kinds.count("revision")) == (5, 7)
    sessions = {line["metadata"]["id"]: line["metadata"] for line in lines if line["kind"] == "session"}
    assert all(metadata["ownerId"] == "ann" for metadata in sessions.values())
    assert {line["sessionId"] for line in lines if line["kind"] == "revision"} == sessions.keys()


async def test_no_reader_of_lines_cuts_an_export_within_a_text(client: Client) -> None:
    breaks = "a\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029z"
    await made(client, title=breaks, description=breaks, content=breaks)
    response = assert_ok(await client.get(EXPORT))
    lines = response.body.decode().splitlines()
    assert lines == response.body.decode().removesuffix("\n").split("\n")
    [session, revision, *_] = [orjson.loads(line) for line in lines]
    assert session["metadata"]["title"] == session["metadata"]["description"] == breaks
    assert revision["content"] == breaks and revision["revision"]["contentHash"] == sha256(breaks)


async def test_a_large_export_goes_on_where_it_stopped(
    client: Client, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await a_life(client)
    await stores.access_logs.drain()
    whole = await exported(client)
    for limit in ("PAGE_BYTES", "PAGE_LINES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"functions.http.ndjson.{limit}", 1)
            assert await exported(client) == whole
    monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", 3)
    mine = orjson.loads((await client.get(EXPORT)).body.splitlines()[-1])["pageToken"]
    whose = mine.partition(":")[0]
    session_id = life["session"].rpartition("/")[2]
    assert_problem(
        await client.get(EXPORT, cursor=f"{whose}:sessions::{session_id}:snapshot"), 400, "invalid_cursor"
    )
    for bad in ("rows:nonsense::", "sessions:AAAA::", "other:::", "sessions:::x", "sessions:::-1", "sessions::"):
        assert_problem(await client.get(EXPORT, cursor=f"{whose}:{bad}"), 400, "invalid_cursor")
    assert_problem(await client.get(EXPORT, cursor="nonsense"), 400, "invalid_cursor")
    for cursor in (mine, f"{whose}:sessions:::"):
        assert_problem(await client.of("bob").get(EXPORT, cursor=cursor), 400, "invalid_cursor")


async def test_an_export_tells_what_cannot_be_read(uncached: Stores, engine: Engine, monkeypatch) -> None:
    client = Client(uncached, UNCACHED)
    head, content, snapshot, row = [(await made(client, content="sound"))[0] for _ in range(2)] + [
        assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "sound"}), 201).json for _ in range(2)
    ]
    head, content = (path.rpartition("/")[2] for path in (head, content))
    named = (await engine.read(CONTAINERS[0], content, "ann")).item["content_id"]
    await damage(engine, head, "ann", metadata="nonsense")
    await damage(engine, named, "ann", payload=b"no gzip")
    await damage_item(engine, CONTAINERS[1], snapshot, snapshot, metadata="nonsense")
    await damage_item(engine, CONTAINERS[2], row, "ann", visits="nonsense")
    for lines in (1000, 1):
        monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", lines)
        found = await exported(client)
        told = [(line["kind"], line.get("id") or line["sessionId"]) for line in found if line.get("unreadable")]
        assert sorted(told) == sorted(
            [("damaged", head), ("revision", content), ("damaged", snapshot), ("damaged", row)]
        )
        [revision] = [line for line in found if line["kind"] == "revision"]
        assert revision["revision"]["contentHash"] == sha256("sound") and "content" not in revision


async def test_an_export_goes_on_after_a_session_whose_content_is_lost(uncached: Stores, engine: Engine) -> None:
    client = Client(uncached, UNCACHED)
    lost, sound = [(await made(client, content=text))[0].rpartition("/")[2] for text in ("lost", "sound")]
    named = (await engine.read(CONTAINERS[0], lost, "ann")).item["content_id"]
    await engine.delete(CONTAINERS[0], named, "ann")
    revisions = {line["sessionId"]: line for line in await exported(client) if line["kind"] == "revision"}
    assert revisions[lost]["unreadable"] and "content" not in revisions[lost]
    assert revisions[sound]["content"] == "sound"


async def test_what_is_saved_during_an_export_is_exported_as_it_was_or_is(engine: Engine) -> None:
    class SavedInBetween(Around):
        async def query(self, container: Container, query: Query) -> Page[Item]:
            page = await self.inner.query(container, query)
            if query.kind == "session":
                for number in range(REMEMBERED_VERSIONS):
                    await other.save("ann", head.id, SessionChange(content=pack(f"later {number}")))
                await sweep(self.inner)
            return page

    settings = SETTINGS.model_copy(update={"keep_revisions": 1})
    other = stores_over(engine, settings.store_rules()).sessions
    head = await other.create("ann", NewSession(title="T", description=None, content=pack("first")))
    lines = await exported(Client(stores_over(SavedInBetween(engine), settings.store_rules()), settings))
    assert [line["content"] for line in lines if "content" in line] == [f"later {REMEMBERED_VERSIONS - 1}"]


async def test_content_that_several_revisions_have_is_exported_once(client: Client) -> None:
    path, _ = await made(client, content="one")
    assert_ok(await client.put(path, {"title": "Renamed"}))
    revisions = [line for line in await exported(client) if line["kind"] == "revision"]
    assert [line.get("content") for line in revisions] == ["one", None]
    assert {line["revision"]["contentHash"] for line in revisions} == {sha256("one")}


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
    mocker.patch("persistence.account.erasure.ERASE_ITEMS", at_once)
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


async def test_what_is_saved_while_everything_is_erased_goes_or_stays_as_a_whole(
    client: Client, engine: Engine
) -> None:
    for number in range(20):
        await made(client, content=f"{number}")
    done = asyncio.Event()

    async def tab(name: str) -> list[str]:
        saved = []
        while not done.is_set():
            path = f"{DRAFTS}/{new_id()}"
            assert_ok(await client.put(path, {"content": f"{name} one"}), 201)
            answer = await client.put(path, {"content": f"{name} two"})
            if answer.status == 200:
                saved.append(path)
        return saved

    tabs = [asyncio.create_task(tab(name)) for name in ("left", "right")]
    await asyncio.sleep(0.05)
    while not assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": "ann"})).json["done"]:
        pass
    done.set()
    acknowledged = [path for saved in await asyncio.gather(*tabs) for path in saved]
    answers = [await client.get(path) for path in acknowledged]
    assert {answer.status for answer in answers} <= {200, 404, 410}
    assert all(answer.json["content"].endswith("two") for answer in answers if answer.status == 200)
    await assert_sound(engine, "ann")
    await erased(client)
    for kind in ("content", "activity"):
        assert (await engine.query(CONTAINERS[0], Query(kind, "ann", ("id",)))).items == []


async def test_a_create_that_is_under_way_while_everything_is_erased_is_whole(engine: Engine) -> None:
    class ErasedInBetween(Around):
        async def create(self, container: Container, item: Item) -> str:
            etag = await self.inner.create(container, item)
            if item["kind"] == "content":
                erasing = Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
                assert await erased(erasing) == 1
            return etag

    # Too large for one commit: content and head are created one after the other.
    content = random.Random(1).randbytes(750_000).hex()
    assert len(pack(content).payload) > COMMIT_MAX_BYTES * 3 / 4
    client = Client(stores_over(ErasedInBetween(engine), SETTINGS.store_rules()), SETTINGS)
    path = assert_ok(await client.post(SESSIONS, {**NEW, "content": content}), 201).headers["location"]
    path = path.removeprefix("/api/")
    assert assert_ok(await client.get(path)).json["content"] == content


async def test_an_erasure_that_is_killed_at_any_write_leaves_nothing_in_part_and_is_completed(
    client: Client, engine: Engine, stores: Stores
) -> None:
    at, killed = 0, True
    while killed:
        at += 1
        life = await a_life(client)
        await stores.access_logs.drain()
        dying = Dies(engine, at, applied=at % 2 == 0)
        answer = await Client(stores_over(dying, SETTINGS.store_rules()), SETTINGS).call(
            "DELETE", ME, headers={"savepoint-confirm": "ann"}
        )
        killed = dying.dead
        assert answer.status == (503 if killed else 200)
        for path in (life["session"], f"{DRAFTS}/draft-000001", f"{SNAPSHOTS}/{life['mine']}"):
            assert (await client.get(path)).status in (200, 404, 410), f"killed at write {at}"
        assert await erased(client) == 1
        assert await exported(client) == []
        assert (await engine.query(CONTAINERS[0], Query("content", "ann", ("id",)))).items == []
    assert at > 10


async def test_what_was_left_by_something_interrupted_is_erased_once_it_is_settled(engine: Engine) -> None:
    sessions = stores_over(engine, SETTINGS.store_rules()).sessions
    head = await sessions.create("ann", NewSession(title="T", description=None, content=pack("one")))
    await engine.delete(CONTAINERS[0], head.id, "ann")
    contents = Query("content", "ann", ("id",))
    assert await erased(Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)) == 1
    assert len((await engine.query(CONTAINERS[0], contents)).items) == 1, "its head may still be written"
    settled = SETTINGS.model_copy(update={"settle_grace_seconds": 0})
    assert await erased(Client(stores_over(engine, settled.store_rules()), settled)) == 1
    assert (await engine.query(CONTAINERS[0], contents)).items == []


async def test_erasing_waits_for_visits_that_are_being_counted(client: Client, engine: Engine) -> None:
    theirs = assert_ok(await client.of("bob").post(SNAPSHOTS, {**NEW, "content": "theirs"}), 201).json
    opened, _ = await asyncio.gather(
        asyncio.gather(*(client.get(f"{SNAPSHOTS}/{theirs}") for _ in range(20))), erased(client)
    )
    assert {answer.status for answer in opened} == {200}
    assert await erased(client) == 1
    visitors = (await engine.query(CONTAINERS[1], Query("visitor", theirs, ("visitor_id",)))).items
    assert [one["visitor_id"] for one in visitors] == ["bob"]


async def test_a_session_with_a_damaged_head_does_not_stop_the_erasure(client: Client, engine: Engine) -> None:
    paths = [(await made(client))[0] for _ in range(3)]
    await damage(engine, paths[1].rpartition("/")[2], "ann", metadata="nonsense")
    answer = assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": "ann"})).json
    assert answer == {"sessions": 3, "snapshots": 0, "rows": 0, "activity": 3, "done": True}
    for kind in ("session", "content"):
        assert (await engine.query(CONTAINERS[0], Query(kind, "ann", ("id",)))).items == []


async def test_a_damaged_snapshot_goes_from_the_lists_of_those_who_opened_it(
    client: Client, engine: Engine, stores: Stores
) -> None:
    new = {**NEW, "description": "private words", "content": "x"}
    mine = assert_ok(await client.post(SNAPSHOTS, new), 201).json
    assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{mine}"))
    await stores.access_logs.drain()
    await damage_item(engine, CONTAINERS[1], mine, mine, metadata="nonsense")
    assert await erased(client) == 1
    settled = stores_over(engine, SETTINGS.model_copy(update={"settle_grace_seconds": 0}).store_rules())
    await clean_up(settled)
    [row] = (await stores.access_logs.page("bob")).items
    assert row.snapshot_deleted and row.snapshot_metadata.description is None
    assert_problem(await client.of("bob").get(f"{SNAPSHOTS}/{mine}"), 410, "gone")


async def test_a_damaged_row_does_not_let_a_person_erase_what_is_anothers(
    client: Client, engine: Engine, stores: Stores
) -> None:
    theirs = assert_ok(await client.of("bob").post(SNAPSHOTS, {**NEW, "content": "theirs"}), 201).json
    assert_ok(await client.get(f"{SNAPSHOTS}/{theirs}"))
    await stores.access_logs.drain()
    await damage_item(engine, CONTAINERS[2], theirs, "ann", owner_id=5)
    await damage_item(engine, CONTAINERS[1], theirs, theirs, metadata="nonsense")
    before = await engine.read(CONTAINERS[1], theirs, theirs)
    assert await erased(client) == 1
    assert await engine.read(CONTAINERS[1], theirs, theirs) == before


async def test_an_erasure_says_how_many_sessions_went(client: Client) -> None:
    path, _ = await made(client)
    for number in range(3):
        assert_ok(await client.put(path, {"content": f"{number}"}, {"idempotency-key": f"{number}"}))
    assert_ok(await client.post(SESSIONS, NEW, {"idempotency-key": "k"}), 201)
    answer = assert_ok(await client.call("DELETE", ME, headers={"savepoint-confirm": "ann"})).json
    assert answer == {"sessions": 2, "snapshots": 0, "rows": 0, "activity": 5, "done": True}


async def test_an_erasure_is_bounded_by_all_items_that_it_removes(client: Client, monkeypatch) -> None:
    monkeypatch.setattr("persistence.account.erasure.ERASE_ITEMS", 3)
    for _ in range(2):
        path, _ = await made(client)
        for content in ("two", "three"):
            assert_ok(await client.put(path, {"content": content}))
    # In each of two calls a head and its three contents. Then lines of activity. The last call finds nothing.
    assert await erased(client) == 4
