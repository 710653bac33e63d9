"""Rows as items. The driver decodes none of them, so that a damaged row fails nothing but its own reading.

The columns say what a row is: its id, partition and kind. If its JSON is broken, or says otherwise, the row
becomes an item that has only these, and that no document validates.
"""

from collections.abc import Sequence
from math import isclose
from typing import Any

import orjson

from persistence.storage.checks import check_address
from persistence.storage.containers import Container
from persistence.storage.engine import UNREADABLE, Item
from persistence.storage.query import Scalar


def value_of(column: Any) -> Any:
    """Returns the text or number in a column. Bytes that are no UTF-8 become surrogates, which no address has."""
    return column.decode("utf-8", "surrogateescape") if isinstance(column, bytes) else column


def item_of(container: Container, text: bytes, id: str, partition: str, kind: str) -> Item:
    """Returns the item of a row. Only its address, its kind and `UNREADABLE` if the row is damaged."""
    item = _parsed(text)
    if (item.get("id"), item.get(container.partition_key), item.get("kind")) == (id, partition, kind):
        return item
    return {"id": id, container.partition_key: partition, "kind": kind, **UNREADABLE}


def found_items(container: Container, path: str, rows: Sequence[tuple[Any, ...]]) -> list[Item]:
    """Returns the items of rows (item, value at the path that sorts them, id, partition, kind), in their order.

    A damaged row has the value that sorts it, so that a cursor can continue after it. So has a row whose value is
    another one than its index says. Leaves out rows whose address or value is damaged: nothing could name them.
    """
    names = path.split(".")
    key = container.partition_key
    items = []
    for text, value, *address in rows:
        id, partition, kind = map(value_of, address)
        item = _parsed(text)
        if item.get("id") == id and item.get(key) == partition and item.get("kind") == kind:
            if _is_at(item, names, value_of(value)):
                items.append(item)
                continue
        if _can_be_named(id, partition, value := value_of(value)):
            items.append({**_nested(names, value), "id": id, key: partition, "kind": kind, **UNREADABLE})
    return items


def _parsed(text: bytes) -> Item:
    """Returns an object, which is empty if the text is none."""
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return item if isinstance(item, dict) else {}


def _is_at(item: Item, names: Sequence[str], value: Scalar) -> bool:
    own: Any = item
    for name in names:
        own = own.get(name) if isinstance(own, dict) else None
    # SQLite has large integers as floats, and may round the last digit of a float.
    return own == value or (isinstance(own, int | float) and not isinstance(value, str) and isclose(own, value))


def _can_be_named(id: str, partition: str, value: Scalar) -> bool:
    try:
        check_address(id, partition)
        str(value).encode()
    except ValueError:
        return False
    return True


def _nested(names: Sequence[str], value: Scalar) -> Item:
    first, *rest = names
    return {first: _nested(rest, value) if rest else value}
