"""SQLite's query plans: they use an index, in its order, and read no more rows than they return."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from persistence.storage.containers import CONTAINERS, SESSIONS, SNAPSHOTS, Container, Listing
from persistence.storage.query import BY_ID, Aggregate, Filter, Operator, Query, Sort
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite import schema
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import KIND, PARTITION, store_at_once, thing

FILTERS = (
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


LISTS = [
    (container, listing, path) for container in CONTAINERS for listing in container.lists for path in listing.sorts
]
SUMS = [
    (container, listing, path) for container in CONTAINERS for listing in container.lists for path in listing.sums
]
SCANS = [(container, path) for container in CONTAINERS for path in container.scans]


def of_lists(lists: list[tuple[Container, Listing, str]]) -> pytest.MarkDecorator:
    names = [" ".join((container.name, *listing.by, path)) for container, listing, path in lists]
    return pytest.mark.parametrize(("container", "listing", "path"), lists, ids=names)


def of_one_value(listing: Listing) -> tuple[Filter, ...]:
    return tuple(Filter(path, Operator.EQUAL, "x") for path in listing.by)


def leading(container: Container, listing: Listing, purpose: str) -> str:
    """Returns the step of a plan that searches the index of a list by its first columns."""
    name = " ".join((container.name, "list", *listing.by, purpose))
    return f"SEARCH {container.name} USING INDEX {name} (partition=? AND kind=?{' AND <expr>=?' * len(listing.by)}"


@filters
@directions
@of_lists(LISTS)
def test_a_list_reads_its_index_in_order(
    connection: sqlite3.Connection,
    container: Container,
    listing: Listing,
    path: str,
    descending: bool,
    filters: tuple[Filter, ...],
) -> None:
    query = Query(KIND, PARTITION, ("id",), (*of_one_value(listing), *filters), Sort(path, descending))
    for page in pages_of(container, query):
        steps = plan(connection, page)
        assert steps.startswith(leading(container, listing, f"by {path}"))
        assert "\n" not in steps and "TEMP B-TREE" not in steps


@filters
@directions
@of_lists([one for one in LISTS if one[1].by])
def test_a_list_of_several_values_reads_a_page_of_each(
    connection: sqlite3.Connection,
    container: Container,
    listing: Listing,
    path: str,
    descending: bool,
    filters: tuple[Filter, ...],
) -> None:
    first, *others = of_one_value(listing)
    several = Filter(first.path, Operator.IN, ("x", "y", "x", "z"))
    query = Query(KIND, PARTITION, ("id",), (several, *others, *filters), Sort(path, descending))
    for page in pages_of(container, query):
        steps = plan(connection, page).splitlines()
        searches = [step for step in steps if "SEARCH" in step]
        assert len(searches) == 3
        assert all(step.startswith(leading(container, listing, f"by {path}")) for step in searches)
        # The pages are sorted together. Nothing else is sorted.
        assert sum("TEMP B-TREE" in step for step in steps) == 1 and page[0].count(" LIMIT ?") == 4


@pytest.mark.parametrize("function", [Aggregate.COUNT, Aggregate.SUM])
@of_lists(SUMS)
def test_numbers_and_sums_are_taken_from_an_index_alone(
    connection: sqlite3.Connection, container: Container, listing: Listing, path: str, function: Aggregate
) -> None:
    query = Query(KIND, PARTITION, ("id",), of_one_value(listing))
    text, values = sqlite_query.aggregate(container, query, function, path)
    steps = plan(connection, (text, values)).replace("COVERING ", "")
    assert steps == leading(container, listing, "sums") + ")"
    # Older versions of SQLite do not call an index of expressions covering, but never read the table either.
    program = connection.execute(f"EXPLAIN {text}", values).fetchall()
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (container.name,))
    cursors = {row[2] for row in program if row[1] == "OpenRead" and row[3] == root}
    assert not [row for row in program if row[1] in ("Column", "SeekRowid", "NotExists") and row[2] in cursors]


@pytest.mark.parametrize("function", [Aggregate.MIN, Aggregate.MAX])
def test_the_first_and_the_last_are_at_the_ends_of_an_index(
    connection: sqlite3.Connection, function: Aggregate
) -> None:
    query = Query("visitor", PARTITION, ("id",))
    steps = plan(connection, sqlite_query.aggregate(SNAPSHOTS, query, function, "last_visited_at"))
    assert steps.startswith(
        "SEARCH snapshots USING INDEX snapshots list by last_visited_at (partition=? AND kind=?"
    )


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each.name)
def test_the_next_partition_is_found_without_a_scan(connection: sqlite3.Connection, container: Container) -> None:
    later = Query(None, None, ("id",), (Filter(container.partition_key, Operator.MORE, "a"),))
    statement = sqlite_query.aggregate(container, later, Aggregate.MIN, container.partition_key)
    [search] = plan(connection, statement).splitlines()
    assert "INDEX sqlite_autoindex" in search and search.endswith("(partition>?)")


def test_a_list_that_names_no_status_stays_in_its_partition(connection: sqlite3.Connection) -> None:
    query = Query(KIND, PARTITION, ("id",), sort=Sort("metadata.updated_at"))
    [search, *_] = plan(connection, sqlite_query.select(SESSIONS, query)).splitlines()
    assert re.fullmatch(r"SEARCH sessions USING INDEX \S.* \(partition=\?\)", search)


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
    expected = (
        f"SEARCH {container.name} USING INDEX {container.name} scan {path} (kind=? AND <expr>>? AND <expr><?)"
    )
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
    assert definitions == schema.indexes(container)
    for path in container.ordered - {"id"}:
        expression = sqlite_query.field(path)
        text, _ = sqlite_query.select(container, Query(KIND, None, ("id",), sort=Sort(path)))
        assert f"ORDER BY {expression} ASC, id ASC" in text
        named = [definition for name, definition in definitions.items() if re.search(f"(by|scan) {path}$", name)]
        assert named and all(f"{expression}, id) WHERE" in definition for definition in named)


def test_every_index_of_sessions_leaves_out_items_without_its_path() -> None:
    texts = schema.indexes(SESSIONS).values()
    assert [text for text in texts if " WHERE " in text] == list(texts)


STATUSES = ("active", "closed", "draft", "deleted")


@pytest.mark.parametrize("statuses", [("active",), ("active", "closed")], ids=" and ".join)
async def test_a_page_costs_the_same_among_few_and_among_many(
    engine: SqliteEngine, connection: sqlite3.Connection, statuses: tuple[str, ...]
) -> None:
    def steps(cursor: str | None) -> tuple[int, str | None]:
        """Returns the cost of a page in tens of virtual machine instructions, and its cursor."""
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        named = (Filter("status", Operator.IN, statuses),)
        query = Query(KIND, PARTITION, ("id",), named, Sort("metadata.title"), page_size=20, cursor=cursor)
        text, values = sqlite_query.select(SESSIONS, query)
        connection.set_progress_handler(step, 10)
        rows = connection.execute(text, values).fetchall()
        connection.set_progress_handler(None, 0)
        assert len(rows) == 21
        page = query.page([{"id": f"{n}", "metadata": {"title": f"title {n:05}"}} for n in range(21)])
        return count, page.cursor

    def made(numbers: range) -> list[dict[str, object]]:
        # Of the first 200 sessions, every fourth one has the status. Then come drafts and tombstones alone.
        return [
            thing(
                f"item-{n:05}",
                status=STATUSES[n % 4 if n < 200 else 2 + n % 2],
                metadata={"title": f"title {n:05}" if n < 200 else f"title {n % 200:05} {n}"},
            )
            for n in numbers
        ]

    for start in range(0, 200, 100):
        await store_at_once(engine, PARTITION, made(range(start, start + 100)))
    first_among_few, cursor = steps(None)
    next_among_few, _ = steps(cursor)
    for start in range(200, 2200, 100):
        await store_at_once(engine, PARTITION, made(range(start, start + 100)))
    assert steps(None)[0] <= first_among_few + 1
    assert steps(cursor)[0] <= next_among_few + 1
