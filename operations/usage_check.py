"""Compares a person's usage, and the visits of a snapshot, which an index counts, with the items."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.checks import Finding, Place
from persistence.kind import Kind
from persistence.limits import QueryOf
from persistence.storage.containers import SNAPSHOTS, Container
from persistence.storage.engine import Item
from persistence.storage.query import Aggregate, Condition, Operator, Query, Unless

_COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.MORE: operator.gt,
    Operator.MORE_OR_EQUAL: operator.ge,
    Operator.IN: lambda value, several: value in several,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A number that is shown, and how an index is asked for it. Without a path, it is that of the items."""

    name: str
    container: Container
    query_of: QueryOf
    path: str | None = None


def shown_numbers(kinds: Iterable[Kind]) -> list[Shown]:
    """Returns every number of a person's usage, and those of the visits of a snapshot."""
    numbers = [Shown("visitors", SNAPSHOTS, _visitors), Shown("visits", SNAPSHOTS, _visitors, "visits")]
    for kind in kinds:
        numbers += [Shown(one.name, one.container, one.query) for one in kind.counted]
        numbers += [Shown(one.name, one.container, one.query, one.bytes_path) for one in kind.stored]
    return numbers


class Usage:
    """The numbers of one partition, counted from its items."""

    def __init__(self, shown: Sequence[Shown], place: Place) -> None:
        self._place = place
        self._numbers = [(one, one.query_of(place.partition)) for one in shown if one.container is place.container]
        self._counted = [0.0] * len(self._numbers)

    def add(self, item: Item) -> None:
        """Counts an item."""
        for number, (shown, query) in enumerate(self._numbers):
            if item.get("kind") == query.kind and all(_matches(item, one) for one in query.filters):
                value = 1 if shown.path is None else _at(item, shown.path)
                self._counted[number] += value if isinstance(value, int | float) else 0

    async def compared(self) -> list[Finding]:
        """Returns the numbers that the index has otherwise. One aggregate for each number."""
        engine, container = self._place.engine, self._place.container
        wrong = []
        for (shown, query), counted in zip(self._numbers, self._counted, strict=True):
            function = Aggregate.COUNT if shown.path is None else Aggregate.SUM
            if await engine.aggregate(container, query, function, shown.path or "id") != counted:
                wrong.append(self._place.finding("counted", shown.name, "usage"))
        return wrong


def _visitors(snapshot_id: str) -> Query:
    return Query("visitor", snapshot_id, ("id",))


def _matches(item: Item, condition: Condition) -> bool:
    """As in a query: what is missing or null never matches."""
    if isinstance(condition, Unless):
        return not all(_matches(item, one) for one in condition.conditions)
    value, wanted = _at(item, condition.path), condition.value
    is_comparable = isinstance(wanted, tuple) or isinstance(value, str) == isinstance(wanted, str)
    return value is not None and is_comparable and _COMPARISONS[condition.operator](value, wanted)


def _at(item: Item, path: str) -> Any:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
