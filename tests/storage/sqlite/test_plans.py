"""SQLite's query plans: they use an index, in its order, and read no more rows than they return."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from persistence.storage.containers import CONTAINERS, SESSIONS, Container
from persistence.storage.query import BY_ID, Aggregate, Filter, Operator, Query, Sort
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import KIND, PARTITION, store_at_once, thing

FILTERS = (
    Filter("status", Operator.IN, ("active", "closed")),
    Filter("metadata.title__lower", Operator.CONTAINS, "a"),
    Filter("metadata.created_at", Operator.MORE, "2024"),
)
directions = pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
filters = pytest.mark.parametrize("filters", [(), FILTERS], ids=["unfiltered", "filtered"])


@pytest.fixture
def connection(engine: SqliteEngine) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(engine._path)) as opened:
        yield opened


def plan(connection: sqlite3.Connection, statement: sqlite_query.Statement) -> str:
    text, values = statement
    return "\n".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + text, values))


def pages_of(container: Container, query: Query) -> Iterator[sqlite_query.Statement]:
    """Yields the statements for the first page and for a page that starts at a cursor."""
    yield sqlite_query.select(container, query)
    row = {"id": "a", "kind": KIND}
    for name in reversed(query.sort.path.split(".")[1:]):
        row = {**row, name: "b"}
    field = query.sort.path.split(".")[0]
    last = {**row, field: {query.sort.path.split(".")[1]: "b"} if "." in query.sort.path else "b"}
    cursor = replace(query, page_size=1).page([last, last]).cursor
    yield sqlite_query.select(container, replace(query, cursor=cursor))


SORTS = [(container, path) for container in CONTAINERS for path in container.sorts]
SCANS = [(container, path) for container in CONTAINERS for path in container.scans]


@filters
@directions
@pytest.mark.parametrize(("container", "path"), SORTS, ids=lambda each: getattr(each, "name", each))
def test_a_list_in_a_partition_reads_its_index_in_order(
    connection: sqlite3.Connection,
    container: Container,
    path: str,
    descending: bool,
    filters: tuple[Filter, ...],
) -> None:
    query = Query(KIND, PARTITION, ("id",), filters, Sort(path, descending))
    for page in pages_of(container, query):
        steps = plan(connection, page)
        assert steps.startswith(
            f"SEARCH {container.name} USING INDEX {container.name} by {path} (partition=? AND kind=?"
        )
        assert "\n" not in steps and "TEMP B-TREE" not in steps


@filters
@directions
@pytest.mark.parametrize(("container", "path"), SCANS, ids=lambda each: getattr(each, "name", each))
def test_a_scan_across_partitions_reads_its_index_in_order(
    connection: sqlite3.Connection,
    container: Container,
    path: str,
    descending: bool,
    filters: tuple[Filter, ...],
) -> None:
    query = Query(KIND, None, ("id",), filters, Sort(path, descending))
    for page in pages_of(container, query):
        steps = plan(connection, page)
        assert steps.startswith(f"SEARCH {container.name} USING INDEX {container.name} scan {path} (kind=?")
        assert "\n" not in steps and "TEMP B-TREE" not in steps


@directions
@pytest.mark.parametrize(("container", "path"), SCANS, ids=lambda each: getattr(each, "name", each))
def test_a_scan_stops_where_a_filter_on_its_own_path_says(
    connection: sqlite3.Connection, container: Container, path: str, descending: bool
) -> None:
    until = Filter(path, Operator.LESS, "2024")
    query = Query(KIND, None, ("id",), (until,), Sort(path, descending))
    expected = f"SEARCH {container.name} USING INDEX {container.name} scan {path} (kind=? AND <expr><?)"
    assert plan(connection, sqlite_query.select(container, query)) == expected


@filters
@directions
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
def test_a_list_by_id_reads_the_key_in_order(
    connection: sqlite3.Connection, container: Container, descending: bool, filters: tuple[Filter, ...]
) -> None:
    query = replace(Query(KIND, PARTITION, ("id",), filters), sort=replace(BY_ID, descending=descending))
    for page in pages_of(container, query):
        steps = plan(connection, page)
        assert steps.startswith(f"SEARCH {container.name} USING INDEX sqlite_autoindex_{container.name}_1 (")
        assert "\n" not in steps and "TEMP B-TREE" not in steps


@pytest.mark.parametrize("function", list(Aggregate))
def test_an_aggregate_stays_in_its_partition(connection: sqlite3.Connection, function: Aggregate) -> None:
    query = Query(KIND, PARTITION, ("id",), FILTERS)
    steps = plan(connection, sqlite_query.aggregate(SESSIONS, query, function, "metadata.created_at"))
    assert re.fullmatch(r"SEARCH sessions USING (COVERING )?INDEX \S.* \(partition=\?.*\)", steps)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
def test_indexes_and_queries_are_made_of_the_same_expressions(
    connection: sqlite3.Connection, container: Container
) -> None:
    definitions = dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            (container.name,),
        )
    )
    assert definitions.keys() == {f"{container.name} by {path}" for path in container.sorts} | {
        f"{container.name} scan {path}" for path in container.scans
    }
    for path in container.ordered - {"id"}:
        expression = f"json_extract(item, '$.{path}')"
        text, _ = sqlite_query.select(container, Query(KIND, None, ("id",), sort=Sort(path)))
        assert f"ORDER BY {expression} ASC, id ASC" in text
        named = [definition for name, definition in definitions.items() if name.endswith(f" {path}")]
        assert named and all(f"{expression}, id)" in definition for definition in named)


async def test_a_page_costs_the_same_among_few_and_among_many(
    engine: SqliteEngine, connection: sqlite3.Connection
) -> None:
    def steps(cursor: str | None) -> tuple[int, str | None]:
        """Returns the cost of a page in tens of virtual machine instructions, and its cursor."""
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        query = Query(KIND, PARTITION, ("id",), sort=Sort("metadata.title"), page_size=20, cursor=cursor)
        text, values = sqlite_query.select(SESSIONS, query)
        connection.set_progress_handler(step, 10)
        rows = connection.execute(text, values).fetchall()
        connection.set_progress_handler(None, 0)
        assert len(rows) == 21
        page = query.page([{"id": f"{n}", "metadata": {"title": f"title {n:05}"}} for n in range(21)])
        return count, page.cursor

    def made(numbers: range) -> list[dict[str, object]]:
        return [thing(f"item-{n:05}", metadata={"title": f"title {n:05}"}) for n in numbers]

    await store_at_once(engine, PARTITION, made(range(100)))
    first_among_few, cursor = steps(None)
    next_among_few, _ = steps(cursor)
    for start in range(100, 2100, 100):
        await store_at_once(engine, PARTITION, made(range(start, start + 100)))
    assert steps(None)[0] <= first_among_few + 1
    assert steps(cursor)[0] <= next_among_few + 1
