"""What takes long ends in time, hands on the rest, and is complete after repeats: a front waits for 45 seconds."""

from collections.abc import Iterator

import pytest

from persistence.call_time import WORK_SECONDS, CallTime
from settings import Settings
from tests.support.http import SESSIONS, Client, assert_ok, assert_problem, made
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


def test_a_call_ends_in_time_with_the_slowest_step_of_the_database() -> None:
    assert WORK_SECONDS + Settings.model_fields["cosmos_timeout_seconds"].default <= FRONT_SECONDS


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
