"""The matches of a query: each operator on each type, and what never matches."""

from typing import Any

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Condition, Filter, Operator, Query, Unless
from tests.support.items import KIND, PARTITION, ids, store, thing

pytestmark = pytest.mark.each_way

EQUAL, NOT_EQUAL, IN = Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN
LESS, LESS_OR_EQUAL = Operator.LESS, Operator.LESS_OR_EQUAL
MORE, MORE_OR_EQUAL = Operator.MORE, Operator.MORE_OR_EQUAL
CONTAINS, STARTS_WITH = Operator.CONTAINS, Operator.STARTS_WITH

# Sorted values of one type each. The id of an item is its position. One item has null, and one no value.
TYPES: dict[str, list[Any]] = {
    "text": ["", "A", "B", "a", "aa", "ab", "b", "ä", "語"],
    "time": ["2024-02-29T23:59:59.999999Z", "2024-03-01T00:00:00.000000Z", "2024-03-01T00:00:00.000001Z"],
    "integer": [-(2**53), -1, 0, 1, 2, 10, 2**53],
    "float": [-1e300, -0.5, 0.0, 0.25, 1.0, 1e300],
    "boolean": [False, True],
}
COMPARISONS = {
    EQUAL: lambda x, y: x == y,
    NOT_EQUAL: lambda x, y: x != y,
    LESS: lambda x, y: x < y,
    LESS_OR_EQUAL: lambda x, y: x <= y,
    MORE: lambda x, y: x > y,
    MORE_OR_EQUAL: lambda x, y: x >= y,
}


async def store_each(engine: Engine, values: list[Any]) -> None:
    await store(engine, [thing(str(n), a={"b": value}) for n, value in enumerate(values)])
    await store(engine, [thing("null", a={"b": None}), thing("none", a={}), thing("bare"), thing("flat", a=1)])


@pytest.mark.parametrize("name", TYPES)
async def test_comparisons_find_just_what_they_say(engine: Engine, name: str) -> None:
    values = TYPES[name]
    await store_each(engine, values)
    operators = [EQUAL, NOT_EQUAL] if name == "boolean" else list(COMPARISONS)
    for operator in operators:
        for value in values:
            expected = [str(n) for n, each in enumerate(values) if COMPARISONS[operator](each, value)]
            assert await ids(engine, ("a.b", operator, value)) == expected, (operator, value)


@pytest.mark.parametrize("name", TYPES)
async def test_in_finds_each_of_its_values(engine: Engine, name: str) -> None:
    values = TYPES[name]
    await store_each(engine, values)
    for chosen in ((values[0],), (values[-1], values[0]), (values[0], values[0]), tuple(values)):
        expected = [str(n) for n, each in enumerate(values) if each in chosen]
        assert await ids(engine, ("a.b", IN, chosen)) == expected


TEXTS = ["", "Ünïcode", "naïve café", "a_b%c", 'it\'s "quoted"', "\\back", "\U0001f600 smile", "aXbXc", "NULL"]


@pytest.mark.parametrize(
    "fragment", ["", "a", "X", "x", "ï", "ca", "café", "_", "%", "'", '"', "\\", "\U0001f600", "é ", "NULL", "語"]
)
async def test_contains_and_starts_with_look_for_the_very_characters(engine: Engine, fragment: str) -> None:
    await store_each(engine, TEXTS)
    containing = [str(n) for n, text in enumerate(TEXTS) if fragment in text]
    starting = [str(n) for n, text in enumerate(TEXTS) if text.startswith(fragment)]
    assert await ids(engine, ("a.b", CONTAINS, fragment)) == containing
    assert await ids(engine, ("a.b", STARTS_WITH, fragment)) == starting


@pytest.mark.parametrize("operator", list(Operator))
async def test_a_missing_or_null_field_never_matches(engine: Engine, operator: Operator) -> None:
    await store_each(engine, [])
    for value in ("", "a", "null", 0, 1, -1, False, True):
        if operator in (CONTAINS, STARTS_WITH) and not isinstance(value, str):
            continue
        given = (value,) if operator is IN else value
        assert await ids(engine, ("a.b", operator, given)) == []
        assert await ids(engine, ("missing", operator, given)) == []


INJECTIONS = [
    "' OR '1'='1",
    '" OR "1"="1',
    "'; DROP TABLE sessions; --",
    "x') OR 1=1 --",
    "@p0",
    "@p1",
    "?",
    "?1",
    ":id",
    "c.id",
    'c["id"]',
    "$.id",
    "id",
    "%",
    "_",
    "*",
    "\\",
    "\\' OR TRUE",
    "{0}",
    "%s",
    "\x00",
    "/*",
    "--",
]


@pytest.mark.parametrize("operator", [EQUAL, NOT_EQUAL, MORE, CONTAINS, STARTS_WITH, IN])
async def test_a_value_never_becomes_text_of_the_query(engine: Engine, operator: Operator) -> None:
    await store(engine, [thing("0", a="zzz"), thing("1", a="zz")])
    for value in INJECTIONS:
        expected = ["0", "1"] if operator is NOT_EQUAL or (operator is MORE and value < "zz") else []
        given = (value, value + "!") if operator is IN else value
        assert await ids(engine, ("a", operator, given)) == expected, value


async def test_quotes_and_odd_characters_are_found_by_themselves(engine: Engine) -> None:
    values = [value for value in INJECTIONS if value != "\x00"]
    await store(engine, [thing(f"{n:02}", a=value) for n, value in enumerate(values)])
    for n, value in enumerate(values):
        assert await ids(engine, ("a", EQUAL, value)) == [f"{n:02}"]


async def test_every_filter_has_to_match(engine: Engine) -> None:
    await store(engine, [thing(f"{a}{b}", a=a, b=b) for a in range(3) for b in range(3)])
    assert await ids(engine, ("a", MORE, 0), ("a", LESS, 2), ("b", NOT_EQUAL, 1)) == ["10", "12"]
    assert await ids(engine, ("a", EQUAL, 0), ("a", EQUAL, 1)) == []


async def test_unless_matches_what_lacks_one_of_its_conditions(engine: Engine) -> None:
    await store_each(engine, [0, 1, 2])
    lacking = ["bare", "flat", "none", "null"]
    assert await found(engine, Unless((Filter("a.b", LESS_OR_EQUAL, 1),))) == ["2", *lacking]
    both = (Filter("a.b", MORE, 0), Filter("a.b", LESS, 2))
    assert await found(engine, Unless(both)) == ["0", "2", *lacking]
    assert await found(engine, Unless((Unless(both),))) == ["1"]
    assert await found(engine, Unless((Filter("a.b", MORE, 0), Unless((Filter("a.b", EQUAL, 1),))))) == [
        "0",
        "1",
        *lacking,
    ]
    assert await found(engine, Unless((Filter("a.b", IN, (0, 2)),)), Filter("a.b", MORE_OR_EQUAL, 0)) == ["1"]


async def found(engine: Engine, *filters: Condition) -> list[str]:
    query = Query(KIND, PARTITION, ("id",), filters)
    assert await engine.aggregate(SESSIONS, query, Aggregate.COUNT) == len(
        items := (await engine.query(SESSIONS, query)).items
    )
    return [item["id"] for item in items]


async def test_the_id_and_the_partition_can_be_filtered_by(engine: Engine) -> None:
    await store(engine, [thing("x~1"), thing("x~2"), thing("y~1"), thing("x~1", "bob")])
    assert await ids(engine, ("id", STARTS_WITH, "x~")) == ["x~1", "x~2"]
    assert await ids(engine, ("id", IN, ("y~1", "x~2"))) == ["x~2", "y~1"]
    assert await ids(engine, ("owner_id", EQUAL, PARTITION)) == ["x~1", "x~2", "y~1"]
    assert await ids(engine, ("owner_id", EQUAL, "bob")) == []


async def test_only_the_kind_and_the_partition_asked_for_are_found(engine: Engine) -> None:
    await store(engine, [thing("anns"), thing("bobs", "bob"), {**thing("other"), "kind": "other"}])
    assert await ids(engine) == ["anns"]
    assert await ids(engine, partition="bob") == ["bobs"]
    assert await ids(engine, partition="carol") == []


async def test_without_a_partition_all_are_asked(engine: Engine) -> None:
    await store(engine, [thing(f"item-{n}", f"person-{n % 3}", n=n) for n in range(7)])
    await store(engine, [{**thing("other"), "kind": "other"}])
    assert await ids(engine, partition=None) == [f"item-{n}" for n in range(7)]
    assert await ids(engine, ("n", MORE, 4), partition=None) == ["item-5", "item-6"]


async def test_only_the_selected_fields_come_back_and_never_the_payload(engine: Engine) -> None:
    item = thing(a={"b": 1, "c": [2]}, d=None, e="not selected", payload=b"never", metadata={"title": "t"})
    await store(engine, [item, thing("two")])
    query = Query(KIND, PARTITION, ("a", "d", "payload"))
    assert (await engine.query(SESSIONS, query)).items == [{"a": {"b": 1, "c": [2]}, "d": None}, {}]
    assert (await engine.query(SESSIONS, Query(KIND, PARTITION, ()))).items == [{}, {}]
    whole = Query(KIND, PARTITION, tuple(item))
    del item["payload"]
    assert (await engine.query(SESSIONS, whole)).items == [item, thing("two")]


async def test_a_query_shows_every_write_at_once(engine: Engine) -> None:
    etag = await engine.create(SESSIONS, thing(n=1))
    assert await ids(engine, ("n", EQUAL, 1)) == ["one"]
    await engine.replace(SESSIONS, thing(n=2), etag)
    assert await ids(engine, ("n", EQUAL, 1)) == []
    assert await ids(engine, ("n", EQUAL, 2)) == ["one"]
    await engine.delete(SESSIONS, "one", PARTITION)
    assert await ids(engine, ("n", EQUAL, 2)) == []


async def test_rows_are_the_callers_own(engine: Engine) -> None:
    await store(engine, [thing(a=[1])])
    query = Query(KIND, PARTITION, ("a",), (Filter("id", EQUAL, "one"),))
    (await engine.query(SESSIONS, query)).items[0]["a"].append(2)
    assert (await engine.query(SESSIONS, query)).items == [{"a": [1]}]


@pytest.mark.parametrize("operator", [LESS, LESS_OR_EQUAL, MORE, MORE_OR_EQUAL])
async def test_a_comparison_matches_only_values_of_its_type(engine: Engine, operator: Operator) -> None:
    await store(engine, [thing("number", at=7), thing("text", at="7"), thing("list", at=[7])])
    less = operator in (LESS, LESS_OR_EQUAL)
    assert await ids(engine, ("at", operator, "9" if less else "1")) in (["text"], ["list", "text"])
    assert await ids(engine, ("at", operator, 9 if less else 1)) == ["number"]
