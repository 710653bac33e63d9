"""Queries as SQL. The text contains only our own containers' and models' paths. Values are always parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from persistence.storage.containers import Container
from persistence.storage.query import Aggregate, Condition, Filter, Operator, Query, Unless

_SUMMED_MAX = 2**53
"""The largest number that JSON has in every language."""

Statement = tuple[str, list[object]]

_COMPARISONS = {
    Operator.EQUAL: "=",
    Operator.NOT_EQUAL: "<>",
    Operator.LESS: "<",
    Operator.LESS_OR_EQUAL: "<=",
    Operator.MORE: ">",
    Operator.MORE_OR_EQUAL: ">=",
}

_LESS = (Operator.LESS, Operator.LESS_OR_EQUAL)
_MORE = (Operator.MORE, Operator.MORE_OR_EQUAL)


def field(path: str) -> str:
    """Returns the expression for a path. SQLite uses an index only for exactly the same expression."""
    return "id" if path == "id" else _of_sound("json_extract", path)


def _column(container: Container, path: str) -> str:
    """As `field`. The partition key is a column, by which the table is ordered, so a search for it is no scan."""
    return "partition" if path == container.partition_key else field(path)


def _of_sound(function: str, path: str) -> str:
    # Without the condition, one row with broken JSON makes every query that meets it fail, and its own deletion.
    return f"CASE WHEN json_valid(item) THEN {function}(item, '$.{path}') END"


def is_sound(container: Container) -> str:
    """Returns the condition that a row is what its columns say. Its indexes may still not fit it."""
    columns = {"id": "id", container.partition_key: "partition", "kind": "kind"}
    agreed = (f"json_extract(item, '$.{path}') IS {column}" for path, column in columns.items())
    return f"CASE WHEN json_valid(item) THEN {' AND '.join(agreed)} ELSE FALSE END"


def select(container: Container, query: Query, limit: int | None = None) -> Statement:
    """Selects item, value at the path of the sort, id, partition and kind of at most `limit` rows. By default, one
    row more than the page has, which tells whether there is a next page."""
    limit = limit or query.page_size + 1
    keys = _keys(container, query)
    if len(keys) == 1:
        return _select_of(container, query, keys[0], limit)
    # No index has the items of several statuses in one order. So each part reads a page of its own.
    texts, values = list[str](), list[object]()
    for key in keys:
        text, given = _select_of(container, query, key, limit)
        texts.append(f"SELECT * FROM ({text})")
        values += given
    # The plus keeps SQLite from sorting each part again by itself.
    text = f"SELECT * FROM ({' UNION ALL '.join(texts)}) ORDER BY {_order(query, '+x')} LIMIT ?"
    return text, [*values, limit]


def aggregate(container: Container, query: Query, function: Aggregate, path: str) -> Statement:
    """Selects one row with one value."""
    where, values = _where(container, query, query.filters)
    x = _column(container, path)
    result = "COUNT(*)" if function is Aggregate.COUNT else f"{function.value}({x})"
    if function is Aggregate.SUM:
        # Texts come after all numbers. Larger numbers are damaged, and could overflow the sum.
        result = f"COALESCE(SUM({x}) FILTER (WHERE {x} BETWEEN -{_SUMMED_MAX} AND {_SUMMED_MAX}), 0)"
    if function in (Aggregate.MIN, Aggregate.MAX):
        where.append(f"{x} IS NOT NULL")  # as in the index of a sort, which has the result at one end
    return f"SELECT {result} FROM {container.name} WHERE {' AND '.join(where) or 'TRUE'}", values


@dataclass(frozen=True, slots=True)
class _Key:
    """The values that lead the index of a list, and the filters that are left."""

    leading: tuple[Filter, ...]
    rest: tuple[Condition, ...]


def _keys(container: Container, query: Query) -> list[_Key | None]:
    """Returns one key for each combination of the values that the query names. None instead if no list has its
    order by what it names."""
    listing = container.listing(query.sort.path, query.named) if query.partition is not None else None
    if listing is None:
        return [None]
    chosen = [query.named[path] for path in listing.by]
    rest = tuple(one for one in query.filters if one not in chosen)
    leading = product(*map(_each_value, chosen))
    return [_Key(one, rest) for one in leading]


def _each_value(one: Filter) -> list[Filter]:
    return [Filter(one.path, Operator.EQUAL, value) for value in one.values]


def _select_of(container: Container, query: Query, key: _Key | None, limit: int) -> Statement:
    where, values = _where(container, query, key.leading if key else ())
    if query.partition is not None and key is None and query.kind is not None:
        # A partition is smaller than its kind in all partitions, which is what an index of a scan has.
        where[0] = "+kind = ?"
    for one in key.rest if key else query.filters:
        # The plus keeps SQLite from using another index for this condition. The index of the sort stops when the
        # page is full. Another index would mean to read and sort everything that matches.
        plus = "" if isinstance(one, Filter) and one.path == query.sort.path else "+"
        text, given = _condition(container, one, plus)
        where.append(text)
        values += given
    x = field(query.sort.path)
    compare = "<" if query.sort.descending else ">"
    if (position := query.position()) is not None:
        if query.sort.path == "id":
            where.append(f"id {compare} ?")
            values.append(position.id)
        else:
            # In this form the index serves the condition as one range.
            where.append(f"{x} {compare}= ? AND ({x} {compare} ? OR id {compare} ?)")
            values += [position.value, position.value, position.id]
    where.append(f"{x} IS NOT NULL")
    if query.sort.path != "id":
        # Leaves out what a damaged item may have here. A cursor could not continue after it.
        where.append(f"{_of_sound('json_type', query.sort.path)} IN ('text', 'integer', 'real')")
    columns = f"item, {x} AS x, id, partition, kind"
    text = f"SELECT {columns} FROM {container.name} WHERE {' AND '.join(where)}"
    return f"{text} ORDER BY {_order(query, x)} LIMIT ?", [*values, limit]


def _order(query: Query, x: str) -> str:
    direction = "DESC" if query.sort.descending else "ASC"
    return f"id {direction}" if query.sort.path == "id" else f"{x} {direction}, id {direction}"


def _where(container: Container, query: Query, filters: Iterable[Condition]) -> tuple[list[str], list[object]]:
    where, values = list[str](), list[object]()
    if query.kind is not None:
        where.append("kind = ?")
        values.append(query.kind)
    if query.partition is not None:
        where.append("partition = ?")
        values.append(query.partition)
    for one in filters:
        text, given = _condition(container, one)
        where.append(text)
        values += given
    return where, values


def _condition(container: Container, one: Condition, plus: str = "") -> Statement:
    if isinstance(one, Unless):
        parts = [_condition(container, each) for each in one.conditions]
        text = f"({' AND '.join(text for text, _ in parts)}) IS NOT TRUE"
        return text, [value for _, values in parts for value in values]
    x = plus + _column(container, one.path)
    if isinstance(one.value, tuple):
        return f"{x} IN ({', '.join('?' * len(one.value))})", list(one.value)
    if one.operator is Operator.CONTAINS:
        return f"instr({x}, ?) > 0", [one.value]
    if one.operator is Operator.STARTS_WITH:
        return f"substr({x}, 1, length(?)) = ?", [one.value, one.value]
    text = f"{x} {_COMPARISONS[one.operator]} ?"
    # For SQLite every number is less than every text. A number in the place of a time must not be due.
    if one.operator in _LESS and isinstance(one.value, str):
        text = f"{x} >= '' AND {text}"
    elif one.operator in _MORE and not isinstance(one.value, str):
        text = f"{x} < '' AND {text}"
    return text, [one.value]
