"""What every verb goes through: the partitions of a store."""

from pathlib import Path

import pytest

from operations.items import partitions
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from tests.support.items import store, thing
from tests.support.sqlite import beside

NAMES = ["A person", "ann", "bob", "bobby", "zoe"]


async def found(engine: Engine) -> list[str]:
    return [name async for name in partitions(engine, SESSIONS)]


async def test_each_partition_of_people_is_found_once_in_order(engine: Engine) -> None:
    await store(engine, [thing(id, name) for name in (" timers", *reversed(NAMES)) for id in ("one", "two")])
    assert await found(engine) == NAMES


@pytest.mark.one_engine
@pytest.mark.parametrize("damaged", [b"\xffob", b"bo\xff", b"bob\x01", b"zz\xff\xfe"])
async def test_a_partition_whose_name_is_damaged_hides_no_other_one(
    engine: Engine, tmp_path: Path, damaged: bytes
) -> None:
    await store(engine, [thing("one", name) for name in NAMES])
    with beside(tmp_path / "data") as connection:
        text = "INSERT INTO sessions SELECT CAST(? AS TEXT), id, kind, etag, item, payload FROM sessions LIMIT 1"
        connection.execute(text, (damaged,))
    assert await found(engine) == NAMES
