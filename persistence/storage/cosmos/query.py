"""Queries as Cosmos DB SQL. The text contains only our own models' paths. Values are always parameters."""

from typing import Any

from persistence.storage.containers import Container
from persistence.storage.engine import PAYLOAD
from persistence.storage.query import Aggregate, Condition, Operator, Query, Unless

Statement = tuple[str, list[dict[str, Any]]]

_COMPARISONS = {
    Operator.EQUAL: "=",
    Operator.LESS: "<",
    Operator.LESS_OR_EQUAL: "<=",
    Operator.MORE: ">",
    Operator.MORE_OR_EQUAL: ">=",
}


def select(container: Container, query: Query) -> Statement:
    """Selects one item more than the page has, which tells whether there is a next page."""
    given = _Parameters()
    where = _where(container, query, given)
    x, id = _field(query.sort.path), _field("id")
    order = "DESC" if query.sort.descending else "ASC"
    compare = "<" if query.sort.descending else ">"
    if (position := query.position()) is not None:
        last_id = given.add(position.id)
        if query.sort.path == "id":
            where.append(f"{id} {compare} {last_id}")
        else:
            last = given.add(position.value)
            # In this form the composite index serves the condition as one range.
            where.append(f"{x} {compare}= {last} AND ({x} {compare} {last} OR {id} {compare} {last_id})")
    if query.sort.path != "id":
        # Leaves out null, and what a damaged item may have here. A cursor could not continue after it.
        where.append(f"(IS_STRING({x}) OR IS_NUMBER({x}))")
    ordering = ", ".join(f"{_field(path)} {order}" for path in _ordered_by(container, query))
    fields = ", ".join(_field(name) for name in query.read_fields if name != PAYLOAD)
    text = f"SELECT TOP {query.page_size + 1} {fields} FROM c WHERE {' AND '.join(where)} ORDER BY {ordering}"
    return text, given.items


def aggregate(container: Container, query: Query, function: Aggregate, path: str) -> Statement:
    """Selects the value. MIN and MAX have no result if nothing matches."""
    given = _Parameters()
    where = _where(container, query, given)
    argument = "1" if function is Aggregate.COUNT else _field(path)
    # A null would be the minimum, and would make the sum undefined.
    if function is Aggregate.SUM:
        where.append(f"IS_NUMBER({argument})")
    elif function is not Aggregate.COUNT:
        where.append(f"IS_DEFINED({argument}) AND NOT IS_NULL({argument})")
    return f"SELECT VALUE {function.value}({argument}) FROM c WHERE {' AND '.join(where)}", given.items


def _ordered_by(container: Container, query: Query) -> tuple[str, ...]:
    """Returns the paths of the index that the query reads in order."""
    if query.sort.path == "id":
        return ("id",)
    listing = container.listing(query.sort.path, query.named)
    if listing is not None and query.sort.descending and query.sort.path in listing.composites:
        # They do not change the order if each has one value.
        if all(len(query.named[path].values) == 1 for path in listing.by):
            return (*listing.by, query.sort.path, "id")
    return (query.sort.path, "id")


class _Parameters:
    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def add(self, value: object) -> str:
        name = f"@p{len(self.items)}"
        self.items.append({"name": name, "value": value})
        return name


def _field(path: str) -> str:
    return "c" + "".join(f'["{name}"]' for name in path.split("."))


def _where(container: Container, query: Query, given: _Parameters) -> list[str]:
    where = []
    if query.partition is not None:
        # Also in the request, but not every server applies it from there.
        where.append(f"{_field(container.partition_key)} = {given.add(query.partition)}")
    if query.kind is not None:
        where.append(f"{_field('kind')} = {given.add(query.kind)}")
    return where + [_condition(one, given) for one in query.filters]


def _condition(one: Condition, given: _Parameters) -> str:
    if isinstance(one, Unless):
        return f"NOT ({' AND '.join(_is_true(each, given) for each in one.conditions)})"
    x = _field(one.path)
    if isinstance(one.value, tuple):
        return f"{x} IN ({', '.join(given.add(value) for value in one.value)})"
    value = given.add(one.value)
    match one.operator:
        case Operator.CONTAINS:
            return f"CONTAINS({x}, {value})"
        case Operator.STARTS_WITH:
            return f"STARTSWITH({x}, {value})"
        case Operator.NOT_EQUAL:
            # A missing field never matches, and null counts as missing.
            return f"({x} != {value} AND NOT IS_NULL({x}))"
        case operator:
            return f"{x} {_COMPARISONS[operator]} {value}"


def _is_true(one: Condition, given: _Parameters) -> str:
    """Returns a condition that is false for a missing or null field, and not undefined: NOT would leave it so."""
    if isinstance(one, Unless):
        return _condition(one, given)
    x = _field(one.path)
    return f"IS_DEFINED({x}) AND NOT IS_NULL({x}) AND {_condition(one, given)}"
