"""A read returns what was written, as the caller's own copy."""

import random
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence.errors import ItemNotFound, ItemTooLarge
from persistence.storage.containers import SESSIONS, SNAPSHOTS
from persistence.storage.engine import ITEM_MAX_BYTES, PAYLOAD, Engine, Set
from tests.support.items import PARTITION, thing, thing_of_size

pytestmark = pytest.mark.each_way

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**53 - 1,
    1.5,
    -2.5e-300,
    "",
    '"it\'s" \\ `quoted` %s {} $1 ? -- ;',
    "naïve Ωmega \u2028 \ufeff é vs e\u0301 \U0001f600 \U0010ffff",
    "NUL \0 and other controls \x01 \x1f \x7f \x9f\r\n\t",
    "null",
    [],
    {},
    [None, [None, {}], {"a": None}],
    {"": "empty name", "with.dot": 1, 'with "quote': 2, "Ünïcode": 3, "constructor": 4},
    {"deep": {"deep": {"deep": {"deep": {"deep": [{"deep": [[[["bottom"]]]]}]}}}}},
    ["x"] * 1000,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
async def test_any_json_value_comes_back_as_it_was(engine: Engine, value: Any) -> None:
    await engine.create(SESSIONS, thing(value=value, nested={"value": value}))
    item = (await engine.read(SESSIONS, "one", PARTITION)).item
    assert item == thing(value=value, nested={"value": value})
    assert type(item["value"]) is type(value)


async def test_a_field_that_is_null_is_not_the_same_as_none(engine: Engine) -> None:
    await engine.create(SESSIONS, thing(empty=None))
    assert "empty" in (await engine.read(SESSIONS, "one", PARTITION)).item
    assert PAYLOAD not in (await engine.read(SESSIONS, "one", PARTITION)).item


# Numbers are doubles in Cosmos DB. Whole numbers are exact up to 2**53.
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-(2.0**53), 2.0**53)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values, payload=st.none() | st.binary(max_size=200))
async def test_anything_comes_back_after_create_and_replace(
    engine: Engine, value: Any, payload: bytes | None
) -> None:
    item = thing(uuid4().hex, value=value)
    if payload is not None:
        item[PAYLOAD] = payload
    etag = await engine.create(SESSIONS, item)
    stored = await engine.read(SESSIONS, item["id"], item["owner_id"])
    assert (stored.item, stored.etag) == (item, etag)
    changed = {**item, "value": [value, value]}
    etag = await engine.replace(SESSIONS, changed, etag)
    stored = await engine.read(SESSIONS, item["id"], item["owner_id"])
    assert (stored.item, stored.etag) == (changed, etag)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 65_537, 1_400_000])
async def test_payload_bytes_come_back_byte_for_byte(engine: Engine, size: int) -> None:
    payload = random.Random(size).randbytes(size)
    etag = await engine.create(SESSIONS, thing(payload=payload))
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(payload=payload)
    await engine.replace(SESSIONS, thing(payload=payload[::-1], n=1), etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(payload=payload[::-1], n=1)


async def test_a_payload_can_come_and_go(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing())
    etag = await engine.replace(SESSIONS, thing(payload=b"\0\xff"), etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(payload=b"\0\xff")
    await engine.replace(SESSIONS, thing(), etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing()


async def test_changing_what_was_read_changes_nothing_stored(engine: Engine) -> None:
    await engine.create(SESSIONS, thing(value={"list": [1]}))
    first = (await engine.read(SESSIONS, "one", PARTITION)).item
    first["value"]["list"].append(2)
    first["id"] = "other"
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(value={"list": [1]})


async def test_changing_what_was_given_changes_nothing_stored(engine: Engine) -> None:
    given_item = thing(value={"list": [1]})
    await engine.create(SESSIONS, given_item)
    given_item["value"]["list"].append(2)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(value={"list": [1]})


async def test_a_patched_item_shares_nothing_with_what_was_given(engine: Engine) -> None:
    await engine.create(SESSIONS, thing())
    value = {"list": [1]}
    patched = await engine.patch(SESSIONS, "one", PARTITION, [Set("value", value)])
    patched.item["value"]["list"].append(2)
    assert value == {"list": [1]}
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(value={"list": [1]})


async def test_writing_leaves_what_was_given_as_it_was(engine: Engine) -> None:
    item = thing(payload=b"bytes", value={"a": 1})
    etag = await engine.create(SESSIONS, item)
    await engine.replace(SESSIONS, item, etag)
    assert item == thing(payload=b"bytes", value={"a": 1})


async def test_containers_are_kept_apart(engine: Engine) -> None:
    await engine.create(SESSIONS, thing())
    with pytest.raises(ItemNotFound):
        await engine.read(SNAPSHOTS, "one", PARTITION)
    other = {"id": "one", "snapshot_id": PARTITION, "kind": "thing"}
    await engine.create(SNAPSHOTS, other)
    await engine.delete(SESSIONS, "one", PARTITION)
    assert (await engine.read(SNAPSHOTS, "one", PARTITION)).item == other


@pytest.mark.parametrize(
    ("character", "fields"),
    [
        ("x", {}),
        ("é", {}),
        ("\U0001f600", {}),
        ("x", {"quotes": '"' * 900_000}),
        ("x", {"payload": b"x" * 1_000_000}),
    ],
    ids=["ascii", "two bytes", "four bytes", "escaped", "payload"],
)
async def test_an_item_may_weigh_two_million_bytes_and_not_one_more(
    engine: Engine, character: str, fields: dict[str, Any]
) -> None:
    largest = thing_of_size(ITEM_MAX_BYTES, character, **fields)
    too_large = {**largest, "rest": largest["rest"] + "x"}
    with pytest.raises(ItemTooLarge) as refused:
        await engine.create(SESSIONS, too_large)
    assert (refused.value.size, refused.value.limit) == (ITEM_MAX_BYTES + 1, ITEM_MAX_BYTES)
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "one", PARTITION)
    etag = await engine.create(SESSIONS, largest)
    with pytest.raises(ItemTooLarge):
        await engine.replace(SESSIONS, too_large, etag)
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (largest, etag)


@pytest.mark.parametrize(
    "value",
    [
        *(b"bytes", {1: "number as a name"}, "lone \ud800", object(), 2**64, {"deep": [object()]}),
        # A driver would write these as something else.
        *(float("nan"), [float("inf")], (1, 2), datetime(2026, 1, 1), UUID(int=1)),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_is_not_plain_json_is_refused_before_anything_is_sent(engine: Engine, value: Any) -> None:
    with pytest.raises(ValueError, match="plain JSON"):
        await engine.create(SESSIONS, thing(value=value))
    etag = await engine.create(SESSIONS, thing())
    with pytest.raises(ValueError, match="plain JSON"):
        await engine.replace(SESSIONS, thing(value=value), etag)
    with pytest.raises(ValueError, match="plain JSON"):
        await engine.patch(SESSIONS, "one", PARTITION, [Set("value", value)])
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert (stored.item, stored.etag) == (thing(), etag)


@pytest.mark.parametrize("payload", [None, "text", 1, bytearray(b"x")], ids=lambda value: type(value).__name__)
async def test_a_payload_that_is_not_bytes_is_refused(engine: Engine, payload: Any) -> None:
    with pytest.raises(ValueError, match="a payload is bytes"):
        await engine.create(SESSIONS, thing(payload=payload))
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "one", PARTITION)
