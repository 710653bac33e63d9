"""Superseding: an item is replaced together with what it names, which is there whenever the item says so."""

import asyncio
from collections.abc import Collection

import pytest

from persistence.engines.containers import SESSIONS
from persistence.engines.engine import ITEM_MAX_BYTES, Engine, Item
from persistence.engines.sqlite import SqliteEngine
from persistence.errors import ItemChanged, ItemNotFound, ItemTooLarge
from tests.support.items import PARTITION, ids, store, thing, thing_of_size


async def supersede(
    engine: Engine, item: Item, if_match: str, new: Item | None = None, obsolete: Collection[str] = ()
) -> None:
    """With what is left to the caller done."""
    for id in await engine.supersede(SESSIONS, item, if_match, new, obsolete):
        await engine.delete(SESSIONS, id, PARTITION)


async def test_an_item_is_replaced_with_what_it_names(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(names="old"))
    await store(engine, [thing("old"), thing("older"), thing("other")])
    await supersede(engine, thing(names="new"), etag, thing("new", payload=b"\0\xff"), {"old", "older"})
    assert await ids(engine) == ["new", "one", "other"]
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert stored.item == thing(names="new") and stored.etag != etag
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == thing("new", payload=b"\0\xff")


async def test_with_nothing_new_and_nothing_obsolete_it_is_a_replace(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    assert await engine.supersede(SESSIONS, thing(n=2), etag) == frozenset()
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)
    with pytest.raises(ItemChanged):
        await engine.supersede(SESSIONS, thing(n=3), etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)


async def test_what_is_obsolete_is_gone_or_left_to_the_caller(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    await store(engine, [thing("old"), thing("older")])
    left = await engine.supersede(SESSIONS, thing(), etag, obsolete={"old", "older"})
    assert await ids(engine) == sorted({"one", *left})
    assert left == (frozenset() if isinstance(engine, SqliteEngine) else {"old", "older"})


async def test_a_stale_etag_changes_neither_the_item_nor_what_it_names(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing(names="old"))
    etag = await engine.replace(SESSIONS, thing(names="old", n=2), stale)
    await store(engine, [thing("old")])
    with pytest.raises(ItemChanged):
        await engine.supersede(SESSIONS, thing(names="new"), stale, thing("new"), {"old"})
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(names="old", n=2), etag)
    transacted = isinstance(engine, SqliteEngine)
    assert await ids(engine) == (["old", "one"] if transacted else ["new", "old", "one"])


async def test_what_is_missing_is_not_found(engine: Engine) -> None:
    await store(engine, [thing("old")])
    with pytest.raises(ItemNotFound):
        await engine.supersede(SESSIONS, thing(names="new"), "an etag", thing("new"), {"old"})
    assert {"old"} <= set(await ids(engine)) <= {"old", "new"}


async def test_a_new_id_that_is_taken_is_the_first_try_of_a_repeat(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    await store(engine, [thing("new", n=1)])
    await engine.supersede(SESSIONS, thing(names="new"), etag, thing("new", n=1))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(names="new")
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == thing("new", n=1)


async def test_what_is_obsolete_may_be_gone_already(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    await engine.supersede(SESSIONS, thing(n=2), etag, obsolete={"gone"})
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)


@pytest.mark.parametrize(
    ("new", "obsolete"),
    [
        (thing("new", partition="ben"), ()),
        (thing("one"), ()),
        (None, {"one"}),
        (thing("new"), {"new"}),
        (thing("a/b"), ()),
        (None, {"a/b"}),
        (thing("new", n=float("nan")), ()),
    ],
)
async def test_what_cannot_be_together_is_refused_and_nothing_written(
    engine: Engine, new: Item | None, obsolete: Collection[str]
) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    with pytest.raises(ValueError):
        await engine.supersede(SESSIONS, thing(n=2), etag, new, obsolete)
    assert await ids(engine) == ["one"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_both_items_may_be_as_large_as_an_item_can_be(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    largest = thing_of_size(ITEM_MAX_BYTES)
    new = thing_of_size(ITEM_MAX_BYTES, id="new")
    await engine.supersede(SESSIONS, largest, etag, new)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == largest
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == new
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    with pytest.raises(ItemTooLarge):
        await engine.supersede(SESSIONS, thing(), etag, thing_of_size(ITEM_MAX_BYTES + 1, id="newer"))
    assert await ids(engine) == ["new", "one"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_of_many_that_supersede_one_item_one_wins_and_names_its_own(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(names="old"))
    await store(engine, [thing("old")])
    results = await asyncio.gather(
        *(
            engine.supersede(SESSIONS, thing(names=f"new-{n}"), etag, thing(f"new-{n}", n=n), {"old"})
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(ItemChanged) == 19
    winner = next(n for n, result in enumerate(results) if not isinstance(result, Exception))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(names=f"new-{winner}")
    assert (await engine.read(SESSIONS, f"new-{winner}", PARTITION)).item == thing(f"new-{winner}", n=winner)


async def test_whoever_sees_the_item_sees_what_it_names(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(names="item-0"))
    await store(engine, [thing("item-0")])
    done = asyncio.Event()

    async def look() -> int:
        seen = 0
        while not done.is_set():
            named = (await engine.read(SESSIONS, "one", PARTITION)).item["names"]
            try:
                await engine.read(SESSIONS, named, PARTITION)
            except ItemNotFound:
                # Then it has been superseded since.
                assert (await engine.read(SESSIONS, "one", PARTITION)).item["names"] != named
            seen += 1
            await asyncio.sleep(0)
        return seen

    looking = asyncio.create_task(look())
    for n in range(1, 40):
        await supersede(engine, thing(names=f"item-{n}"), etag, thing(f"item-{n}"), {f"item-{n - 1}"})
        etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    done.set()
    assert await looking > 10
    assert await ids(engine) == ["item-39", "one"]
