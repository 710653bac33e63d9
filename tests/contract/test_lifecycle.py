"""Engines are opened, closed and opened again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from persistence.errors import StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.cosmos.provision import provision
from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import TWO_STEPS, new_cosmos_account
from tests.support.items import PARTITION, ids, store, thing
from tests.support.verbs import Verb, every_verb

pytestmark = pytest.mark.each_way

Open = Callable[[], Awaitable[Engine]]


@pytest.fixture
async def open_again(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens an engine on the same database at each call, as each start of a program does."""
    account = None
    if engine_name != "sqlite":
        account = await new_cosmos_account(request.getfixturevalue("cosmos_endpoint"))
        account = replace(account, conditional_batch=engine_name != TWO_STEPS)

    async def opened() -> Engine:
        if account is None:
            return SqliteEngine(tmp_path / "data")
        await provision(account)
        return CosmosEngine(account)

    return opened


async def test_what_was_stored_is_there_after_opening_again(open_again: Open) -> None:
    first = await open_again()
    etag = await first.create(SESSIONS, thing(n=1, payload=b"\0\xff"))
    await first.close()
    second = await open_again()
    stored = await second.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=1, payload=b"\0\xff"), etag)
    await second.replace(SESSIONS, thing(n=2), etag)
    await second.close()
    third = await open_again()
    assert (await third.read(SESSIONS, "one", PARTITION)).item == thing(n=2)
    await third.close()


async def test_two_engines_on_one_place_see_each_others_writes_at_once(open_again: Open) -> None:
    first, second = await open_again(), await open_again()
    etag = await first.create(SESSIONS, thing(n=1))
    assert (await second.read(SESSIONS, "one", PARTITION)).etag == etag
    etag = await second.replace(SESSIONS, thing(n=2), etag)
    assert (await first.read(SESSIONS, "one", PARTITION)).etag == etag
    await store(second, [thing("two")])
    assert await ids(first) == ["one", "two"]
    await first.delete(SESSIONS, "one", PARTITION)
    assert await ids(second) == ["two"]
    await first.close()
    await second.close()


async def test_ping_returns_when_the_database_answers(engine: Engine) -> None:
    await engine.ping()
    await store(engine, [thing()])
    await engine.ping()
    assert await ids(engine, partition=None) == ["one"]


async def test_scrubbing_leaves_what_is_stored_and_can_be_repeated_also_at_once(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1, payload=b"\0\xff"))
    await store(engine, [thing("two")])
    await engine.delete(SESSIONS, "two", PARTITION)
    await asyncio.gather(engine.scrub(), engine.scrub(), engine.create(SESSIONS, thing("three")))
    await engine.scrub()
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=1, payload=b"\0\xff"), etag)
    assert await ids(engine) == ["one", "three"]


async def test_closing_waits_for_what_was_accepted(open_again: Open) -> None:
    engine = await open_again()
    await engine.ping()
    writes = [asyncio.create_task(engine.create(SESSIONS, thing(f"item-{n:02}"))) for n in range(20)]
    await asyncio.sleep(0)
    await engine.close()
    etags = await asyncio.gather(*writes)
    assert len(set(etags)) == 20
    again = await open_again()
    assert await ids(again) == [f"item-{n:02}" for n in range(20)]
    await again.close()


async def test_closing_can_be_repeated_also_at_once(engine: Engine) -> None:
    await store(engine, [thing()])
    await asyncio.gather(engine.close(), engine.close())
    await engine.close()


async def test_an_engine_that_was_never_used_can_be_closed(open_again: Open) -> None:
    engine = await open_again()
    await engine.close()
    await engine.close()


@every_verb
async def test_after_closing_every_verb_says_unavailable(engine: Engine, verb: Verb) -> None:
    await store(engine, [thing()])
    await engine.close()
    with pytest.raises(StoreUnavailable):
        await verb(engine)
