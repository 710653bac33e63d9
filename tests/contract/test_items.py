"""Create, read, replace and delete: taken ids, missing items, stale etags, and who wins a race."""

import asyncio
import unicodedata
from typing import Any

import pytest

from persistence.errors import ItemChanged, ItemExists, ItemNotFound
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Engine, Increment, Replace, Set
from persistence.storage.query import Aggregate, Query
from tests.support.items import KIND, PARTITION, ids, thing

pytestmark = pytest.mark.each_way

ODD_IDS = ["a", "A", "~", "-", "_", "...", ".a", "a.", "a~b-c_d.e", "0", "null", "x" * 255]
ODD_PARTITIONS = [
    *(" ", "a b", " a", "a ", "a/b", "a\\b", "#", "?", "%", "%2F", "'", '"', "'; DROP TABLE sessions; --", "*"),
    *("1", "null", "[]", "{}", ".", "..", "ann", "Ann", "_partitionKey", "\u2028", "\ufeff", "\U0001f600" * 255),
    *(unicodedata.normalize(form, "é") for form in ("NFC", "NFD")),
]
REFUSED_IDS = ["", ".", "..", "x" * 256, "a/b", "a\\b", "a?b", "a#b", "a b", "a%2Fb", "é", "a\n", "a\0", "\ud800"]
REFUSED_PARTITIONS = ["", "x" * 256, "a\n", "\0", "a\tb", "\x7f", "\x85", "a\ud800"]


async def test_an_id_is_taken_once(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    with pytest.raises(ItemExists):
        await engine.create(SESSIONS, thing(n=2))
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=1), etag)


async def test_of_many_creators_of_one_id_one_wins(engine: Engine) -> None:
    writes = [engine.create(SESSIONS, thing(n=n)) for n in range(30)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    etags = [result for result in results if isinstance(result, str)]
    assert [type(result) for result in results].count(ItemExists) == 29
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert [stored.etag] == etags
    assert results[stored.item["n"]] == stored.etag


async def test_what_is_missing_is_not_found(engine: Engine) -> None:
    await engine.create(SESSIONS, thing("other"))
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "one", PARTITION)
    with pytest.raises(ItemNotFound):
        await engine.replace(SESSIONS, thing(), "an etag")
    with pytest.raises(ItemNotFound):
        await engine.delete(SESSIONS, "one", PARTITION)
    with pytest.raises(ItemNotFound):
        await engine.delete(SESSIONS, "one", PARTITION, if_match="an etag")
    with pytest.raises(ItemNotFound):
        await engine.patch(SESSIONS, "one", PARTITION, [Set("n", 1)])
    assert await ids(engine) == ["other"]


async def test_replace_puts_the_new_item_in_place_of_the_old(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1, old=True))
    new_etag = await engine.replace(SESSIONS, thing(n=2, new=True), etag)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=2, new=True), new_etag)


async def test_a_stale_etag_writes_nothing(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing(n=1))
    etag = await engine.replace(SESSIONS, thing(n=2), stale)
    with pytest.raises(ItemChanged):
        await engine.replace(SESSIONS, thing(n=3), stale)
    with pytest.raises(ItemChanged):
        await engine.delete(SESSIONS, "one", PARTITION, if_match=stale)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=2), etag)


async def test_the_etag_of_a_deleted_item_does_not_fit_its_successor(engine: Engine) -> None:
    stale = await engine.create(SESSIONS, thing())
    await engine.delete(SESSIONS, "one", PARTITION)
    etag = await engine.create(SESSIONS, thing())
    with pytest.raises(ItemChanged):
        await engine.replace(SESSIONS, thing(n=2), stale)
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_of_thirty_writers_with_one_etag_one_wins(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    writes = [engine.replace(SESSIONS, thing(n=n), etag) for n in range(30)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results].count(ItemChanged) == 29
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert results[stored.item["n"]] == stored.etag


async def test_of_a_delete_and_a_replace_with_one_etag_one_wins(engine: Engine) -> None:
    for n in range(10):
        etag = await engine.create(SESSIONS, thing(f"item-{n}"))
        replaced, deleted = await asyncio.gather(
            engine.replace(SESSIONS, thing(f"item-{n}", n=1), etag),
            engine.delete(SESSIONS, f"item-{n}", PARTITION, if_match=etag),
            return_exceptions=True,
        )
        if isinstance(replaced, str):
            assert isinstance(deleted, ItemChanged)
            assert (await engine.read(SESSIONS, f"item-{n}", PARTITION)).etag == replaced
        else:
            assert isinstance(replaced, ItemNotFound | ItemChanged) and deleted is None
            with pytest.raises(ItemNotFound):
                await engine.read(SESSIONS, f"item-{n}", PARTITION)


async def test_every_write_gives_a_new_etag_also_one_that_changes_nothing(engine: Engine) -> None:
    etags = [await engine.create(SESSIONS, thing(n=1))]
    for _ in range(3):
        etags.append(await engine.replace(SESSIONS, thing(n=1), etags[-1]))
    etags.append((await engine.patch(SESSIONS, "one", PARTITION, [Set("n", 1)])).etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etags[-1]
    await engine.delete(SESSIONS, "one", PARTITION, if_match=etags[-1])
    etags.append(await engine.create(SESSIONS, thing(n=1)))
    assert len(set(etags)) == len(etags)


async def test_reading_leaves_the_etag_as_it_is(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    for _ in range(3):
        assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


async def test_a_deleted_item_is_gone_and_its_id_is_free(engine: Engine) -> None:
    await engine.create(SESSIONS, thing(n=1))
    await engine.delete(SESSIONS, "one", PARTITION)
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "one", PARTITION)
    assert await ids(engine) == []
    await engine.create(SESSIONS, thing(n=2))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)


async def test_one_id_in_two_partitions_is_two_items(engine: Engine) -> None:
    anns = await engine.create(SESSIONS, thing(partition="ann", n=1))
    bobs = await engine.create(SESSIONS, thing(partition="bob", n=2))
    with pytest.raises(ItemChanged):
        await engine.replace(SESSIONS, thing(partition="bob", n=3), anns)
    await engine.replace(SESSIONS, thing(partition="ann", n=4), anns)
    await engine.patch(SESSIONS, "one", "ann", [Increment("n")])
    assert (await engine.read(SESSIONS, "one", "bob")).etag == bobs
    await engine.delete(SESSIONS, "one", "ann")
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "one", "ann")
    assert (await engine.read(SESSIONS, "one", "bob")).item == thing(partition="bob", n=2)


async def lives_through_every_verb(engine: Engine, item: dict[str, Any]) -> None:
    id, partition = item["id"], item["owner_id"]
    etag = await engine.create(SESSIONS, item)
    etag = await engine.replace(SESSIONS, {**item, "n": 1}, etag)
    patched = await engine.patch(SESSIONS, id, partition, [Increment("n")])
    assert (await engine.read(SESSIONS, id, partition)) == patched
    assert patched.item == {**item, "n": 2}
    assert id in await ids(engine, partition=partition)


@pytest.mark.parametrize("id", ODD_IDS)
async def test_an_odd_id_works(engine: Engine, id: str) -> None:
    await lives_through_every_verb(engine, thing(id))
    await engine.delete(SESSIONS, id, PARTITION)
    assert await ids(engine) == []


async def test_odd_partitions_work_and_are_kept_apart(engine: Engine) -> None:
    for n, partition in enumerate(ODD_PARTITIONS):
        await lives_through_every_verb(engine, thing(f"item-{n}", partition))
    for n, partition in enumerate(ODD_PARTITIONS):
        assert await ids(engine, partition=partition) == [f"item-{n}"]
        await engine.delete(SESSIONS, f"item-{n}", partition)
    assert await ids(engine, partition=None) == []


REFUSED = [(id, PARTITION) for id in REFUSED_IDS] + [("one", partition) for partition in REFUSED_PARTITIONS]


@pytest.mark.parametrize(("id", "partition"), REFUSED, ids=lambda text: repr(text[:12]))
async def test_other_ids_and_partitions_are_refused_before_anything_is_sent(
    engine: Engine, id: str, partition: str
) -> None:
    item = thing(id, partition)
    for call in (
        engine.create(SESSIONS, item),
        engine.read(SESSIONS, id, partition),
        engine.replace(SESSIONS, item, "etag"),
        engine.patch(SESSIONS, id, partition, [Set("n", 1)]),
        engine.delete(SESSIONS, id, partition),
        engine.commit(SESSIONS, partition, [Create(item)]),
        engine.commit(SESSIONS, partition, [Replace(item, "etag")]),
    ):
        with pytest.raises(ValueError, match="not a"):
            await call
    assert await ids(engine, partition=None) == []


@pytest.mark.parametrize("partition", REFUSED_PARTITIONS, ids=lambda text: repr(text[:12]))
async def test_queries_refuse_the_same_partitions(engine: Engine, partition: str) -> None:
    query = Query(KIND, partition, ("id",))
    with pytest.raises(ValueError, match="not a partition"):
        await engine.query(SESSIONS, query)
    with pytest.raises(ValueError, match="not a partition"):
        await engine.aggregate(SESSIONS, query, Aggregate.COUNT)
