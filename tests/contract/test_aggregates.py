"""COUNT, SUM, MIN and MAX, with and without matching items."""

from dataclasses import replace
from typing import Any

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Filter, Operator, Query, Sort
from tests.support.items import KIND, PARTITION, store, thing

pytestmark = pytest.mark.each_way

COUNT, SUM, MIN, MAX = Aggregate.COUNT, Aggregate.SUM, Aggregate.MIN, Aggregate.MAX
ALL = Query(KIND, PARTITION, ("id",))


@pytest.mark.parametrize(
    ("function", "path", "expected"),
    [
        (COUNT, "id", 5),
        (COUNT, "n", 5),
        (COUNT, "missing", 5),
        (SUM, "n", 6.5),
        (MIN, "n", -3),
        (MAX, "n", 5.5),
        (MIN, "a.text", "B"),
        (MAX, "a.text", "ä"),
        (MIN, "id", "five"),
        (MAX, "id", "two"),
    ],
)
async def test_what_lacks_the_path_counts_but_adds_nothing(
    engine: Engine, function: Aggregate, path: str, expected: Any
) -> None:
    await store(
        engine,
        [
            thing("one", n=5.5, a={"text": "B"}),
            thing("two", n=-3, a={"text": "a"}),
            thing("three", n=4, a={"text": "ä"}),
            thing("four", n=None, a={"text": None}),
            thing("five"),
            thing("bobs", "bob", n=100, a={"text": "zzz"}),
            {**thing("other", n=100), "kind": "other"},
        ],
    )
    assert await engine.aggregate(SESSIONS, ALL, function, path) == expected


@pytest.mark.parametrize(("function", "expected"), [(COUNT, 0), (SUM, 0), (MIN, None), (MAX, None)])
async def test_of_nothing(engine: Engine, function: Aggregate, expected: Any) -> None:
    await store(engine, [thing(n=1), thing("bobs", "bob", n=2)])
    for query in (replace(ALL, partition="carol"), replace(ALL, filters=(Filter("n", Operator.MORE, 1),))):
        result = await engine.aggregate(SESSIONS, query, function, "n")
        assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(("function", "expected"), [(COUNT, 2), (SUM, 0), (MIN, None), (MAX, None)])
async def test_of_nulls_and_what_is_missing(engine: Engine, function: Aggregate, expected: Any) -> None:
    await store(engine, [thing("one", n=None), thing("two")])
    assert await engine.aggregate(SESSIONS, ALL, function, "n") == expected


@pytest.mark.parametrize(("function", "expected"), [(COUNT, 4), (SUM, 14), (MIN, 2), (MAX, 5)])
async def test_filters_choose_what_is_aggregated(engine: Engine, function: Aggregate, expected: int) -> None:
    await store(engine, [thing(f"item-{n}", n=n) for n in range(7)])
    query = replace(ALL, filters=(Filter("n", Operator.MORE, 1), Filter("n", Operator.LESS, 6)))
    assert await engine.aggregate(SESSIONS, query, function, "n") == expected


@pytest.mark.parametrize(("function", "expected"), [(COUNT, 6), (SUM, 15), (MIN, 0), (MAX, 5)])
async def test_without_a_partition_all_are_aggregated(engine: Engine, function: Aggregate, expected: int) -> None:
    await store(engine, [thing(f"item-{n}", f"person-{n}", n=n) for n in range(6)])
    assert await engine.aggregate(SESSIONS, replace(ALL, partition=None), function, "n") == expected


async def test_sort_page_size_and_cursor_are_ignored(engine: Engine) -> None:
    await store(engine, [thing(f"item-{n}", n=n) for n in range(5)])
    query = replace(ALL, sort=Sort("undeclared"), page_size=2, cursor="not a cursor")
    assert await engine.aggregate(SESSIONS, query, COUNT) == 5
    assert await engine.aggregate(SESSIONS, query, SUM, "n") == 10


@pytest.mark.parametrize("path", ["", "a b", "a') FROM sessions --", 'a"]', "a..b", "a.0", "$.a", "*"])
async def test_what_is_no_path_is_refused(engine: Engine, path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        await engine.aggregate(SESSIONS, ALL, SUM, path)


@pytest.mark.parametrize("value", ["x", [], {}, {"n": 1}])
async def test_a_sum_leaves_out_what_is_no_number(engine: Engine, value: Any) -> None:
    await store(engine, [thing("one", n=1), thing("two", n=value), thing("three", n=3)])
    assert await engine.aggregate(SESSIONS, ALL, SUM, "n") == 4
    assert await engine.aggregate(SESSIONS, ALL, COUNT, "n") == 3
