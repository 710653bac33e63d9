"""The statements that read and write one item, and the columns that an item is stored in."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

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
)


@dataclass(frozen=True, slots=True)
class Columns:
    """An item as it is stored: JSON text, its payload and its etag."""

    text: str
    payload: bytes | None
    etag: str

    def decode(self) -> Stored:
        item: Item = orjson.loads(self.text)
        if self.payload is not None:
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
        self._values = (partition, id, item["kind"], new.etag, new.text, new.payload)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, self._values).rowcount == 0:
            raise ItemExists
        return self.columns.etag


class Update:
    """Updates an item if its etag is `if_match`, and returns the new etag. Raises ItemChanged and ItemNotFound."""

    def __init__(self, container: Container, item: Item, if_match: str) -> None:
        self._container = container
        self._id, self._partition = address(container, item)
        self.columns, self.size = _encode(item)
        self._text = (
            f"UPDATE {container.name} SET kind = ?, etag = ?, item = ?, payload = ?"
            " WHERE partition = ? AND id = ? AND etag = ?"
        )
        new = self.columns
        self._values = (item["kind"], new.etag, new.text, new.payload, self._partition, self._id, if_match)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, self._values).rowcount == 0:
            read(connection, self._container, self._partition, self._id)
            raise ItemChanged
        return self.columns.etag


def of_operation(container: Container, operation: Create | Replace) -> Insert | Update:
    """Returns the statement for one operation of a commit."""
    if isinstance(operation, Create):
        return Insert(container, operation.item)
    return Update(container, operation.item, operation.if_match)


def delete(
    connection: sqlite3.Connection, container: Container, partition: str, id: str, if_match: str | None
) -> None:
    """Deletes an item. Raises ItemNotFound, and ItemChanged if its etag is not `if_match`."""
    if if_match is not None and read(connection, container, partition, id).etag != if_match:
        raise ItemChanged
    text = f"DELETE FROM {container.name} WHERE partition = ? AND id = ?"
    if connection.execute(text, (partition, id)).rowcount == 0:
        raise ItemNotFound


def read(connection: sqlite3.Connection, container: Container, partition: str, id: str) -> Stored:
    """Returns an item and its etag. Raises ItemNotFound."""
    columns = find(connection, container, partition, id)
    if columns is None:
        raise ItemNotFound
    return columns.decode()


def find(connection: sqlite3.Connection, container: Container, partition: str, id: str) -> Columns | None:
    row = connection.execute(
        f"SELECT item, payload, etag FROM {container.name} WHERE partition = ? AND id = ?", (partition, id)
    ).fetchone()
    return None if row is None else Columns(*row)


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
    return Columns(fields.decode(), payload, secrets.token_hex(8)), size
