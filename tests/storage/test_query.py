"""Queries as data: invalid queries, the fields that are read, and cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import FrozenInstanceError, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.errors import InvalidCursor
from persistence.storage.query import (
    BY_ID,
    Aggregate,
    Filter,
    Operator,
    Page,
    Position,
    Query,
    Sort,
    Unless,
    value_at,
)

BY_TITLE = Sort("metadata.title", descending=True)
QUERY = Query("session", "ann", ("id", "metadata"), (Filter("status", Operator.EQUAL, "active"),), BY_TITLE, 2)
ROWS = [{"id": f"id-{n}", "metadata": {"title": f"title {n}"}, "status": "active"} for n in (3, 2, 1)]


def cursor_of(query: Query, *rows: dict[str, Any]) -> str:
    cursor = replace(query, page_size=len(rows)).page([*rows, rows[-1]]).cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    "path",
    ["", ".", "a.", ".a", "a..b", "a b", "a-b", "a'b", 'a"b', "a/b", "a[0]", "a.0", "1a", "$", "é", "a\n", "a;--"],
)
def test_what_is_no_path_never_gets_into_a_query(path: str) -> None:
    for make in (
        lambda: Filter(path, Operator.EQUAL, "x"),
        lambda: Sort(path),
        lambda: Query("session", "ann", (path,)),
    ):
        with pytest.raises(ValueError, match="not a path"):
            make()


@pytest.mark.parametrize("path", ["a", "_a", "a1", "metadata.title__lower", "camelCase", "A.b.C_3"])
def test_paths_are_names_with_dots(path: str) -> None:
    assert Filter(path, Operator.EQUAL, "x").path == Sort(path).path == path


def test_only_top_level_fields_are_selected() -> None:
    with pytest.raises(ValueError, match="not a top-level field: 'metadata.title'"):
        Query("session", "ann", ("metadata.title",))


@pytest.mark.parametrize("page_size", [0, -1])
def test_a_page_has_at_least_one_row(page_size: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        Query("session", "ann", ("id",), page_size=page_size)


def test_queries_are_read_only_and_equal_by_value() -> None:
    assert replace(QUERY) == QUERY and hash(replace(QUERY)) == hash(QUERY)
    with pytest.raises(FrozenInstanceError):
        QUERY.kind = "other"  # type: ignore[misc]


def test_the_names_of_operators_and_aggregates_are_their_values() -> None:
    assert [each.value for each in Operator] == [each.name for each in Operator]
    assert [each.value for each in Aggregate] == ["COUNT", "SUM", "MIN", "MAX"]


def test_the_id_and_the_sorts_field_are_read_besides_what_was_selected() -> None:
    assert Query("session", "ann", ("status",), sort=BY_TITLE).read_fields == ("status", "id", "metadata")
    assert Query("session", "ann", ("metadata", "id"), sort=BY_TITLE).read_fields == ("metadata", "id")
    assert Query("session", "ann", ()).read_fields == ("id",)


def test_a_page_shows_the_selected_fields_alone() -> None:
    page = replace(QUERY, select=("status", "missing")).page(ROWS[:2])
    assert page == Page([{"status": "active"}] * 2, None)


def test_the_row_too_many_only_makes_a_cursor() -> None:
    assert QUERY.page([]) == Page([], None)
    assert QUERY.page(ROWS[:2]).cursor is None
    page = QUERY.page(ROWS)
    assert [row["id"] for row in page.items] == ["id-3", "id-2"]
    assert replace(QUERY, cursor=page.cursor).position() == Position("title 2", "id-2")


def test_without_a_cursor_a_page_is_the_first() -> None:
    assert QUERY.position() is None
    assert replace(QUERY, cursor="").position() is None


def test_cursors_are_the_same_from_release_to_release() -> None:
    cursor = "WyI0ZTJmNWQ1OGRmNGM4NDFiIiwidGl0bGUgMiIsImlkLTIiXQ"
    assert cursor_of(QUERY, *ROWS[:2]) == cursor


def test_a_cursor_is_of_url_characters_and_does_not_say_whose_it_is() -> None:
    cursor = cursor_of(QUERY, {"id": "\U0001f600>>>???", "metadata": {"title": "~~~\xff\xfe"}})
    assert cursor.replace("-", "").replace("_", "").isalnum() and cursor.isascii()
    assert "ann" not in urlsafe_b64decode(cursor + "==").decode()


scalars = (
    st.text(max_size=40) | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)


@given(scalars, st.text(max_size=40))
def test_any_position_comes_back_from_its_cursor(value: Any, id: str) -> None:
    cursor = cursor_of(QUERY, {"id": id, "metadata": {"title": value}})
    assert replace(QUERY, cursor=cursor).position() == Position(value, id)


def test_the_page_size_and_the_fields_are_the_callers_to_change() -> None:
    cursor = cursor_of(QUERY, *ROWS[:2])
    other = replace(QUERY, page_size=99, select=("status",), cursor=cursor)
    assert other.position() == Position("title 2", "id-2")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "draft"},
        {"partition": "bob"},
        {"partition": None},
        {"sort": BY_ID},
        {"sort": Sort("metadata.title")},
        {"filters": ()},
        {"filters": (Filter("status", Operator.NOT_EQUAL, "active"),)},
        {"filters": (Filter("status", Operator.IN, ("active",)),)},
        {"filters": (Filter("status", Operator.EQUAL, "closed"),)},
        {"filters": (*QUERY.filters, *QUERY.filters)},
    ],
    ids=lambda changes: " ".join(f"{name}" for name in changes),
)
def test_a_cursor_belongs_to_one_query(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidCursor):
        replace(QUERY, cursor=cursor_of(QUERY, *ROWS[:2]), **changes).position()


def test_a_cursor_is_bound_to_the_name_of_an_unless_and_not_to_its_moment() -> None:
    row = {"id": "x", "metadata": {"title": "a"}}

    def given(until: str, name: str) -> Query:
        gone = Unless((Filter("deleted_at", Operator.LESS_OR_EQUAL, until),), name)
        return replace(QUERY, filters=(*QUERY.filters, gone))

    named = given("2026", "deleted").cursor_after(row)
    assert replace(given("2027", "deleted"), cursor=named).position() is not None
    for other in (QUERY, given("2026", ""), given("2026", "other")):
        with pytest.raises(InvalidCursor):
            replace(other, cursor=named).position()
    assert given("2026", "").cursor_after(row) == QUERY.cursor_after(row)


def test_values_that_look_alike_are_told_apart() -> None:
    values: list[Any] = [1, "1", True, "true", ("1",), ("1", "1"), "", ("",)]
    queries = [replace(QUERY, filters=(Filter("n", Operator.EQUAL, value),)) for value in values]
    for query in queries:
        accepted = []
        for other in queries:
            try:
                replace(other, cursor=cursor_of(query, *ROWS[:2])).position()
                accepted.append(other)
            except InvalidCursor:
                pass
        assert accepted == [query]


@given(st.text(max_size=60))
def test_no_text_but_a_cursor_is_taken(text: str) -> None:
    if text:
        with pytest.raises(InvalidCursor):
            replace(QUERY, cursor=text).position()


@given(st.data())
def test_a_cursor_has_one_spelling(data: st.DataObject) -> None:
    cursor = cursor_of(QUERY, *ROWS[:2])
    position = data.draw(st.integers(0, len(cursor) - 1))
    character = data.draw(st.characters(codec="utf-8"))
    for changed in (
        cursor[:position] + character + cursor[position + 1 :],
        cursor[:position] + character + cursor[position:],
        cursor[:position] + cursor[position + 1 :],
    ):
        if changed == cursor:
            continue
        try:
            found = replace(QUERY, cursor=changed).position()
        except InvalidCursor:
            continue
        # A forged position does no harm, because it stays within the query.
        assert isinstance(found, Position) and found != Position("title 2", "id-2")


@pytest.mark.parametrize("number", [2**63, -(2**63), 2**64 - 1])
def test_a_number_that_no_engine_takes_is_no_position(number: int) -> None:
    digest = orjson.loads(urlsafe_b64decode(cursor_of(QUERY, *ROWS[:2]) + "=="))[0]
    forged = urlsafe_b64encode(orjson.dumps([digest, number, "id"])).rstrip(b"=").decode()
    with pytest.raises(InvalidCursor):
        replace(QUERY, cursor=forged).position()


def test_what_stands_at_a_path() -> None:
    assert value_at({"a": {"b": 1}}, "a.b") == 1
    assert value_at({"a": None}, "a") is None
    with pytest.raises(KeyError):
        value_at({"a": {}}, "a.b")
