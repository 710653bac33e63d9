"""How much one person may store, how fast they may open snapshots, and the usage that they see."""

import asyncio
from datetime import timedelta

import pytest

from functions.http.errors import TooFast
from functions.http.rate_limit import TokenBuckets
from persistence import Stores, stores_over
from persistence.documents import now
from persistence.storage.engine import Engine
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made

SNAPSHOTS, DRAFTS, USAGE = "persistence/snapshots", "persistence/drafts", "persistence/usage"


def limited(engine: Engine, **limits: int) -> Client:
    environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"}
    settings = Settings.from_environ(environ | {name.upper(): str(value) for name, value in limits.items()})
    return Client(stores_over(engine, settings.store_rules()), settings)


async def used(client: Client) -> dict[str, int]:
    amounts: dict[str, int] = assert_ok(await client.get(USAGE)).json["used"]
    return amounts


def all_bytes(stored: int, *, kept: int | None = None, trash: int = 0) -> dict[str, int]:
    """What the usage shows of bytes. Without a history, `kept` is the rest together."""
    return {"storedBytes": stored, "keptBytes": stored + trash if kept is None else kept, "trashBytes": trash}


async def test_the_number_of_sessions_is_bounded(engine: Engine) -> None:
    client = limited(engine, sessions_max=2)
    path, _ = await made(client)
    await made(client)
    problem = assert_problem(await client.post(SESSIONS, NEW), 429, "too_many")
    assert (problem["what"], problem["used"], problem["limit"]) == ("sessions", 2, 2)
    assert_ok(await client.put(path, {"content": "still saved"}))
    await made(client.of("bob"))
    await client.delete(path)
    await made(client)


async def test_promoting_a_draft_counts_as_a_session(engine: Engine) -> None:
    client = limited(engine, sessions_max=1, drafts_max=1)
    assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": "a"}), 201)
    refused = await client.put(f"{DRAFTS}/draft-000002", {"content": "a"})
    assert assert_problem(refused, 429, "too_many")["what"] == "drafts"
    assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": "b"}))
    path, _ = await made(client)
    assert_problem(await client.post(f"{DRAFTS}/draft-000001/promote", b""), 429, "too_many")
    await client.delete(path)
    assert_ok(await client.post(f"{DRAFTS}/draft-000001/promote", b""))
    assert await used(client) == {
        "sessions": 1,
        "drafts": 0,
        "snapshots": 0,
        **all_bytes(1, kept=len("a") + len("b") + len(NEW["content"]), trash=len(NEW["content"])),
    }


async def test_the_number_of_snapshots_is_bounded(engine: Engine) -> None:
    client = limited(engine, snapshots_max=1)
    new = {**NEW, "content": "frozen"}
    first = assert_ok(await client.post(SNAPSHOTS, new), 201).json
    assert assert_problem(await client.post(SNAPSHOTS, new), 429, "too_many")["what"] == "snapshots"
    await client.delete(f"{SNAPSHOTS}/{first}")
    assert_ok(await client.post(SNAPSHOTS, new), 201)


async def test_the_bytes_are_bounded_for_what_grows(engine: Engine) -> None:
    client = limited(engine, stored_bytes_max=10)
    path, etag = await made(client, content="123456")
    problem = assert_problem(await client.post(SESSIONS, {**NEW, "content": "12345"}), 507, "storage_full")
    assert (problem["used"], problem["limit"]) == (6, 10)
    assert_problem(await client.put(path, {"content": "1" * 11}), 507, "storage_full")
    assert (await client.get(path)).json["metadata"]["etag"] == etag
    assert_ok(await client.put(path, {"content": "1" * 10}))
    assert_ok(await client.put(path, {"content": "2" * 10}))
    assert_ok(await client.put(path, {"content": "smaller"}))
    assert_problem(await client.post(SNAPSHOTS, {**NEW, "content": "1234"}), 507, "storage_full")
    assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "123"}), 201)
    assert (await used(client))["storedBytes"] == 10


async def test_usage_tells_what_is_used_and_allowed(engine: Engine) -> None:
    client = limited(engine, sessions_max=5, stored_bytes_max=1000, kept_bytes_max=500)
    await made(client, content="ä")
    deleted, _ = await made(client, content="gone")
    await client.delete(deleted)
    assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": "abc"}), 201)
    assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "four"}), 201)
    usage = assert_ok(await client.get(USAGE)).json
    assert usage["used"] == {"sessions": 1, "drafts": 1, "snapshots": 1, **all_bytes(9, trash=4)}
    assert usage["limits"] == {"sessions": 5, "drafts": 0, "snapshots": 0, **all_bytes(1000, kept=500)}
    assert (await used(client.of("bob"))) == {"sessions": 0, "drafts": 0, "snapshots": 0, **all_bytes(0)}


async def test_without_limits_nothing_is_counted(engine: Engine) -> None:
    counting = CountingReads(engine)
    client = Client(stores_over(counting, SETTINGS.store_rules()), SETTINGS)
    path, _ = await made(client)
    assert_ok(await client.put(path, {"content": "two"}))
    assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "four"}), 201)
    assert "aggregate" not in counting.verbs


async def test_snapshots_are_opened_only_so_fast(engine: Engine, mocker) -> None:
    clock = mocker.patch("functions.http.rate_limit.time.monotonic", return_value=1000.0)
    client = limited(engine, snapshot_opens_per_minute=3)
    snapshot_id = assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "x"}), 201).json
    for path in (f"{SNAPSHOTS}/{snapshot_id}", f"{SNAPSHOTS}/{snapshot_id}/content"):
        assert_ok(await client.get(path))
    assert_problem(await client.get(f"{SNAPSHOTS}/guessed-0001"), 404, "not_found")
    refused = await client.get(f"{SNAPSHOTS}/{snapshot_id}")
    assert_problem(refused, 429, "too_fast")
    assert refused.headers["retry-after"] == "20"
    assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{snapshot_id}"))
    clock.return_value += 20
    assert_ok(await client.get(f"{SNAPSHOTS}/{snapshot_id}"))
    assert_problem(await client.get(f"{SNAPSHOTS}/{snapshot_id}"), 429, "too_fast")
    clock.return_value += 3600
    for _ in range(3):
        assert_ok(await client.get(f"{SNAPSHOTS}/{snapshot_id}"))
    assert_problem(await client.get(f"{SNAPSHOTS}/{snapshot_id}"), 429, "too_fast")


async def test_ids_are_not_guessed_by_what_only_owners_may_do(engine: Engine, mocker) -> None:
    mocker.patch("functions.http.rate_limit.time.monotonic", return_value=1000.0)
    client = limited(engine, snapshot_opens_per_minute=3, show_visitors=True)
    theirs = assert_ok(await client.of("bob").post(SNAPSHOTS, {**NEW, "content": "x"}), 201).json
    assert_problem(await client.get(f"{SNAPSHOTS}/guessed-0001/stats"), 404, "not_found")
    assert_problem(await client.delete(f"{SNAPSHOTS}/guessed-0002"), 404, "not_found")
    assert_problem(await client.get(f"{SNAPSHOTS}/{theirs}/visitors"), 403, "forbidden")
    for refused in (
        await client.get(f"{SNAPSHOTS}/{theirs}/stats"),
        await client.delete(f"{SNAPSHOTS}/{theirs}"),
        await client.get(f"{SNAPSHOTS}/guessed-0003/visitors"),
    ):
        assert_problem(refused, 429, "too_fast")
    for _ in range(5):
        assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{theirs}/stats"))


async def test_a_guess_that_is_refused_asks_the_database_nothing(engine: Engine, mocker) -> None:
    mocker.patch("functions.http.rate_limit.time.monotonic", return_value=1000.0)
    counting = CountingReads(engine)
    settings = SETTINGS.model_copy(update={"show_visitors": True, "snapshot_opens_per_minute": 1})
    client = Client(stores_over(counting, settings.store_rules()), settings)
    paths = [f"{SNAPSHOTS}/guessed-0001{rest}" for rest in ("/stats", "/visitors", "", "/content")]
    assert_problem(await client.get(paths[0]), 404, "not_found")
    counting.asked.clear()
    for refused in [await client.get(path) for path in paths] + [await client.delete(paths[2])]:
        assert_problem(refused, 429, "too_fast")
    assert not counting.asked


async def test_guesses_that_are_made_at_once_are_bounded_too(engine: Engine) -> None:
    client = limited(engine, snapshot_opens_per_minute=3)
    guesses = (client.get(f"{SNAPSHOTS}/guessed-00{n}/stats") for n in range(10, 20))
    statuses = sorted([one.status for one in await asyncio.gather(*guesses)])
    assert statuses == [404] * 3 + [429] * 7


async def test_writes_are_only_so_many_a_minute_and_reading_and_deleting_are_free(engine: Engine, mocker) -> None:
    clock = mocker.patch("functions.http.rate_limit.time.monotonic", return_value=1000.0)
    client = limited(engine, writes_per_minute=3)
    path, _ = await made(client)
    assert_ok(await client.put(f"{path}/touch", b""), 204)
    items = [
        {"op": "create", "id": f"sync-000000{n}", "title": str(n), "description": None, "content": ""}
        for n in range(5)
    ]
    assert_ok(await client.post("persistence/sync", {"mode": "atomic", "items": items}))
    refused = await client.put(path, b"not even JSON")
    problem = assert_problem(refused, 429, "too_fast")
    assert (refused.headers["retry-after"], problem["retryAfter"]) == ("20", 20)
    assert_ok(await client.get(path))
    assert_ok(await client.delete(path), 204)
    await made(client.of("bob"))
    clock.return_value += 20
    await made(client)
    assert_problem(await client.post(SESSIONS, NEW), 429, "too_fast")


async def test_writes_are_only_so_many_bytes_a_minute(engine: Engine, mocker) -> None:
    clock = mocker.patch("functions.http.rate_limit.time.monotonic", return_value=1000.0)
    client = limited(engine, write_bytes_per_minute=600, writes_per_minute=3)
    path, _ = await made(client)
    # A full bucket is enough for any size. What it lacks is taken in advance.
    clock.return_value += 60
    raw = {"Content-Type": "text/plain"}
    assert_ok(await client.put(f"{path}/content", b"x" * 1200, raw), 200)
    for _ in range(5):
        # Not a call of the three a minute, because it is refused.
        refused = await client.put(f"{path}/content", b"x" * 10, raw)
        assert_problem(refused, 429, "too_fast")
        assert refused.headers["retry-after"] == "61"
    assert_ok(await client.post(f"{path}/close", b""))
    clock.return_value += 61
    assert_ok(await client.post(f"{path}/reopen", b""))
    assert_ok(await client.put(f"{path}/content", b"x" * 10, raw))


async def test_writes_have_no_limit_by_default(client: Client) -> None:
    path, _ = await made(client)
    for n in range(200):
        assert_ok(await client.put(path, {"content": str(n % 2)}))


def test_the_people_that_are_remembered_are_bounded(mocker) -> None:
    mocker.patch("functions.http.rate_limit._PEOPLE_MAX", 2)
    buckets = TokenBuckets(1)
    for person in ("a", "b", "c"):
        buckets.take(person)
    buckets.take("a")
    with pytest.raises(TooFast):
        buckets.take("c")


async def test_what_is_over_a_limit_already_may_shrink_move_and_be_renamed(engine: Engine) -> None:
    path, _ = await made(limited(engine), content="x" * 100)
    client = limited(engine, stored_bytes_max=10, sessions_max=1)
    assert_ok(await client.put(path, {"title": "Renamed"}))
    assert_ok(await client.put(path, {"content": "x" * 99}))
    assert_problem(await client.put(path, {"content": "x" * 101}), 507, "storage_full")
    assert_ok(await client.post(f"{path}/close", b""))
    assert_problem(await client.post(SESSIONS, NEW), 429, "too_many")
    assert_ok(await client.post(f"{path}/reopen", b""))


async def test_the_bytes_are_bounded_whichever_way_they_come(engine: Engine) -> None:
    client = limited(engine, stored_bytes_max=10)
    path, _ = await made(client, content="x" * 10)
    assert_ok(await client.put(path, {"content": "x"}))
    assert_problem(await client.put(f"{DRAFTS}/draft-000001", {"content": "y" * 10}), 507, "storage_full")
    assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": "y" * 8}), 201)
    assert_problem(await client.put(f"{DRAFTS}/draft-000001", {"content": "y" * 10}), 507, "storage_full")
    raw = {"content-type": "text/plain"}
    assert_problem(await client.put(f"{path}/content", b"z" * 3, raw), 507, "storage_full")
    assert_problem(await client.post(f"{path}/revisions/1/restore", b""), 507, "storage_full")
    assert_ok(await client.put(f"{path}/content", b"zz", raw))
    assert (await used(client))["storedBytes"] == 10


async def test_snapshots_of_others_and_expired_ones_do_not_count(engine: Engine, mocker) -> None:
    stores = stores_over(engine, SETTINGS.model_copy(update={"snapshots_max": 1}).store_rules())
    client = Client(stores, SETTINGS)
    theirs = assert_ok(await client.of("bob").post(SNAPSHOTS, {**NEW, "content": "theirs"}), 201).json
    assert_ok(await client.get(f"{SNAPSHOTS}/{theirs}"))
    expires_at = now() + timedelta(minutes=1)
    new = {**NEW, "content": "mine", "expiresAt": expires_at.isoformat()}
    assert_ok(await client.post(SNAPSHOTS, new), 201)
    assert_problem(await client.post(SNAPSHOTS, {**NEW, "content": "mine"}), 429, "too_many")
    mocker.patch("persistence.snapshots.kind.now", return_value=expires_at + timedelta(seconds=1))
    # No timer has run.
    assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": "mine"}), 201)


@pytest.mark.parametrize("what", ["sessions", "drafts", "snapshots", "bytes"])
async def test_of_many_at_once_only_as_many_pass_as_are_allowed(engine: Engine, what: str) -> None:
    limits = {"stored_bytes_max": 10} if what == "bytes" else {f"{what}_max": 2}
    client = limited(engine, **limits)

    async def make(number: int) -> int:
        new = {**NEW, "content": "12345"}
        if what == "drafts":
            return (await client.put(f"{DRAFTS}/draft-{number:06d}", {"content": "12345"})).status
        return (await client.post(SNAPSHOTS if what == "snapshots" else SESSIONS, new)).status

    answers = await asyncio.gather(*map(make, range(20)))
    assert answers.count(201) == 2 and set(answers) <= {201, 429, 507}


async def test_of_two_saves_at_once_that_would_exceed_the_bytes_together_one_passes(engine: Engine) -> None:
    client = limited(engine, stored_bytes_max=10)
    paths = [(await made(client, content="x"))[0] for _ in range(2)]
    responses = await asyncio.gather(*(client.put(path, {"content": "y" * 8}) for path in paths))
    assert sorted(response.status for response in responses) == [200, 507]
    assert (await used(client))["storedBytes"] == 9


@pytest.fixture
def stores(engine: Engine) -> Stores:
    return stores_over(engine, SETTINGS.store_rules())
