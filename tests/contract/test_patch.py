"""Patches: set, increment and remove, all or none on one item."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from persistence.errors import ItemTooLarge
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import ITEM_MAX_BYTES, Engine, Increment, Remove, Set
from tests.support.items import PARTITION, thing, thing_of_size

pytestmark = pytest.mark.each_way

Operation = Set | Increment | Remove


async def patched(engine: Engine, before: dict[str, Any], *operations: Operation) -> dict[str, Any]:
    """Patches a new item and returns it. Checks that the result of the patch is what is stored."""
    etag = await engine.create(SESSIONS, before)
    answer = await engine.patch(SESSIONS, before["id"], before["owner_id"], operations)
    assert answer.etag != etag
    assert await engine.read(SESSIONS, before["id"], before["owner_id"]) == answer
    return answer.item


@pytest.mark.parametrize("value", [None, False, 5, "text", [1, {"a": None}], {"a": {"b": []}}], ids=repr)
async def test_set_puts_any_value_over_what_was_there_or_was_not(engine: Engine, value: Any) -> None:
    after = await patched(engine, thing(old="old"), Set("old", value), Set("new", value))
    assert after == thing(old=value, new=value)


async def test_set_reaches_into_objects_and_leaves_their_other_fields(engine: Engine) -> None:
    before = thing(a={"b": {"c": 1, "kept": 2}, "kept": 3})
    after = await patched(engine, before, Set("a.b.c", "new"), Set("a.b.d", "added"))
    assert after == thing(a={"b": {"c": "new", "kept": 2, "d": "added"}, "kept": 3})


async def test_increment_adds_and_counts_a_missing_number_as_zero(engine: Engine) -> None:
    after = await patched(
        engine,
        thing(n=5, a={"n": -1}, half=0.5),
        *(Increment("n"), Increment("a.n", 10), Increment("half"), Increment("new", 3), Increment("a.new", -3)),
    )
    assert after == thing(n=6, a={"n": 9, "new": -3}, half=1.5, new=3)


async def test_remove_takes_a_field_away_also_one_that_is_null(engine: Engine) -> None:
    before = thing(a={"b": 1, "c": 2}, d={"e": 1}, empty=None)
    after = await patched(engine, before, Remove("a.b"), Remove("d"), Remove("empty"))
    assert after == thing(a={"c": 2})


async def test_operations_apply_in_order(engine: Engine) -> None:
    steps = (Set("n", 1), Increment("n", 5), Set("a", {}), Set("a.b", 1), Remove("gone"), Set("gone", 2))
    assert await patched(engine, thing(gone=1), *steps) == thing(n=6, a={"b": 1}, gone=2)


async def test_a_patch_keeps_the_payload(engine: Engine) -> None:
    assert await patched(engine, thing(payload=b"\0\xff"), Set("n", 1)) == thing(payload=b"\0\xff", n=1)


async def test_no_increment_is_lost_among_many(engine: Engine) -> None:
    await engine.create(SESSIONS, thing(n=0))
    counts = await asyncio.gather(*(engine.patch(SESSIONS, "one", PARTITION, [Increment("n")]) for _ in range(30)))
    assert sorted(count.item["n"] for count in counts) == list(range(1, 31))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item["n"] == 30


MISFITS: dict[str, Operation] = {
    "remove what is missing": Remove("missing"),
    "remove within what is missing": Remove("missing.b"),
    "remove within a text": Remove("text.b"),
    "increment a text": Increment("text"),
    "increment a boolean": Increment("yes"),
    "increment an object": Increment("a"),
    "increment within a text": Increment("text.n"),
    "set within a text": Set("text.b", 1),
}


@pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS.keys())
async def test_an_operation_that_does_not_fit_refuses_the_whole_patch(engine: Engine, misfit: Operation) -> None:
    before = thing(text="text", yes=True, a={"n": 1}, n=1)
    etag = await engine.create(SESSIONS, before)
    with pytest.raises(ValueError):
        await engine.patch(SESSIONS, "one", PARTITION, [Increment("n"), misfit, Set("new", 1)])
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (before, etag)


@pytest.mark.parametrize("operation", [Set("missing.b", 1), Increment("missing.b")], ids=repr)
async def test_a_parent_has_to_exist(
    engine: Engine, operation: Operation, wire_server_cannot: Callable[[str], None]
) -> None:
    wire_server_cannot("miss the parent of a patched path: it writes the field beside it")
    etag = await engine.create(SESSIONS, thing(n=1))
    with pytest.raises(ValueError):
        await engine.patch(SESSIONS, "one", PARTITION, [Increment("n"), operation])
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(n=1), etag)


REFUSED: dict[str, list[Operation]] = {
    "none": [],
    "eleven": [Increment("n")] * 11,
    "the id": [Set("id", "two")],
    "the partition": [Set("owner_id", "bob")],
    "the partition removed": [Remove("owner_id")],
    "the payload": [Set("payload", "text")],
    "within the payload": [Set("payload.a", 1)],
    "an empty path": [Set("", 1)],
    "an empty name": [Set("a..b", 1)],
    "a pointer": [Set("a/b", 1)],
    "an escape": [Set("a~1b", 1)],
    "an index": [Set("list.0", 1)],
    "the end of a list": [Set("list.-", 1)],
}


@pytest.mark.parametrize("operations", REFUSED.values(), ids=REFUSED.keys())
async def test_what_not_every_engine_could_patch_is_refused(engine: Engine, operations: list[Operation]) -> None:
    before = thing(n=0, a={}, list=[0], payload=b"bytes")
    etag = await engine.create(SESSIONS, before)
    with pytest.raises(ValueError):
        await engine.patch(SESSIONS, "one", PARTITION, operations)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (before, etag)


async def test_ten_operations_are_a_patch(engine: Engine) -> None:
    assert await patched(engine, thing(), *[Increment("n")] * 10) == thing(n=10)


async def test_a_patch_that_would_make_the_item_too_large_writes_nothing(
    engine: Engine, wire_server_cannot: Callable[[str], None]
) -> None:
    wire_server_cannot("limit the size of items")
    before = thing_of_size(ITEM_MAX_BYTES)
    etag = await engine.create(SESSIONS, before)
    with pytest.raises(ItemTooLarge):
        await engine.patch(SESSIONS, "one", PARTITION, [Set("more", "x" * 200_000)])
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (before, etag)
