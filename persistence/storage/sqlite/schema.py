"""The tables of the containers, and their indexes. A file of an older version gets those of this one."""

import sqlite3
from collections.abc import Mapping
from types import MappingProxyType

from persistence.storage.containers import CONTAINERS, Container
from persistence.storage.sqlite.query import field


def update_schema(connection: sqlite3.Connection) -> None:
    """Creates what is missing, and drops indexes that no query uses any more. Runs in a transaction that is open,
    so that two processes do not do it at the same time."""
    for container in CONTAINERS:
        _update_table(connection, container)


def indexes(container: Container) -> dict[str, str]:
    """Returns the statement that creates each index, by its name."""
    made = dict[str, str]()

    def add(purpose: str, columns: list[str], condition: str | None) -> None:
        name = f"{container.name} {purpose}"
        where = "" if condition is None else f" WHERE {condition} IS NOT NULL"
        made[name] = f'CREATE INDEX "{name}" ON {container.name} ({", ".join(columns)}){where}'

    # All are partial, so that each holds only the items that have the path.
    for listing in container.lists:
        of_list = " ".join(("list", *listing.by))
        led = ["partition", "kind", *map(field, listing.by)]
        for path in listing.sorts:
            add(f"{of_list} by {path}", [*led, field(path), "id"], field(path))
        if listing.sums:
            # Not partial by a sum, because items without it are counted.
            summed = map(field, (*listing.sums, *listing.sums_by))
            add(f"{of_list} sums", [*led, *summed], field(listing.by[0]) if listing.by else None)
    for path in container.scans:
        add(f"scan {path}", ["kind", field(path), "id"], field(path))
    return made


def drop_indexes(
    connection: sqlite3.Connection, container: Container, keep: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Drops the indexes of a container that are not among these statements by name."""
    for name, text in _present(connection, container).items():
        # Others may have added indexes of their own.
        if name.startswith(f"{container.name} ") and keep.get(name) != text:
            connection.execute(f'DROP INDEX "{name}"')


def _present(connection: sqlite3.Connection, container: Container) -> dict[str, str]:
    text = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    return dict(connection.execute(text, (container.name,)))


def _update_table(connection: sqlite3.Connection, container: Container) -> None:
    table, wanted = container.name, indexes(container)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table} (partition TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,"
        " etag TEXT NOT NULL, item TEXT NOT NULL, payload BLOB, UNIQUE (partition, id))"
    )
    drop_indexes(connection, container, keep=wanted)
    present = _present(connection, container)
    for name, text in wanted.items():
        if present.get(name) != text:
            connection.execute(text)
