"""Items without a meaning, for tests of engines."""

from collections.abc import Iterable, Sequence
from typing import Any

from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Create, Engine, Item
from persistence.storage.query import BY_ID, Filter, Operator, Query, Sort

KIND = "thing"
PARTITION = "ann"


def thing(id: str = "one", partition: str = PARTITION, **fields: Any) -> Item:
    """Returns an item for the container `sessions`."""
    return {"id": id, "owner_id": partition, "kind": KIND, **fields}


def thing_of_size(size: int, character: str = "x", **fields: Any) -> Item:
    """Returns an item of exactly `size` bytes, most of them from that character."""
    empty = item_size(thing(**fields, text="", rest=""))
    times, rest = divmod(size - empty, len(character.encode()))
    item = thing(**fields, text=character * times, rest="x" * rest)
    assert item_size(item) == size
    return item


async def store(engine: Engine, items: Iterable[Item], container: Container = SESSIONS) -> None:
    """Creates the items one by one, in this order."""
    for item in items:
        await engine.create(container, item)


async def store_at_once(engine: Engine, partition: str, items: Sequence[Item]) -> None:
    """As `store`, but in one commit, which is faster for many items."""
    await engine.commit(SESSIONS, partition, [Create(item) for item in items])


async def ids(
    engine: Engine,
    *conditions: tuple[str, Operator, Any],
    sort: Sort = BY_ID,
    partition: str | None = PARTITION,
    container: Container = SESSIONS,
) -> list[str]:
    """Returns the ids of all matching items, in order."""
    filters = tuple(Filter(*condition) for condition in conditions)
    page = await engine.query(container, Query(KIND, partition, ("id",), filters, sort, page_size=1000))
    assert page.cursor is None
    return [row["id"] for row in page.items]


async def walk(engine: Engine, query: Query, container: Container = SESSIONS) -> list[list[Item]]:
    """Returns every page of a query, from its cursor on."""
    pages = []
    while True:
        page = await engine.query(container, query)
        pages.append(page.items)
        if page.cursor is None:
            return pages
        query = following(query, page.cursor)


def following(query: Query, cursor: str | None) -> Query:
    """Returns the same query from that cursor on."""
    return Query(query.kind, query.partition, query.select, query.filters, query.sort, query.page_size, cursor)
