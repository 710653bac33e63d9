"""Queries as SQL. The text contains only our own containers' and models' paths. Values are always parameters."""

from persistence.storage.containers import Container
from persistence.storage.query import Aggregate, Filter, Operator, Query

Statement = tuple[str, list[object]]

_COMPARISONS = {
    Operator.EQUAL: "=",
    Operator.NOT_EQUAL: "<>",
    Operator.LESS: "<",
    Operator.LESS_OR_EQUAL: "<=",
    Operator.MORE: ">",
    Operator.MORE_OR_EQUAL: ">=",
}


def field(path: str) -> str:
    """Returns the expression for a path. SQLite uses an index only for exactly the same expression."""
    return "id" if path == "id" else f"json_extract(item, '$.{path}')"


def schema(container: Container) -> list[str]:
    """Returns the statements for a container's table, and for one index per sort or scan."""
    table = container.name
    statements = [
        f"CREATE TABLE IF NOT EXISTS {table} (partition TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,"
        " etag TEXT NOT NULL, item TEXT NOT NULL, payload BLOB, UNIQUE (partition, id))"
    ]
    for path in container.sorts:
        statements.append(
            f'CREATE INDEX IF NOT EXISTS "{table} by {path}" ON {table} (partition, kind, {field(path)}, id)'
        )
    for path in container.scans:
        # Partial, so that the index holds only the items that have the path.
        statements.append(
            f'CREATE INDEX IF NOT EXISTS "{table} scan {path}" ON {table} (kind, {field(path)}, id)'
            f" WHERE {field(path)} IS NOT NULL"
        )
    return statements


def select(container: Container, query: Query) -> Statement:
    """Selects one row more than the page has, which tells whether there is a next page."""
    where, values = _where(query, ordered_by=query.sort.path)
    x = field(query.sort.path)
    order = "DESC" if query.sort.descending else "ASC"
    compare = "<" if query.sort.descending else ">"
    if (position := query.position()) is not None:
        if query.sort.path == "id":
            where.append(f"id {compare} ?")
            values.append(position.id)
        else:
            # In this form the index serves the condition as one range.
            where.append(f"{x} {compare}= ? AND ({x} {compare} ? OR id {compare} ?)")
            values += [position.value, position.value, position.id]
    ordering = f"id {order}" if query.sort.path == "id" else f"{x} {order}, id {order}"
    where.append(f"{x} IS NOT NULL")
    if query.sort.path != "id":
        # Leaves out what a damaged item may have here. A cursor could not continue after it.
        where.append(f"json_type(item, '$.{query.sort.path}') IN ('text', 'integer', 'real')")
    text = f"SELECT item FROM {container.name} WHERE {' AND '.join(where)} ORDER BY {ordering} LIMIT ?"
    return text, [*values, query.page_size + 1]


def aggregate(container: Container, query: Query, function: Aggregate, path: str) -> Statement:
    """Selects one row with one value."""
    where, values = _where(query)
    result = "COUNT(*)" if function is Aggregate.COUNT else f"{function.value}({field(path)})"
    if function is Aggregate.SUM:
        result = f"COALESCE({result}, 0)"
    return f"SELECT {result} FROM {container.name} WHERE {' AND '.join(where)}", values


def _where(query: Query, ordered_by: str | None = None) -> tuple[list[str], list[object]]:
    where, values = ["kind = ?"], list[object]([query.kind])
    if query.partition is not None:
        where.append("partition = ?")
        values.append(query.partition)
    for one in query.filters:
        # The plus keeps SQLite from using another index for this condition. The index of the sort stops when the
        # page is full. Another index would mean to read and sort everything that matches.
        plus = "" if ordered_by in (None, one.path) else "+"
        text, given = _condition(plus + field(one.path), one)
        where.append(text)
        values += given
    return where, values


def _condition(x: str, one: Filter) -> Statement:
    if isinstance(one.value, tuple):
        return f"{x} IN ({', '.join('?' * len(one.value))})", list(one.value)
    if one.operator is Operator.CONTAINS:
        return f"instr({x}, ?) > 0", [one.value]
    if one.operator is Operator.STARTS_WITH:
        return f"substr({x}, 1, length(?)) = ?", [one.value, one.value]
    return f"{x} {_COMPARISONS[one.operator]} ?", [one.value]
