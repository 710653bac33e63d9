"""The embedded engine: one SQLite file, shared by several processes of one machine, durable at each answer.

Point reads run inline on the event loop, where they take microseconds; lists run in threads; all writes go
through one writer thread, which commits them in groups.
"""

import asyncio
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson

from persistence.errors import (
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemTooLarge,
    PersistenceError,
    StoreUnavailable,
)
from persistence.storage.charge import add_charge
from persistence.storage.containers import CONTAINERS, Container
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
    address,
    check_address,
    check_aggregate,
    check_commit,
    check_pair,
    check_patch,
    check_query,
    split_item,
    weight,
)
from persistence.storage.query import Aggregate, Page, Query
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite.writer import Writer

T = TypeVar("T")

FILE_VERSION = 1
_BUSY_TIMEOUT_SECONDS = 10.0
_LIST_THREADS = 4


class SqliteEngine:
    """Keeps the promises of `Engine` in a file `savepoint.db` in a folder that is private to its user."""

    def __init__(self, folder: Path) -> None:
        """Opens or creates the file. Raises StoreUnavailable where that is not possible."""
        with _faults():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = folder / "savepoint.db"
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            with _closed_on_failure(_open_for_writing(self._path)) as connection:
                self._reader = _open(self._path)
            self._writer = Writer(connection)
        self._threads = ThreadPoolExecutor(_LIST_THREADS, thread_name_prefix="sqlite-list")
        self._per_thread = threading.local()
        self._readers = [self._reader]

    async def create(self, container: Container, item: Item) -> str:
        insert = _Create(container, item)
        _charge_write(insert.row)
        return await self._writer.run(insert)

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        check_address(id, partition)
        with _faults():
            rows = self._reader.execute(
                f"SELECT item, payload, etag FROM {container.name} WHERE partition = ? AND id = ?",
                (partition, id),
            ).fetchall()
        if not rows:
            add_charge(1.0, estimated=True)
            raise ItemNotFound
        item, payload, etag = rows[0]
        add_charge(_read_charge(len(item) + len(payload or b"")), estimated=True)
        return Stored(_decode(item, payload), etag)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        update = _Replace(container, item, if_match)
        _charge_write(update.row, factor=2)
        return await self._writer.run(update)

    async def create_then_replace(self, container: Container, new: Item, item: Item, if_match: str) -> str:
        check_pair(container, new, item)
        insert, update = _Create(container, new), _Replace(container, item, if_match)

        def work(connection: sqlite3.Connection) -> str:
            # The one that can be refused comes first, so that there is nothing to take back.
            etag = update(connection)
            with suppress(ItemExists):
                insert(connection)
            return etag

        _charge_write(insert.row)
        _charge_write(update.row, factor=2)
        return await self._writer.run(work)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        check_address(id, partition)
        check_patch(container, operations)

        def work(connection: sqlite3.Connection) -> Stored:
            stored = _current(connection, container, partition, id)
            for operation in operations:
                _apply(operation, stored.item)
            update = _Replace(container, stored.item, stored.etag)
            etag = update(connection)
            # Read back, because the caller's own values stand in the patched item.
            return Stored(_decode(update.row.text, update.row.payload), etag)

        add_charge(11.0, estimated=True)
        return await self._writer.run(work)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        check_address(id, partition)

        def work(connection: sqlite3.Connection) -> None:
            if if_match is not None and _current(connection, container, partition, id).etag != if_match:
                raise ItemChanged
            text = f"DELETE FROM {container.name} WHERE partition = ? AND id = ?"
            if connection.execute(text, (partition, id)).rowcount == 0:
                raise ItemNotFound

        add_charge(5.5, estimated=True)
        await self._writer.run(work)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        check_commit(container, partition, operations)
        steps = [
            _Create(container, operation.item)
            if isinstance(operation, Create)
            else _Replace(container, operation.item, operation.if_match)
            for operation in operations
        ]

        def work(connection: sqlite3.Connection) -> list[str]:
            connection.execute("SAVEPOINT one_commit")
            try:
                etags = [step(connection) for step in steps]
            except (PersistenceError, ValueError):
                connection.execute("ROLLBACK TO one_commit")
                connection.execute("RELEASE one_commit")
                raise
            connection.execute("RELEASE one_commit")
            return etags

        for step in steps:
            _charge_write(step.row)
        return await self._writer.run(work)

    async def query(self, container: Container, query: Query) -> Page[Item]:
        check_query(container, query)
        text, values = sqlite_query.select(container, query)
        rows = await self._in_thread(lambda connection: connection.execute(text, values).fetchall())
        add_charge(2.5 + sum(len(row[0]) for row in rows) / 1024 * 0.4, estimated=True)
        return query.page([orjson.loads(row[0]) for row in rows])

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        check_aggregate(query, path)
        text, values = sqlite_query.aggregate(container, query, function, path)
        rows = await self._in_thread(lambda connection: connection.execute(text, values).fetchall())
        add_charge(2.5, estimated=True)
        result: int | float | str | None = rows[0][0]
        return result

    async def ping(self) -> None:
        with _faults():
            self._reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()

    async def close(self) -> None:
        # In a thread: the writer may be waiting for another process.
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._writer.close)
        for reader in self._readers:
            reader.close()

    async def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with _faults():
                connection = getattr(self._per_thread, "connection", None)
                if connection is None:
                    connection = self._per_thread.connection = _open(self._path)
                    self._readers.append(connection)
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except RuntimeError as exc:
            raise StoreUnavailable from exc


class _Create:
    """Inserts one row; answers its etag."""

    def __init__(self, container: Container, item: Item) -> None:
        id, partition = address(container, item)
        self.row = _Row(item)
        self._text = (
            f"INSERT INTO {container.name} (partition, id, kind, etag, item, payload)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (partition, id) DO NOTHING"
        )
        self._values = (partition, id, item["kind"], self.row.etag, self.row.text, self.row.payload)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, self._values).rowcount == 0:
            raise ItemExists
        return self.row.etag


class _Replace:
    """Updates one row where the etag still holds; answers the new one."""

    def __init__(self, container: Container, item: Item, if_match: str) -> None:
        self._container = container
        self._id, self._partition = address(container, item)
        self.row = _Row(item)
        self._text = (
            f"UPDATE {container.name} SET kind = ?, etag = ?, item = ?, payload = ?"
            " WHERE partition = ? AND id = ? AND etag = ?"
        )
        new = (item["kind"], self.row.etag, self.row.text, self.row.payload)
        self._values = (*new, self._partition, self._id, if_match)

    def __call__(self, connection: sqlite3.Connection) -> str:
        if connection.execute(self._text, self._values).rowcount == 0:
            _current(connection, self._container, self._partition, self._id)
            raise ItemChanged
        return self.row.etag


class _Row:
    """An item as its columns: JSON text, bytes beside it, and an etag that never repeats."""

    def __init__(self, item: Item) -> None:
        fields, self.payload = split_item(item)
        self.text = fields.decode()
        self.etag = secrets.token_hex(8)
        self.size = weight(fields, self.payload)
        if self.size > ITEM_MAX_BYTES:
            raise ItemTooLarge(self.size, ITEM_MAX_BYTES)


def _current(connection: sqlite3.Connection, container: Container, partition: str, id: str) -> Stored:
    row = connection.execute(
        f"SELECT item, payload, etag FROM {container.name} WHERE partition = ? AND id = ?", (partition, id)
    ).fetchone()
    if row is None:
        raise ItemNotFound
    return Stored(_decode(row[0], row[1]), row[2])


def _decode(text: str, payload: bytes | None) -> Item:
    item: Item = orjson.loads(text)
    if payload is not None:
        item[PAYLOAD] = payload
    return item


def _apply(operation: Set | Increment | Remove, item: Item) -> None:
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


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    with _closed_on_failure(connection):
        connection.execute("PRAGMA synchronous=FULL")
        # What was deleted is overwritten, wherever SQLite was built.
        connection.execute("PRAGMA secure_delete=ON")
    return connection


def _open_for_writing(path: Path) -> sqlite3.Connection:
    with _closed_on_failure(_open(path)) as connection:
        _use_wal(connection)
        if connection.execute("PRAGMA synchronous").fetchone() != (2,):
            raise sqlite3.OperationalError("synchronous=FULL was not accepted: answers would not be durable")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > FILE_VERSION:
            raise sqlite3.OperationalError(f"the file has version {version}; this program knows {FILE_VERSION}")
        for container in CONTAINERS:
            for statement in sqlite_query.schema(container):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={FILE_VERSION}")
        connection.execute("COMMIT")
        return connection


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    # An exception keeps the connection alive, and with it a write lock that would shut everybody else out.
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    # The first change to WAL does not wait for its turn: two processes that start at once need to repeat it.
    deadline = time.monotonic() + _BUSY_TIMEOUT_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            if mode == "wal":
                return
            raise sqlite3.OperationalError(f"the file system cannot do WAL (journal_mode={mode})")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def _faults() -> Iterator[None]:
    """The one place where the driver's exceptions become ours, outside the writer."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise StoreUnavailable from exc


def _read_charge(size: int) -> float:
    return 1.0 + max(0, size - 1024) / 1024 * 0.09


def _charge_write(row: _Row, factor: int = 1) -> None:
    add_charge((5.0 + row.size / 1024 * 0.45) * factor, estimated=True)
