"""A person whose partition of the database is full: saves are refused, deleting works, and nobody else notices."""

from datetime import timedelta

import pytest

from persistence import stores_over
from persistence.storage.containers import SESSIONS as CONTAINER
from persistence.storage.engine import Engine
from persistence.storage.query import Query
from tests.conftest import SETTINGS
from tests.support.activity import OWNER, stored_lines
from tests.support.breaking import FullOwner
from tests.support.clock import Clock
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.imports import pages
from tests.support.sessions import count
from tests.support.timers import run_daily

pytestmark = pytest.mark.each_way

SNAPSHOTS, DRAFTS = "persistence/snapshots", "persistence/drafts"
TRASH, ME, SYNC = "persistence/trash", "persistence/me", "persistence/sync"
CONFIRMED = {"Savepoint-Confirm": OWNER}


@pytest.fixture
def full(engine: Engine) -> FullOwner:
    return FullOwner(engine)


@pytest.fixture
def person(full: FullOwner) -> Client:
    return Client(stores_over(full, SETTINGS.store_rules()), SETTINGS, OWNER)


async def test_a_save_is_507_without_a_time_to_retry_and_others_are_served(
    person: Client, full: FullOwner
) -> None:
    path, _ = await made(person)
    full.owner = OWNER
    for refused in (await person.put(path, {"content": "more"}), await person.post(SESSIONS, NEW)):
        problem = assert_problem(refused, 507, "storage_full")
        assert "retry-after" not in refused.headers and "retryAfter" not in problem
    assert_ok(await person.get(path))
    assert_ok(await person.of("bob").post(SESSIONS, NEW), 201)


async def test_trash_purge_and_erasure_need_no_room_for_their_lines(
    person: Client, full: FullOwner, engine: Engine
) -> None:
    paths = [(await made(person))[0] for _ in range(4)]
    before = await stored_lines(engine)
    full.owner = OWNER
    for path in paths[:2]:
        assert_ok(await person.delete(path), 204)
    assert_ok(await person.delete(f"{TRASH}/{paths[0].rpartition('/')[2]}"), 204)
    assert_ok(await person.delete(paths[2], purge="true"), 204)
    for path in paths[:3]:
        assert_problem(await person.get(path), 410, "gone")
    assert await stored_lines(engine) == before
    assert_ok(await person.delete(ME, CONFIRMED))
    assert (await engine.query(CONTAINER, Query(None, OWNER, ("id",)))).items == []


async def test_a_snapshot_is_deleted_and_its_entry_marked(person: Client, full: FullOwner) -> None:
    ids = [assert_ok(await person.post(SNAPSHOTS, NEW), 201).json for _ in range(2)]
    full.owner = OWNER
    assert_ok(await person.delete(f"{SNAPSHOTS}/{ids[0]}"), 204)
    assert_problem(await person.get(f"{SNAPSHOTS}/{ids[0]}"), 410, "gone")
    library = assert_ok(await person.get(SNAPSHOTS)).json["items"]
    assert [one["id"] for one in library] == ids[1:]


@pytest.mark.parametrize("way", ["draft", "active", "closed", "named"])
async def test_every_session_can_be_deleted_and_loses_no_content(
    person: Client, full: FullOwner, way: str
) -> None:
    """The tenth version has a digit more. The history keeps twenty without a name."""
    for saves in (0, 1, 8, 20):
        id = await saved(person, way, saves)
        path, in_trash = f"{DRAFTS if way == 'draft' else SESSIONS}/{id}", f"{TRASH}/{id}"
        before = await contents(person, id)
        full.owner = OWNER
        assert_ok(await person.delete(path), 204)
        full.owner = None
        assert_ok(await person.post(f"{in_trash}/restore", b""))
        after = await contents(person, id)
        # As ever, deleting and restoring are versions that push two others out of a history that has its most.
        assert after.keys() >= set(list(before)[: -2 if saves == 20 else None])
        assert set(after.values()) >= set(before.values())
        full.owner = OWNER
        assert_ok(await person.delete(path), 204)
        assert_ok(await person.delete(in_trash), 204)
        assert_problem(await person.get(path), 410, "gone")
        full.owner = None


async def saved(person: Client, way: str, saves: int) -> str:
    """Returns the id of a session that was saved so often, with the shortest title."""
    path = f"{DRAFTS}/draft-{saves:06}"
    if way == "draft":
        assert_ok(await person.put(path, {"title": "t", "content": "0"}), 201)
    else:
        path, _ = await made(person, title="t", content="0")
    for number in range(1, saves + 1):
        if way == "named" and number < 20:
            assert_ok(await person.put(f"{path}/revisions/{number}/name", {"name": f"N{number}"}))
        assert_ok(await person.put(path, {"content": f"{number}"}))
    if way == "closed":
        assert_ok(await person.post(f"{path}/close", b""))
    return path.rpartition("/")[2]


async def contents(person: Client, id: str) -> dict[str, str | None]:
    """Returns the hash of each content in the history, newest first, with the name of its version."""
    lines = [line for page in await pages(person, f"{SESSIONS}/{id}/export") for line in page]
    versions = [line for line in lines if line["kind"] == "revision"]
    found = {line["revision"]["contentHash"]: line["revision"]["name"] for line in versions}
    assert found.keys() == {line["revision"]["contentHash"] for line in versions if "content" in line}
    return found


async def test_one_atomic_sync_moves_several_sessions_to_the_trash(
    person: Client, full: FullOwner, engine: Engine
) -> None:
    if not await engine.has_conditional_commits():
        pytest.skip("this database has no atomic sync")
    ids = [(await made(person))[0].rpartition("/")[2] for _ in range(2)]
    full.owner = OWNER
    items = [{"op": "trash", "id": id} for id in ids]
    assert_ok(await person.post(SYNC, {"mode": "atomic", "items": items}))
    listed = assert_ok(await person.get(TRASH)).json["items"]
    assert sorted(one["id"] for one in listed) == sorted(ids)


async def test_the_timers_go_on_for_everybody_and_purge_what_is_due(
    full: FullOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    stores = stores_over(full, SETTINGS.store_rules())
    client = Client(stores, SETTINGS, OWNER)
    for one in (client, client.of("bob")):
        assert_ok(await one.put("persistence/drafts/draft-000001", {"content": "one"}), 201)
    clock.advance(days=31)
    full.owner = OWNER
    counts = await run_daily(stores)
    assert counts["drafts purged"] == 2
    assert await count(full, "draft", "bob") == 0


async def test_the_timers_count_a_line_that_has_no_room_as_skipped(
    full: FullOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    stores = stores_over(full, SETTINGS.store_rules())
    client = Client(stores, SETTINGS, OWNER)
    path, _ = await made(client)
    expiring = {**NEW, "expiresAt": (clock.at + timedelta(minutes=30)).isoformat()}
    assert_ok(await client.post(SNAPSHOTS, expiring), 201)
    assert (await stores.timers.run("sweep_sessions"))["skipped"] == 0
    full.owner = OWNER
    assert_ok(await client.delete(path), 204)
    clock.advance(hours=1)
    counts = await stores.timers.run("sweep_sessions")
    assert (counts["skipped"], counts["lines_written"]) == (1, 0)
    counts = await run_daily(stores)
    assert (counts["skipped"], counts["snapshots_expired"]) == (1, 1)
