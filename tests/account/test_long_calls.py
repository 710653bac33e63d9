"""What takes long ends in time, hands on the rest, and is complete after repeats: a front waits for 45 seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import orjson
import pytest

from persistence import Stores, stores_over
from persistence.call_time import END_SECONDS, WORK_SECONDS, CallTime
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.breaking import Watched
from tests.support.http import SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.imports import pages, send

FRONT_SECONDS = 30


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time of a call is over with its third question."""
    asked: dict[int, int] = {}

    def is_over(call_time: CallTime) -> bool:
        asked[id(call_time)] = asked.get(id(call_time), 0) + 1
        kept.append(call_time)  # so that no id is used twice
        return asked[id(call_time)] > 2

    kept: list[CallTime] = []
    monkeypatch.setattr(CallTime, "is_over", property(is_over))
    yield


def test_a_call_ends_in_time_and_begins_nothing_shortly_before() -> None:
    longest = Settings.model_fields["cosmos_timeout_seconds"].default
    assert WORK_SECONDS < END_SECONDS < FRONT_SECONDS
    assert END_SECONDS - WORK_SECONDS >= 0.8 * longest, "most steps that were begun in time are completed"


def test_time_passes() -> None:
    assert not CallTime().is_over


async def test_an_export_hands_on_its_cursor(client: Client, short: None) -> None:
    for number in range(4):
        await made(client, title=f"T{number}")
    found = await pages(client)
    assert len(found) > 3
    titles = [line["metadata"]["title"] for page in found for line in page if line["kind"] == "session"]
    assert sorted(titles) == ["T0", "T1", "T2", "T3"]


async def test_an_import_is_completed_by_repeats(client: Client, short: None) -> None:
    for number in range(4):
        await made(client, title=f"T{number}")
    lines = [line for page in await pages(client) for line in page]
    other = client.of("bob")
    unfinished = await send(other, lines)
    problem = assert_problem(unfinished, 503, "unfinished")
    assert problem["retryAfter"] == 1
    assert len(assert_ok(await other.get(SESSIONS)).json["items"]) == 2


async def test_an_erasure_says_that_it_is_not_done(client: Client, short: None) -> None:
    for _ in range(6):
        await made(client)
    calls = 0
    while not assert_ok(await client.delete("persistence/me", {"Savepoint-Confirm": client.user})).json["done"]:
        calls += 1
    assert calls > 1
    assert assert_ok(await client.get(SESSIONS)).json["items"] == []


async def test_emptying_the_trash_says_that_it_is_not_done(client: Client, short: None) -> None:
    for _ in range(6):
        path, _ = await made(client)
        assert_ok(await client.delete(path), 204)
    calls = 0
    while not assert_ok(await client.delete("persistence/trash")).json["done"]:
        calls += 1
    assert calls > 1
    assert assert_ok(await client.get("persistence/trash")).json["items"] == []


class Stuck(Watched):
    """Its calls do not return after the first `moving` ones, as those of a database that is far too slow."""

    moving: int | None = None

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.freed = asyncio.Event()

    async def before(self, verb: str, container: Container) -> None:
        if self.moving is None:
            return
        self.moving -= 1
        if self.moving < 0:
            await self.freed.wait()


@pytest.fixture
def slow(engine: Engine) -> Stuck:
    return Stuck(engine)


@pytest.fixture
async def over_slow(slow: Stuck) -> AsyncIterator[Stores]:
    stores = stores_over(slow, SETTINGS.store_rules())
    yield stores
    slow.freed.set()
    await stores.shared.background.drain()


@pytest.fixture
def waiting(over_slow: Stores) -> Client:
    return Client(over_slow, SETTINGS)


async def until_done(
    slow: Stuck, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[Response]]
) -> list[Response]:
    """Makes a call with a database that stops ever later in it. Returns the responses until one says 200 and that
    it is done. Each must come, although the database does not respond."""
    found = []
    for moving in range(0, 60, 3):
        slow.moving = moving
        with monkeypatch.context() as patch:
            patch.setattr("persistence.call_time.END_SECONDS", 0.1)
            async with asyncio.timeout(30):
                found.append(await call())
        slow.moving = None
        if found[-1].status == 200 and is_done(found[-1]):
            break
    assert len(found) > 2, "it was stopped"
    slow.moving = None
    async with asyncio.timeout(30):
        while not (found[-1].status == 200 and is_done(found[-1])):
            found.append(await call())
    return found


def is_done(response: Response) -> bool:
    return bool(response.json.get("done", True))


async def test_an_erasure_with_a_database_that_stops_ends_and_is_completed_by_repeats(
    waiting: Client, slow: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await made(waiting)
    confirmed = {"Savepoint-Confirm": waiting.user}
    found = await until_done(slow, monkeypatch, lambda: waiting.delete("persistence/me", confirmed))
    assert {one.status for one in found} == {200}
    assert assert_ok(await waiting.get(SESSIONS)).json["items"] == []


async def test_emptying_the_trash_ends_and_is_completed_by_repeats(
    waiting: Client, slow: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        path, _ = await made(waiting)
        assert_ok(await waiting.delete(path), 204)
    found = await until_done(slow, monkeypatch, lambda: waiting.delete("persistence/trash"))
    assert {one.status for one in found} == {200}
    assert assert_ok(await waiting.get("persistence/trash")).json["items"] == []


async def test_an_import_ends_and_is_completed_by_repeats(
    waiting: Client, slow: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await made(waiting, title=f"T{number}")
    lines = [line for page in await pages(waiting) for line in page]
    other = waiting.of("bob")
    found = await until_done(slow, monkeypatch, lambda: send(other, lines))
    for unfinished in found[:-1]:
        assert_problem(unfinished, 503, "unfinished")
    titles = [one["title"] for one in assert_ok(await other.get(SESSIONS)).json["items"]]
    assert sorted(titles) == ["T0", "T1", "T2", "T3"]


async def test_an_export_ends_with_what_it_has_or_says_that_there_is_nothing_yet(
    waiting: Client, over_slow: Stores, slow: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await made(waiting, title=f"T{number}")
    monkeypatch.setattr("persistence.call_time.END_SECONDS", 0.1)
    titles, cursor, stopped = list[str](), "", 0
    while cursor is not None:
        slow.moving, stopped = None if stopped >= 40 else stopped, stopped + 1
        if stopped == 40:  # this machine is too slow to show more
            monkeypatch.undo()
        async with asyncio.timeout(30):
            response = await waiting.get("persistence/export", cursor=cursor)
        if response.status == 503:
            problem: dict[str, Any] = assert_problem(response, 503, "store_unavailable")
            assert problem["retryAfter"] == 1
            continue
        *lines, end = [orjson.loads(line) for line in assert_ok(response).body.splitlines()]
        titles += [line["metadata"]["title"] for line in lines if line["kind"] == "session"]
        cursor = end["pageToken"]
    assert sorted(titles) == ["T0", "T1", "T2", "T3"] and stopped > 3
    slow.freed.set()
    await over_slow.shared.background.drain()
    actions = [line["action"] for line in assert_ok(await waiting.get("persistence/activity")).json["items"]]
    assert "exported" in actions, "the line follows"
