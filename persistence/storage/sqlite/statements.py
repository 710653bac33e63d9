"""The statements that read and write one item, and the columns that an item is stored in."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from persistence.errors import ItemChanged, ItemExists, ItemNotFound, ItemTooLarge
from persistence.storage.checks import address, split_item, split_size
from persistence.storage.containers import Container
from persistence.storage.engine import (
    ITEM_MAX_BYTES,
    PAYLOAD,
    Create,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
    Stored,
    is_readable,
)
from persistence.storage.sqlite.query import is_sound
from persistence.storage.sqlite.repair import renew_indexes
from persistence.storage.sqlite.rows import item_of, value_of


@dataclass(frozen=True, slots=True)
class Columns:
    """An item as it is stored: its kind, its etag, JSON text and its payload."""

    kind: str
    etag: str
    text: bytes
    payload: bytes | None

    def decode(self, container: Container, id: str, partition: str) -> Stored:
        """Returns the item of that address, which can be damaged, as `item_of`."""
        item = item_of(container, self.text, id, partition, self.kind)
        if self.payload is not None and is_readable(item):
            item[PAYLOAD] = self.payload
        return Stored(item, self.etag)


class Insert:
    """Inserts an item and returns its etag. Raises ItemExists."""

    def __init__(self, container: Container, item: Item) -> None:
        id, partition = address(container, item)
        self.columns, self.size = _encode(item)
        self._text = (
            f"INSERT INTO {container.name} (partition, id, kind, etag, item, payload)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (partition, id) DO NOTHING"
        )
        new = self.columns
        self._values = (partition, id, new.kind, new.etag, new.text.decode(), new.payload)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, self._values).rowcount == 0:
            raise ItemExists
        return self.columns.etag


class Update:
    """Updates an item if its etag is `if_match`, and returns the new etag. Raises ItemChanged and ItemNotFound.

    As `delete`, it finds out by itself whether the row is damaged. Then it makes the indexes fit the row before it
    writes. Otherwise their entries for the row could not be found, and would remain.
    """

    def __init__(self, container: Container, item: Item, if_match: str) -> None:
        self._container, self._if_match = container, if_match
        self._id, self._partition = address(container, item)
        self.columns, self.size = _encode(item)
        self._text = (
            f"UPDATE {container.name} SET kind = ?, etag = ?, item = ?, payload = ?"
            f" WHERE partition = ? AND id = ? AND etag = ? AND ({is_sound(container)} OR ?)"
        )
        new = self.columns
        self._values = (new.kind, new.etag, new.text.decode(), new.payload, self._partition, self._id, if_match)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, (*self._values, False)).rowcount == 0:
            etag = read(connection, self._container, self._partition, self._id).etag
            if etag != self._if_match:
                raise ItemChanged
            renew_indexes(connection, self._container)
            connection.execute(self._text, (*self._values, True))
        return self.columns.etag


def of_operation(container: Container, operation: Create | Replace) -> Insert | Update:
    """Returns the statement for one operation of a commit."""
    if isinstance(operation, Create):
        return Insert(container, operation.item)
    return Update(container, operation.item, operation.if_match)


def delete(
    connection: sqlite3.Connection, container: Container, partition: str, id: str, if_match: str | None
) -> None:
    """Deletes an item, also a damaged one. Raises ItemNotFound, and ItemChanged if its etag is not `if_match`."""
    if if_match is not None and read(connection, container, partition, id).etag != if_match:
        raise ItemChanged
    text = f"DELETE FROM {container.name} WHERE partition = ? AND id = ? AND ({is_sound(container)} OR ?)"
    if connection.execute(text, (partition, id, False)).rowcount == 0:
        read(connection, container, partition, id)
        renew_indexes(connection, container)
        connection.execute(text, (partition, id, True))


def read(connection: sqlite3.Connection, container: Container, partition: str, id: str) -> Stored:
    """Returns an item and its etag. Raises ItemNotFound."""
    if (columns := find(connection, container, partition, id)) is None:
        raise ItemNotFound
    return columns.decode(container, id, partition)


def find(connection: sqlite3.Connection, container: Container, partition: str, id: str) -> Columns | None:
    """Returns the columns of an item. None if there is no such item."""
    text = f"SELECT kind, etag, item, payload FROM {container.name} WHERE partition = ? AND id = ?"
    row = connection.execute(text, (partition, id)).fetchone()
    if row is None:
        return None
    kind, etag, item, payload = row
    return Columns(value_of(kind), value_of(etag), item, payload)


def apply(operation: Set | Increment | Remove, item: Item) -> None:
    """Changes the item by one operation of a patch. Raises ValueError if the operation does not fit the item."""
    *parents, name = operation.path.split(".")
    target: Any = item
    for parent in parents:
        target = target.get(parent) if isinstance(target, Mapping) else None
    if not isinstance(target, dict):
        raise ValueError(f"nothing to patch at {operation.path}")
    match operation:
        case Set(value=value):
            target[name] = value
        case Increment(by=by):
            number = target.get(name, 0)
            if not isinstance(number, int | float) or isinstance(number, bool):
                raise ValueError(f"no number at {operation.path}")
            target[name] = number + by
        case Remove():
            if name not in target:
                raise ValueError(f"nothing to remove at {operation.path}")
            del target[name]


def _encode(item: Item) -> tuple[Columns, int]:
    """Returns the columns, with a new etag that never repeats, and the item's size. Raises ItemTooLarge."""
    fields, payload = split_item(item)
    if (size := split_size(fields, payload)) > ITEM_MAX_BYTES:
        raise ItemTooLarge(size, ITEM_MAX_BYTES)
    return Columns(item["kind"], secrets.token_hex(8), fields, payload), size
