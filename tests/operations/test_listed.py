"""Two stores are compared item by item, in the order of ids."""

import random
from collections.abc import AsyncIterator

import pytest

from operations.listed import Listed, listed, side_by_side
from operations.places import WrongCall
from persistence.storage.around import Around
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Page, Query
from tests.support.items import PARTITION, store, thing

IDS = ["-", "0", "A", "Z", "_", "a", "a-", "a-~1", "a.", "a0", "aa", "a~1", "a~~", "z", "~"]


async def each(items: dict[str, Listed]) -> AsyncIterator[tuple[str, Listed]]:
    for id in sorted(items):
        yield id, items[id]


@pytest.mark.parametrize("seed", range(20))
async def test_each_id_that_either_has_comes_once_with_what_both_have(seed: int) -> None:
    chance = random.Random(seed)
    first, second = (
        {id: Listed("thing", chance.randbytes(1)) for id in IDS if chance.random() < 0.6} for _ in range(2)
    )
    found = [one async for one in side_by_side(each(first), each(second))]
    assert found == [(id, first.get(id), second.get(id)) for id in sorted(first | second)]


@pytest.mark.each_engine
async def test_a_list_is_in_the_order_of_the_characters(engine: Engine) -> None:
    await store(engine, [thing(id) for id in random.sample(IDS, len(IDS))])
    assert [id async for id, _ in listed(engine, SESSIONS, PARTITION)] == IDS


@pytest.mark.one_engine
async def test_a_store_with_another_order_is_no_reason_to_remove_anything(engine: Engine) -> None:
    class Backwards(Around):
        async def query(self, container: Container, query: Query) -> Page[Item]:
            page = await super().query(container, query)
            return Page(page.items[::-1], page.cursor)

    await store(engine, [thing(id) for id in IDS])
    with pytest.raises(WrongCall, match="not in order"):
        [one async for one in listed(Backwards(engine), SESSIONS, PARTITION)]
