"""Order, pages and cursors: no row is lost or repeated, and a cursor is valid for one query only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence.errors import InvalidCursor
from persistence.storage.containers import CONTAINERS, SESSIONS, SNAPSHOTS, Container
from persistence.storage.engine import Engine, Item
from persistence.storage.query import BY_ID, Filter, Operator, Page, Query, Sort
from tests.support.items import KIND, PARTITION, following, ids, store, store_at_once, thing, walk

pytestmark = pytest.mark.each_way

TITLE = "metadata.title"
BY_TITLE = Sort(TITLE)
ALL = Query(KIND, PARTITION, ("id",), sort=BY_TITLE)


def titled(id: str, title: str, **fields: Any) -> Item:
    return thing(id, metadata={"title": title}, **fields)


def flat(pages: list[list[Item]]) -> list[str]:
    return [item["id"] for page in pages for item in page]


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
async def test_rows_come_in_order_and_ties_by_id_in_the_same_direction(engine: Engine, descending: bool) -> None:
    titles = {"1": "b", "2": "a", "3": "B", "4": "b", "5": "", "6": "ä", "7": "b", "8": "a"}
    await store(engine, [titled(id, title) for id, title in titles.items()])
    expected = sorted(titles, key=lambda id: (titles[id], id), reverse=descending)
    assert await ids(engine, sort=Sort(TITLE, descending)) == expected
    assert await ids(engine, sort=Sort("id", descending)) == sorted(titles, reverse=descending)


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
async def test_numbers_are_ordered_as_numbers(engine: Engine, descending: bool) -> None:
    visits = [10, 9, 100, -1, 0, 9]
    items = [
        {"id": f"v{n}", "snapshot_id": PARTITION, "kind": KIND, "visits": each} for n, each in enumerate(visits)
    ]
    await store(engine, items, SNAPSHOTS)
    expected = sorted(range(len(visits)), key=lambda n: (visits[n], n), reverse=descending)
    query = Query(KIND, PARTITION, ("id",), sort=Sort("visits", descending), page_size=2)
    assert flat(await walk(engine, query, SNAPSHOTS)) == [f"v{n}" for n in expected]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
async def test_every_declared_order_works(engine: Engine, container: Container) -> None:
    def nested(path: str, value: str) -> Item:
        name, _, rest = path.partition(".")
        return {name: nested(rest, value) if rest else value}

    for path in sorted(container.ordered - {"id"}):
        ids_of_path = [f"{path}-{n}" for n in range(3)]
        kind = f"with {path}"
        for id in ids_of_path:
            await engine.create(
                container, {container.partition_key: PARTITION, "kind": kind, "id": id, **nested(path, id)}
            )
        for partition in (PARTITION, None):
            for descending in {False, path in container.sorts}:
                query = Query(kind, partition, ("id",), sort=Sort(path, descending), page_size=2)
                expected = sorted(ids_of_path, reverse=descending)
                assert flat(await walk(engine, query, container)) == expected


async def test_a_scan_goes_in_one_direction(engine: Engine) -> None:
    for partition in (PARTITION, None):
        with pytest.raises(ValueError):
            await engine.query(SESSIONS, Query(KIND, partition, ("id",), sort=Sort("deleted_at", descending=True)))


async def test_items_without_a_scanned_path_are_left_out(engine: Engine) -> None:
    rows = [thing(f"item-{n}", f"person-{n % 2}", deleted_at=f"2024-01-0{n}") for n in range(1, 6)]
    without = [thing("null", deleted_at=None), thing("none"), thing("also-null", deleted_at=None)]
    await store(engine, [*rows, *without])
    query = Query(KIND, None, ("id",), sort=Sort("deleted_at"), page_size=2)
    pages = await walk(engine, query)
    assert flat(pages) == sorted(row["id"] for row in rows)
    until = Filter("deleted_at", Operator.LESS, "2024-01-04")
    assert sorted(flat(await walk(engine, replace(query, filters=(until,))))) == ["item-1", "item-2", "item-3"]


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
async def test_items_with_neither_a_text_nor_a_number_to_sort_by_are_left_out(
    engine: Engine, descending: bool
) -> None:
    odd: list[Any] = [None, True, False, [], ["a"], {}, {"title": "a"}]
    await store(engine, [thing(f"odd-{n}", metadata={"title": value}) for n, value in enumerate(odd)])
    await store(engine, [thing("none", metadata={}), thing("bare"), thing("flat", metadata="text")])
    await store(engine, [titled("a", "a"), titled("b", "b"), titled("c", "c")])
    query = replace(ALL, sort=Sort(TITLE, descending), page_size=1)
    assert flat(await walk(engine, query)) == (["c", "b", "a"] if descending else ["a", "b", "c"])


@pytest.mark.parametrize("page_size", [1, 2, 3, 6, 7, 8, 1000])
async def test_pages_are_full_but_for_the_last_and_only_the_last_has_no_cursor(
    engine: Engine, page_size: int
) -> None:
    await store_at_once(engine, PARTITION, [titled(f"item-{n}", "same") for n in range(7)])
    pages = await walk(engine, replace(ALL, page_size=page_size))
    assert flat(pages) == [f"item-{n}" for n in range(7)]
    assert [len(page) for page in pages[:-1]] == [page_size] * (len(pages) - 1)
    assert 1 <= len(pages[-1]) <= page_size


async def test_nothing_is_one_empty_page(engine: Engine) -> None:
    assert await engine.query(SESSIONS, ALL) == Page([], None)


async def test_a_page_size_may_change_from_page_to_page(engine: Engine) -> None:
    await store_at_once(engine, PARTITION, [titled(f"item-{n}", "same") for n in range(7)])
    query, seen = replace(ALL, page_size=1), []
    while True:
        page = await engine.query(SESSIONS, query)
        seen += [item["id"] for item in page.items]
        if page.cursor is None:
            break
        query = following(replace(query, page_size=query.page_size + 1), page.cursor)
    assert seen == [f"item-{n}" for n in range(7)]


async def test_a_cursor_stays_good_when_the_row_it_names_is_gone(engine: Engine) -> None:
    await store(engine, [titled(f"item-{n}", "same") for n in range(4)])
    page = await engine.query(SESSIONS, replace(ALL, page_size=2))
    await engine.delete(SESSIONS, "item-1", PARTITION)
    assert flat(await walk(engine, following(replace(ALL, page_size=2), page.cursor))) == ["item-2", "item-3"]


async def test_other_fields_may_be_selected_from_a_cursor_on(engine: Engine) -> None:
    await store(engine, [titled(f"item-{n}", "same", n=n) for n in range(3)])
    page = await engine.query(SESSIONS, replace(ALL, page_size=2))
    rest = await engine.query(SESSIONS, replace(ALL, select=("n",), cursor=page.cursor))
    assert rest.items == [{"n": 2}]


async def test_an_undeclared_sort_is_refused(engine: Engine) -> None:
    for path in ("title", "metadata", "metadata.description__lower", "kind", "owner_id", "n"):
        with pytest.raises(ValueError, match=f"sessions cannot be sorted by {path}"):
            await engine.query(SESSIONS, replace(ALL, sort=Sort(path)))


OTHERS: dict[str, Callable[[Query], Query]] = {
    "kind": lambda query: replace(query, kind="other"),
    "partition": lambda query: replace(query, partition="bob"),
    "no partition": lambda query: replace(query, partition=None),
    "no filter": lambda query: replace(query, filters=()),
    "filter's value": lambda query: replace(query, filters=(Filter("n", Operator.MORE, 1),)),
    "filter's operator": lambda query: replace(query, filters=(Filter("n", Operator.LESS, 0),)),
    "filter's path": lambda query: replace(query, filters=(Filter("m", Operator.MORE, 0),)),
    "one filter more": lambda query: replace(query, filters=(*query.filters, Filter("m", Operator.MORE, 0))),
    "sort": lambda query: replace(query, sort=Sort("metadata.created_at")),
    "sort by id": lambda query: replace(query, sort=BY_ID),
    "direction": lambda query: replace(query, sort=Sort(TITLE, descending=True)),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
async def test_a_cursor_of_another_query_is_refused(engine: Engine, other: Callable[[Query], Query]) -> None:
    await store(engine, [titled(f"item-{n}", "same", n=n) for n in range(1, 5)])
    query = replace(ALL, filters=(Filter("n", Operator.MORE, 0),), page_size=2)
    cursor = (await engine.query(SESSIONS, query)).cursor
    with pytest.raises(InvalidCursor):
        await engine.query(SESSIONS, following(other(query), cursor))
    assert flat(await walk(engine, following(query, cursor))) == ["item-3", "item-4"]


async def test_the_order_of_filters_does_not_matter_to_a_cursor(engine: Engine) -> None:
    await store(engine, [titled(f"item-{n}", "same", n=n) for n in range(3)])
    filters = (Filter("n", Operator.MORE_OR_EQUAL, 0), Filter(TITLE, Operator.EQUAL, "same"))
    page = await engine.query(SESSIONS, replace(ALL, filters=filters, page_size=2))
    rest = await engine.query(SESSIONS, replace(ALL, filters=filters[::-1], cursor=page.cursor))
    assert rest.items == [{"id": "item-2"}]


async def test_a_malformed_cursor_is_refused(engine: Engine) -> None:
    await store(engine, [titled(f"item-{n}", "t", n=n) for n in range(3)])
    query = replace(ALL, page_size=2)
    cursor = (await engine.query(SESSIONS, query)).cursor
    assert cursor is not None
    digest, value, id = orjson.loads(urlsafe_b64decode(cursor + "=="))
    forged = [
        *([digest, None, id], [digest, 2**63, id], [digest, [value], id], [digest, {}, id], [digest, value, 5]),
        *(["", value, id], [digest, value], [digest, value, id, 1], digest, {"a": digest, "b": value, "c": id}),
    ]
    malformed = [urlsafe_b64encode(orjson.dumps(each)).rstrip(b"=").decode() for each in forged]
    malformed += [cursor[:end] for end in range(1, len(cursor))] + [cursor[start:] for start in range(1, 5)]
    malformed += [cursor + "A", cursor + "=", cursor + "\n", " " + cursor, cursor[:9] + "*" + cursor[9:]]
    malformed += ["é", "null", "W10", "e30", "x" * 5000, cursor * 2, "\0", "' OR 1=1"]
    for each in malformed:
        with pytest.raises(InvalidCursor):
            await engine.query(SESSIONS, following(query, each))


@pytest.mark.parametrize(
    "title", ["", "'; --", '\U0001f600\u2028"\\', "\x01" * 255, "\U0010ffff" * 255], ids=ascii
)
async def test_any_sort_value_makes_a_good_cursor(engine: Engine, title: str) -> None:
    await store(engine, [titled(f"item-{n}", title) for n in range(3)])
    pages = await walk(engine, replace(ALL, page_size=1))
    assert flat(pages) == ["item-0", "item-1", "item-2"]


@pytest.mark.parametrize("number", [0, -1, 2**53, 0.1, -1e300, 5e-324], ids=repr)
async def test_any_number_makes_a_good_cursor(engine: Engine, number: float) -> None:
    items = [{"id": f"v{n}", "snapshot_id": PARTITION, "kind": KIND, "visits": number} for n in range(3)]
    await store(engine, items, SNAPSHOTS)
    query = Query(KIND, PARTITION, ("id",), sort=Sort("visits", descending=True), page_size=1)
    assert flat(await walk(engine, query, SNAPSHOTS)) == ["v2", "v1", "v0"]


titles = st.sampled_from(["", "a", "aa", "b", "ä", "'", '"', "\uffff", "\U0001f600"])
changes = st.lists(
    st.tuples(st.sampled_from(["create", "delete", "replace"]), st.integers(0, 30), titles), max_size=4
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.lists(titles, min_size=1, max_size=12),
    sort=st.builds(Sort, st.sampled_from([TITLE, "id"]), st.booleans()),
    page_size=st.integers(1, 4),
    meanwhile=st.lists(changes, max_size=8),
)
async def test_no_untouched_row_is_lost_or_doubled_while_others_come_and_go(
    engine: Engine, start: list[str], sort: Sort, page_size: int, meanwhile: list[list[tuple[str, int, str]]]
) -> None:
    partition = uuid4().hex
    # Rows of even numbers exist from the start. Odd ones are added later, between the old ones.
    rows = {f"row-{2 * n:02}": title for n, title in enumerate(start)}
    created = [thing(id, partition, metadata={"title": title}) for id, title in rows.items()]
    await store_at_once(engine, partition, created)
    untouched = set(rows)
    query = Query(KIND, partition, ("id", "metadata"), sort=sort, page_size=page_size)
    seen: list[str] = []
    while True:
        page = await engine.query(SESSIONS, query)
        seen += [item["id"] for item in page.items]
        for change, number, title in meanwhile.pop(0) if meanwhile else []:
            id = f"row-{number:02}"
            item = thing(id, partition, metadata={"title": title})
            if change == "create" and id not in rows:
                await engine.create(SESSIONS, item)
                rows[id] = title
            elif change == "delete" and id in rows:
                await engine.delete(SESSIONS, id, partition)
                untouched.discard(id)
                del rows[id]
            elif change == "replace" and id in rows and rows[id] == title:
                # Written again with the same sort value, so the list does not change.
                stored = await engine.read(SESSIONS, id, partition)
                await engine.replace(SESSIONS, stored.item | {"n": number}, stored.etag)
        if page.cursor is None:
            break
        query = following(query, page.cursor)
    assert untouched <= set(seen)
    # Only a row that was deleted and created again may be seen twice, because it is another row.
    assert all(seen.count(id) == 1 for id in untouched)
