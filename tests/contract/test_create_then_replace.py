"""Creates items, replaces another that refers to them, and creates items that tell of it. Readers who see the
reference find the item."""

import asyncio

import pytest

from persistence.errors import ItemChanged, ItemNotFound, ItemTooLarge
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    COMMIT_MAX_OPERATIONS,
    ITEM_MAX_BYTES,
    Engine,
    Item,
)
from tests.support.engines import saves_at_once
from tests.support.items import PARTITION, ids, store, thing, thing_of_size

pytestmark = pytest.mark.each_way


async def test_both_are_written_and_the_etag_is_the_replaced_ones(engine: Engine) -> None:
    first = await engine.create(SESSIONS, thing(names="old"))
    new = thing("new", payload=b"\0\xff")
    etag = await engine.create_then_replace(SESSIONS, [new], thing(names="new"), first)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(names="new"), etag) and etag != first
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == new
    assert await ids(engine) == ["new", "one"]


async def test_a_stale_etag_replaces_nothing(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing(names="old"))
    etag = await engine.replace(SESSIONS, thing(names="old", n=2), stale)
    with pytest.raises(ItemChanged):
        await engine.create_then_replace(SESSIONS, [thing("new")], thing(names="new"), stale)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(names="old", n=2), etag)
    assert await ids(engine) == (["one"] if saves_at_once(engine) else ["new", "one"])


async def test_what_is_missing_is_not_found(engine: Engine) -> None:
    with pytest.raises(ItemNotFound):
        await engine.create_then_replace(SESSIONS, [thing("new")], thing(names="new"), "an etag")
    assert await ids(engine) == ([] if saves_at_once(engine) else ["new"])


async def test_a_new_id_that_is_taken_is_the_first_try_of_a_repeat(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    await store(engine, [thing("new", n=1)])
    await engine.create_then_replace(SESSIONS, [thing("new", n=1)], thing(names="new"), etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(names="new")
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == thing("new", n=1)


@pytest.mark.parametrize(
    ("new", "item"),
    [
        (thing("new", partition="ben"), thing()),
        (thing("one"), thing()),
        (thing("a/b"), thing()),
        (thing("new"), thing("a/b")),
        (thing("new", n=float("nan")), thing()),
        (thing("new"), thing(n=float("nan"))),
        (thing("new", payload="text"), thing()),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_written(engine: Engine, new: Item, item: Item) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    with pytest.raises(ValueError):
        await engine.create_then_replace(SESSIONS, [new], item, etag)
    assert await ids(engine) == ["one"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_several_are_created_before_and_after_the_replace(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    new, then = [thing("new-1"), thing("new-2")], [thing("then-1"), thing("then-2")]
    etag = await engine.create_then_replace(SESSIONS, new, thing(n=2), etag, then)
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag
    assert await ids(engine) == ["new-1", "new-2", "one", "then-1", "then-2"]
    etag = await engine.create_then_replace(SESSIONS, [], thing(n=3), etag, [thing("then-3")])
    assert await ids(engine) == ["new-1", "new-2", "one", "then-1", "then-2", "then-3"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=3)


async def test_what_tells_of_a_replace_is_not_created_without_it(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing())
    await engine.replace(SESSIONS, thing(n=2), stale)
    for new in ([], [thing("new")], [thing_of_size(ITEM_MAX_BYTES, id="new-2")]):
        with pytest.raises(ItemChanged):
            await engine.create_then_replace(SESSIONS, new, thing(n=3), stale, [thing("then")])
    assert "then" not in await ids(engine)


async def test_more_than_fits_in_one_commit_is_all_written(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    new = [thing_of_size(COMMIT_MAX_BYTES, id=f"new-{n}") for n in range(2)]
    await engine.create_then_replace(SESSIONS, new, thing(n=2), etag, [thing("then")])
    assert await ids(engine) == ["new-0", "new-1", "one", "then"]


async def test_of_several_ids_those_that_are_free_are_created(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    await store(engine, [thing("new-1"), thing("then-1")])
    new, then = [thing("new-1"), thing("new-2")], [thing("then-1"), thing("then-2")]
    await engine.create_then_replace(SESSIONS, new, thing(n=2), etag, then)
    assert await ids(engine) == ["new-1", "new-2", "one", "then-1", "then-2"]


async def test_at_most_a_hundred_items_are_written_together(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    many = [thing(f"item-{n}") for n in range(COMMIT_MAX_OPERATIONS)]
    with pytest.raises(ValueError):
        await engine.create_then_replace(SESSIONS, many[:50], thing(n=2), etag, many[50:])
    assert await ids(engine) == ["one"]
    await engine.create_then_replace(SESSIONS, many[:50], thing(n=2), etag, many[50:99])
    assert len(await ids(engine)) == COMMIT_MAX_OPERATIONS


async def test_each_may_be_as_large_as_an_item_can_be(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    largest, new = thing_of_size(ITEM_MAX_BYTES), thing_of_size(ITEM_MAX_BYTES, id="new")
    etag = await engine.create_then_replace(SESSIONS, [new], largest, etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == largest
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == new
    for too_large in ("newer", "one"):
        pair = [thing("newer"), thing()]
        pair[too_large == "one"] = thing_of_size(ITEM_MAX_BYTES + 1, id=too_large)
        with pytest.raises(ItemTooLarge):
            await engine.create_then_replace(SESSIONS, [pair[0]], pair[1], etag)
    assert await ids(engine) == ["new", "one"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_of_many_that_replace_one_item_one_wins_and_names_its_own(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(names="old"))
    writes = [
        engine.create_then_replace(SESSIONS, [thing(f"new-{n}", n=n)], thing(names=f"new-{n}"), etag)
        for n in range(20)
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results].count(ItemChanged) == 19
    winner = next(n for n, result in enumerate(results) if isinstance(result, str))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(names=f"new-{winner}")
    assert (await engine.read(SESSIONS, f"new-{winner}", PARTITION)).item == thing(f"new-{winner}", n=winner)
    if saves_at_once(engine):
        assert await ids(engine) == [f"new-{winner}", "one"]


async def test_whoever_sees_the_name_sees_what_it_names(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(names="item-0"))
    await store(engine, [thing("item-0")])
    done = asyncio.Event()

    async def look() -> int:
        seen = set()
        while not done.is_set():
            named = (await engine.read(SESSIONS, "one", PARTITION)).item["names"]
            await engine.read(SESSIONS, named, PARTITION)
            seen.add(named)
            await asyncio.sleep(0)
        return len(seen)

    looking = asyncio.create_task(look())
    for n in range(1, 40):
        etag = await engine.create_then_replace(SESSIONS, [thing(f"item-{n}")], thing(names=f"item-{n}"), etag)
    done.set()
    assert await looking > 5
