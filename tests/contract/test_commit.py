"""Commits: several writes in one partition, all or none."""

import asyncio
from typing import Any

import pytest

from persistence.errors import ItemChanged, ItemExists, ItemNotFound, ItemTooLarge
from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import COMMIT_MAX_BYTES, Create, Engine, Replace
from tests.conftest import TWO_STEPS
from tests.support.engines import saves_at_once
from tests.support.items import PARTITION, ids, store, thing, thing_of_size

pytestmark = pytest.mark.each_way


async def test_a_commit_of_creates_makes_them_all_and_answers_their_etags_in_order(engine: Engine) -> None:
    items = [thing(f"item-{n}", n=n, payload=bytes([n])) for n in (3, 1, 2)]
    etags = await engine.commit(SESSIONS, PARTITION, [Create(item) for item in items])
    for item, etag in zip(items, etags, strict=True):
        stored = await engine.read(SESSIONS, item["id"], PARTITION)
        assert (stored.item, stored.etag) == (item, etag)
    assert len(set(etags)) == 3


async def test_a_commit_of_one_is_a_commit(engine: Engine) -> None:
    [etag] = await engine.commit(SESSIONS, PARTITION, [Create(thing())])
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_creates_and_replaces_go_together(engine: Engine) -> None:
    first = await engine.create(SESSIONS, thing("first", n=0))
    second = await engine.create(SESSIONS, thing("second", n=0))
    operations: list[Create | Replace] = [
        Replace(thing("second", n=1), second),
        Replace(thing("first", n=1), first),
        Create(thing("third", n=1)),
    ]
    etags = await engine.commit(SESSIONS, PARTITION, operations)
    for operation, etag in zip(operations, etags, strict=True):
        stored = await engine.read(SESSIONS, operation.item["id"], PARTITION)
        assert (stored.item, stored.etag) == (operation.item, etag)
    assert not {first, second} & set(etags)


async def test_a_commit_of_replaces_alone_is_a_commit(engine: Engine) -> None:
    etags = [await engine.create(SESSIONS, thing(f"item-{n}")) for n in range(2)]
    replaces = [Replace(thing(f"item-{n}", n=n, payload=b"new"), etag) for n, etag in enumerate(etags)]
    for replace, etag in zip(replaces, await engine.commit(SESSIONS, PARTITION, replaces), strict=True):
        stored = await engine.read(SESSIONS, replace.item["id"], PARTITION)
        assert (stored.item, stored.etag) == (replace.item, etag)


async def test_the_replaces_of_a_commit_come_first(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing("first", n=0))
    replace = Replace(thing("first", n=1), etag)
    orders: list[list[Create | Replace]] = [
        [Create(thing("new")), replace],
        [replace, Create(thing("new")), replace],
    ]
    for operations in orders:
        with pytest.raises(ValueError, match="before its creates"):
            await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == ["first"]
    assert (await engine.read(SESSIONS, "first", PARTITION)).etag == etag


async def test_what_a_commit_was_given_stays_as_it_was(engine: Engine) -> None:
    items = [thing("first", payload=b"bytes"), thing("second")]
    operations = [Create(item) for item in items]
    await engine.commit(SESSIONS, PARTITION, operations)
    assert items == [thing("first", payload=b"bytes"), thing("second")]
    assert operations == [Create(item) for item in items]


async def test_a_taken_id_refuses_the_whole_commit(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing("taken", n=1))
    operations = [Create(thing("first")), Create(thing("taken", n=2)), Create(thing("last"))]
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == ["taken"]
    assert (await engine.read(SESSIONS, "taken", PARTITION)).etag == etag


async def test_a_taken_id_is_reported_as_such(engine: Engine) -> None:
    await engine.create(SESSIONS, thing("taken", n=1))
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, [Create(thing("taken", n=2)), Create(thing("last"))])
    assert await ids(engine) == ["taken"]
    assert (await engine.read(SESSIONS, "taken", PARTITION)).item == thing("taken", n=1)


async def test_the_same_id_twice_in_a_commit_is_taken(engine: Engine) -> None:
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, [Create(thing("same")), Create(thing("same"))])
    assert await ids(engine) == []


@pytest.mark.usefixtures("needs_conditional_batches")
async def test_a_stale_etag_refuses_the_whole_commit(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing("first", n=0))
    etag = await engine.replace(SESSIONS, thing("first", n=1), stale)
    fresh = await engine.create(SESSIONS, thing("second", n=0))
    operations: list[Create | Replace] = [
        Replace(thing("second", n=1), fresh),
        Replace(thing("first", n=2), stale),
        Create(thing("third")),
    ]
    with pytest.raises(ItemChanged):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == ["first", "second"]
    assert (await engine.read(SESSIONS, "first", PARTITION)).etag == etag
    assert (await engine.read(SESSIONS, "second", PARTITION)).etag == fresh


async def test_an_engine_knows_whether_a_stale_etag_refuses_the_whole_commit(
    engine: Engine, engine_name: str
) -> None:
    fresh, other = [await engine.create(SESSIONS, thing(id, n=0)) for id in ("first", "second")]
    await engine.replace(SESSIONS, thing("second", n=1), other)
    with pytest.raises(ItemChanged):
        await engine.commit(
            SESSIONS, PARTITION, [Replace(thing("first", n=2), fresh), Replace(thing("second", n=2), other)]
        )
    is_whole = (await engine.read(SESSIONS, "first", PARTITION)).etag == fresh
    assert await engine.has_conditional_commits() == is_whole == (engine_name != TWO_STEPS)


async def test_a_stale_etag_replaces_nothing(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing(n=0))
    etag = await engine.replace(SESSIONS, thing(n=1), stale)
    with pytest.raises(ItemChanged):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing(n=2), stale), Create(thing("new"))])
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=1), etag)


@pytest.mark.usefixtures("needs_conditional_batches")
async def test_replacing_what_is_missing_refuses_the_whole_commit(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing("first"))
    operations: list[Create | Replace] = [
        Replace(thing("first", n=1), etag),
        Replace(thing("missing"), "etag"),
        Create(thing("last")),
    ]
    with pytest.raises(ItemNotFound):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == ["first"]
    assert (await engine.read(SESSIONS, "first", PARTITION)).etag == etag


@pytest.mark.usefixtures("needs_conditional_batches")
async def test_a_taken_id_takes_the_replaces_back(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing("first"))
    await store(engine, [thing("taken")])
    operations: list[Create | Replace] = [
        Replace(thing("first", n=1), etag),
        Create(thing("new")),
        Create(thing("taken")),
    ]
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == ["first", "taken"]
    assert (await engine.read(SESSIONS, "first", PARTITION)).etag == etag


@pytest.mark.usefixtures("needs_conditional_batches")
async def test_the_first_failing_operation_is_the_one_reported(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing("first", n=0))
    await engine.replace(SESSIONS, thing("first", n=1), stale)
    second = await engine.create(SESSIONS, thing("second"))
    changed, missing = Replace(thing("first"), stale), Replace(thing("missing"), "etag")
    taken = Create(thing("first"))
    orders: list[tuple[list[Create | Replace], type[Exception]]] = [
        ([changed, missing, taken], ItemChanged),
        ([missing, changed, taken], ItemNotFound),
        ([Replace(thing("second", n=1), second), taken], ItemExists),
    ]
    for operations, error in orders:
        with pytest.raises(error):
            await engine.commit(SESSIONS, PARTITION, operations)


async def test_of_many_commits_that_want_one_id_one_wins_whole(engine: Engine) -> None:
    commits = [
        engine.commit(SESSIONS, PARTITION, [Create(thing(f"own-{n}")), Create(thing("contested", n=n))])
        for n in range(20)
    ]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert [type(result) for result in results].count(ItemExists) == 19
    winner = (await engine.read(SESSIONS, "contested", PARTITION)).item["n"]
    assert isinstance(results[winner], list)
    assert await ids(engine) == ["contested", f"own-{winner}"]


async def test_of_many_commits_with_one_etag_one_replaces(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=-1))
    commits = [
        engine.commit(SESSIONS, PARTITION, [Replace(thing(n=n), etag), Create(thing(f"own-{n}", n=n))])
        for n in range(20)
    ]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert [type(result) for result in results].count(ItemChanged) == 19
    stored = await engine.read(SESSIONS, "one", PARTITION)
    winner = stored.item["n"]
    created = await engine.read(SESSIONS, f"own-{winner}", PARTITION)
    assert results[winner] == [stored.etag, created.etag]
    if saves_at_once(engine):
        assert await ids(engine) == ["one", f"own-{winner}"]


async def test_a_hundred_operations_are_a_commit_and_one_more_is_not(engine: Engine) -> None:
    operations = [Create(thing(f"item-{n:03}")) for n in range(101)]
    with pytest.raises(ValueError, match="100 operations, not 101"):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert await ids(engine) == []
    etags = await engine.commit(SESSIONS, PARTITION, operations[:100])
    assert len(set(etags)) == 100
    assert len(await ids(engine)) == 100


async def test_a_commit_of_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="1 to 100 operations, not 0"):
        await engine.commit(SESSIONS, PARTITION, [])


async def test_a_commit_may_weigh_a_million_bytes_and_not_one_more(engine: Engine) -> None:
    small = thing("small", payload=b"x" * 1000)
    large = thing_of_size(COMMIT_MAX_BYTES - item_size(small))
    too_large = {**large, "rest": large["rest"] + "x"}
    with pytest.raises(ItemTooLarge) as refused:
        await engine.commit(SESSIONS, PARTITION, [Create(small), Create(too_large)])
    assert (refused.value.size, refused.value.limit) == (COMMIT_MAX_BYTES + 1, COMMIT_MAX_BYTES)
    assert await ids(engine) == []
    await engine.commit(SESSIONS, PARTITION, [Create(small), Create(large)])
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == large


@pytest.mark.parametrize("character", ["ä", "語", "\U0001f600"])
async def test_a_million_bytes_are_counted_in_utf_8(engine: Engine, character: str) -> None:
    [etag] = await engine.commit(SESSIONS, PARTITION, [Create(thing_of_size(COMMIT_MAX_BYTES, character))])
    large = thing_of_size(COMMIT_MAX_BYTES - item_size(thing("new")), character)
    await engine.commit(SESSIONS, PARTITION, [Replace(large, etag), Create(thing("new"))])
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == large


@pytest.mark.parametrize("partitions", [("bob",), (PARTITION, "bob"), ("bob", PARTITION)], ids=str)
async def test_a_commit_stays_in_its_partition(engine: Engine, partitions: tuple[str, ...]) -> None:
    await store(engine, [thing("before")])
    operations = [Create(thing(f"item-{n}", partition)) for n, partition in enumerate(partitions)]
    with pytest.raises(ValueError, match="one partition"):
        await engine.commit(SESSIONS, PARTITION, operations)
    with pytest.raises(ValueError, match="one partition"):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing("before", "bob"), "etag")])
    assert await ids(engine, partition=None) == ["before"]


@pytest.mark.parametrize("value", [object(), "lone \ud800"], ids=["object", "surrogate"])
async def test_what_is_not_plain_json_refuses_the_whole_commit(engine: Engine, value: Any) -> None:
    with pytest.raises(ValueError, match="plain JSON"):
        await engine.commit(SESSIONS, PARTITION, [Create(thing("first")), Create(thing("second", v=value))])
    assert await ids(engine) == []
