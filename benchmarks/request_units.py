"""Calculates the cost of calls to an engine in Azure Cosmos DB, by the figures that Microsoft publishes.

Source: "Understand request units consumption in Azure Cosmos DB". Request units depend on the size of the item.
Each index term that is added or removed costs 0.2, each property that a patch changes 0.4. A replace costs as much
as deleting the old item and creating the new one. A batch costs the sum of its operations. Strong consistency
doubles the cost of reads.

The source has no formula for queries. Here a query costs 2.5 and a read of each item that it loads. That is rather
too much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from persistence.read_only import ID as READ_ONLY
from persistence.storage.checks import item_size
from persistence.storage.containers import Container
from persistence.storage.engine import (
    Create,
    Engine,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
    Stored,
)
from persistence.storage.query import Aggregate, Page, Query
from persistence.storage.steps import create_then_replace_in_steps

_BY_SIZE = (
    (1, 1.00, 4.95),
    (2, 1.04, 6.29),
    (4, 1.14, 6.67),
    (8, 1.33, 7.04),
    (16, 1.67, 9.52),
    (32, 2.19, 11.23),
    (64, 4.76, 22.67),
    (128, 9.95, 48.19),
    (256, 20.28, 98.29),
    (512, 40.95, 184.57),
    (1024, 145.90, 625.00),
    (2048, 291.80, 1250.00),
)
"""KB, request units of a read, request units of a write (without index)."""

_TERM = 0.2
_PATCHED_PROPERTY = 0.4
_QUERY = 2.5
_MISSING = 1.0


def to_read(size: int, strong: bool = True) -> float:
    """Returns the request units of a read by id. `size` is in bytes."""
    return _interpolated(size, 1) * (2 if strong else 1)


def to_write(size: int) -> float:
    """Returns the request units of a write without index. `size` is in bytes."""
    return _interpolated(size, 2)


def _interpolated(size: int, column: int) -> float:
    kilobytes = size / 1024
    below = _BY_SIZE[0]
    for above in _BY_SIZE:
        if kilobytes <= above[0]:
            if above is below:
                return float(above[column])
            share = (kilobytes - below[0]) / (above[0] - below[0])
            return float(below[column] + share * (above[column] - below[column]))
        below = above
    return float(below[column]) * kilobytes / below[0]


def index_terms(container: Container, item: Item) -> set[tuple[str, Any]]:
    """Returns the index terms of an item: one for each indexed path that it has, and for each composite index."""
    terms: set[tuple[str, Any]] = {("id", item["id"])}
    for path in container.indexed:
        found, value = _value_at(item, path)
        if found:
            terms.add((path, value))
    for paths, order in container.composites:
        values = [_value_at(item, path) for path in paths]
        if all(found for found, _ in values):
            terms.add((f"{', '.join(paths)} {order}", tuple(value for _, value in values)))
    return terms


def _value_at(item: Item, path: str) -> tuple[bool, Any]:
    value: Any = item
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            return False, None
        value = value[step]
    return True, value


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the database. `size` is the bytes of the item, or of all items that a query loads."""

    verb: str
    container: str
    size: int
    units: float
    read_units: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether the call writes an item. A delete does not."""
        return self.verb in ("create", "replace", "patch")

    @property
    def reads(self) -> bool:
        """Whether the call reads items."""
        return self.verb in ("read", "query")

    def at(self, strong: bool) -> float:
        """Returns the request units with Strong consistency, or with Session."""
        return self.units + self.read_units * (2 if strong else 1)


class ReckoningEngine:
    """Wraps an engine, and records the cost of each call in `calls`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._items: dict[tuple[str, str, str], Item] = {}
        self.calls: list[Call] = []

    async def create(self, container: Container, item: Item) -> str:
        etag = await self._engine.create(container, item)
        self._write("create", container, item)
        return etag

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if id == READ_ONLY:  # once in seconds, whatever is written
            return await self._engine.read(container, id, partition)
        known = self._items.get((container.name, partition, id))
        size = item_size(known) if known else 0
        self._note("read", container, size, read_units=to_read(size, strong=False) if known else _MISSING)
        return await self._engine.read(container, id, partition)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        etag = await self._engine.replace(container, item, if_match)
        self._write("replace", container, item)
        return etag

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        # In steps, to record each. A batch costs as much as its operations.
        return await create_then_replace_in_steps(self, container, new, item, if_match, then)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        stored = await self._engine.patch(container, id, partition, operations)
        self._write("patch", container, stored.item, extra=_PATCHED_PROPERTY * len(operations))
        return stored

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await self._engine.delete(container, id, partition, if_match)
        gone = self._items.pop((container.name, partition, id))
        size = item_size(gone)
        self._note("delete", container, size, to_write(size) + _TERM * len(index_terms(container, gone)))

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        etags = await self._engine.commit(container, partition, operations)
        for operation in operations:
            self._write("create" if isinstance(operation, Create) else "replace", container, operation.item)
        return etags

    async def has_conditional_commits(self) -> bool:
        return True

    async def query(self, container: Container, query: Query) -> Page[Item]:
        page = await self._engine.query(container, query)
        ids = {row["id"] for row in page.items}
        loaded = [
            item_size(item)
            for (name, partition, id), item in self._items.items()
            if name == container.name and query.partition in (None, partition) and id in ids
        ]
        units = _QUERY + sum(to_read(size, strong=False) for size in loaded)
        self._note("query", container, sum(loaded), read_units=units)
        return page

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        self._note("aggregate", container, 0, read_units=_QUERY)
        return await self._engine.aggregate(container, query, function, path)

    async def ping(self) -> None:
        await self._engine.ping()

    async def scrub(self) -> None:
        await self._engine.scrub()

    async def close(self) -> None:
        await self._engine.close()

    def _write(self, verb: str, container: Container, item: Item, extra: float = 0.0) -> None:
        """Records a write: the cost of a create if the item is new, otherwise of a replace."""
        key = (container.name, item[container.partition_key], item["id"])
        before, size = self._items.get(key), item_size(item)
        terms = index_terms(container, item)
        if before is None:
            units = to_write(size) + _TERM * len(terms)
        else:
            changed = terms ^ index_terms(container, before)
            units = to_write(item_size(before)) + to_write(size) + _TERM * len(changed)
        self._items[key] = item
        self._note(verb, container, size, units + extra)

    def _note(
        self, verb: str, container: Container, size: int, units: float = 0.0, read_units: float = 0.0
    ) -> None:
        self.calls.append(Call(verb, container.name, size, units, read_units))
