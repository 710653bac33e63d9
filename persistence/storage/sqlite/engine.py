"""The embedded engine: one SQLite file that several processes of one machine share. A write is durable on return.

Point reads run on the event loop, because they take microseconds. Queries run in threads. All writes go through
one writer thread, which commits them in groups.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from persistence.errors import CorruptItem, ItemExists, ItemNotFound, StoreUnavailable
from persistence.storage.charge import add_charge
from persistence.storage.checks import (
    check_address,
    check_aggregate,
    check_commit,
    check_patch,
    check_query,
    check_references,
)
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Increment, Item, Remove, Replace, Set, Stored, is_readable
from persistence.storage.query import Aggregate, Page, Query
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite import statements
from persistence.storage.sqlite.connection import (
    FILE_NAME,
    closed_on_failure,
    connect_for_reading,
    connect_for_writing,
    create_file,
    translated_errors,
    truncate_log,
)
from persistence.storage.sqlite.migration import Renew, remove_backup_later
from persistence.storage.sqlite.place import Place
from persistence.storage.sqlite.reader import MeteredReader
from persistence.storage.sqlite.repair import Repairs, is_contradiction
from persistence.storage.sqlite.reserve import Reserve
from persistence.storage.sqlite.rows import found_items, value_of
from persistence.storage.sqlite.structure import Structure
from persistence.storage.sqlite.writer import Writer, keep_so_far, roll_back_job

T = TypeVar("T")

SCRUB_SECONDS = 5.0
"""How long a call of `scrub` tries."""

_SCRUB_PAUSE_SECONDS = 0.1
_LIST_THREADS = 4
_log = logging.getLogger(__name__)


class SqliteEngine:
    """`Engine` over the file `savepoint.db`, in a folder that only its user can read."""

    def __init__(self, folder: Path, renew: Renew | None = None) -> None:
        """Opens or creates the file. `renew` migrates a file of an older format. Raises StoreUnavailable if the
        file cannot be opened."""
        with translated_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = folder / FILE_NAME
            with closed_on_failure(Reserve(folder)) as self._reserve:
                create_file(self._path)
                with closed_on_failure(connect_for_writing(self._path, renew)) as connection:
                    self._reader = connect_for_reading(self._path)
        self._reserve.fill()
        self._place, self._structure, self._repairs = Place(self._path), Structure(self._path), Repairs()
        self._writer = Writer(connection, self._place, self._structure, self._reserve)
        self._threads = ThreadPoolExecutor(_LIST_THREADS, thread_name_prefix="sqlite-list")
        self._per_thread = threading.local()
        self._readers = [self._reader]
        self._backup_timer = remove_backup_later(folder)

    async def create(self, container: Container, item: Item) -> str:
        insert = statements.Insert(container, item)
        _add_write_charge(insert.size)
        return await self._write(container, insert, _content_bytes(insert))

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        check_address(id, partition)

        async def find() -> statements.Columns | None:
            return statements.find(self._reader, container, partition, id)

        if (columns := await self._repaired(container, find)) is None:
            add_charge(1.0, estimated=True)
            raise ItemNotFound
        _add_read_charge(len(columns.text) + len(columns.payload or b""))
        return columns.decode(container, id, partition)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        update = statements.Update(container, item, if_match)
        _add_write_charge(update.size, factor=2)
        return await self._write(container, update, _content_bytes(update))

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        created = (*new, *then)
        check_references(container, item, created)
        update = statements.Update(container, item, if_match)
        inserts = [statements.Insert(container, one) for one in created]

        def work(connection: sqlite3.Connection) -> str:
            # First the one that can be refused, so that nothing has to be undone.
            etag = update(connection)
            for insert in inserts:
                with suppress(ItemExists):
                    insert(connection)
            return etag

        for insert in inserts:
            _add_write_charge(insert.size)
        _add_write_charge(update.size, factor=2)
        return await self._write(container, work, _content_bytes(update, *inserts))

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        check_address(id, partition)
        check_patch(container, operations)

        def work(connection: sqlite3.Connection) -> Stored:
            stored = statements.read(connection, container, partition, id)
            if not is_readable(stored.item):
                raise CorruptItem(stored.item["kind"], id)
            for operation in operations:
                statements.apply(operation, stored.item)
            update = statements.Update(container, stored.item, stored.etag)
            update(connection)
            # Decoded again, so that the result shares no values with the caller's operations.
            return update.columns.decode(container, id, partition)

        add_charge(11.0, estimated=True)
        return await self._write(container, work)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        check_address(id, partition)

        def work(connection: sqlite3.Connection) -> None:
            statements.delete(connection, container, partition, id, if_match)

        add_charge(5.5, estimated=True)
        await self._write(container, work)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        check_commit(container, partition, operations)
        steps = [statements.of_operation(container, operation) for operation in operations]

        def work(connection: sqlite3.Connection) -> list[str]:
            return [step(connection) for step in steps]

        for step in steps:
            _add_write_charge(step.size)
        return await self._write(container, work, _content_bytes(*steps))

    async def has_conditional_commits(self) -> bool:
        return True

    async def query(self, container: Container, query: Query) -> Page[Item]:
        check_query(container, query)
        limit = query.page_size + 1
        while True:
            text, values = sqlite_query.select(container, query, limit)
            rows, steps = await self._rows(container, text, values)
            _add_query_charge(steps, sum(len(row[0]) for row in rows))
            items = found_items(container, query.sort.path, rows)
            if len(items) > query.page_size or len(rows) < limit:
                return query.page(items)
            limit *= 2  # damaged rows that nothing can name filled the page

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        check_aggregate(query, path)
        text, values = sqlite_query.aggregate(container, query, function, path)
        rows, steps = await self._rows(container, text, values)
        _add_query_charge(steps)
        result: int | float | str | None = value_of(rows[0][0])
        return result

    async def ping(self) -> None:
        self._place.check()
        if self._writer.is_failing or not self._writer.is_running or self._structure.is_damaged:
            raise StoreUnavailable
        with self._noted_errors():
            self._reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()

    async def scrub(self) -> None:
        deadline = time.monotonic() + SCRUB_SECONDS
        while not await self._in_thread(lambda: truncate_log(self._path)):
            if time.monotonic() > deadline:
                _log.info("Deleted text stays in the log until the next timer, because others read or write.")
                return
            await asyncio.sleep(_SCRUB_PAUSE_SECONDS)

    async def close(self) -> None:
        if self._backup_timer is not None:
            self._backup_timer.cancel()
        # In threads, because the writer may be waiting for another process.
        await asyncio.to_thread(self._structure.close)
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._writer.close)
        for reader in self._readers:
            reader.close()
        self._reserve.close()

    @contextmanager
    def _noted_errors(self) -> Iterator[None]:
        """As `translated_errors`, and checks the structure if SQLite has met damage."""
        with translated_errors():
            try:
                yield
            except sqlite3.Error as exc:
                self._structure.suspect(exc)
                raise

    async def _rows(
        self, container: Container, text: str, values: list[object]
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Returns the result of a query, which runs in a thread, and the steps that it took."""

        def run() -> tuple[list[tuple[Any, ...]], int]:
            reader = getattr(self._per_thread, "reader", None)
            if reader is None:
                reader = self._per_thread.reader = MeteredReader(self._path)
                self._readers.append(reader.connection)
                self._place.check()  # another file may have been opened
            before = reader.steps
            return reader.rows(text, values), reader.steps - before

        return await self._repaired(container, lambda: self._in_thread(run))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as exc:  # the threads have been shut down
            raise StoreUnavailable from exc

    async def _repaired(self, container: Container, read: Callable[[], Awaitable[T]]) -> T:
        """Returns what `read` returns. If an index contradicts the table, repairs it and reads again."""
        started = time.monotonic()
        with translated_errors():
            try:
                return await read()
            except sqlite3.Error as exc:
                if not is_contradiction(exc):
                    raise
                damage = exc
        try:
            await self._writer.run(lambda connection: self._repairs.repair(connection, container, started))
        except StoreUnavailable:
            self._structure.suspect(damage)
            raise StoreUnavailable from damage
        self._repairs.committed(container)
        self._structure.check()
        with self._noted_errors():
            return await read()

    async def _write(
        self, container: Container, work: Callable[[sqlite3.Connection], T], content_bytes: int = 0
    ) -> T:
        """Runs work on the writer. If an index contradicts the table, repairs it and runs the work again."""

        was_repaired = False

        def repairing(connection: sqlite3.Connection) -> T:
            nonlocal was_repaired
            started = time.monotonic()
            try:
                return work(connection)
            except sqlite3.Error as exc:
                if not is_contradiction(exc):
                    raise
                roll_back_job(connection)
                self._repairs.repair(connection, container, started)
                keep_so_far(connection)
                was_repaired = True
                return work(connection)

        try:
            return await self._writer.run(repairing, content_bytes)
        except StoreUnavailable:
            was_repaired = False  # the commit may have failed
            raise
        finally:
            if was_repaired:
                self._repairs.committed(container)
                self._structure.check()


def _content_bytes(*steps: statements.Insert | statements.Update) -> int:
    return sum(len(step.columns.payload or b"") for step in steps)


def _add_query_charge(steps: int, size: int = 0) -> None:
    # Steps are counted across queries, so one of them may be the work of others.
    add_charge(2.5 + max(0, steps - 1) * 5.0 + size / 1024 * 0.4, estimated=True)


def _add_read_charge(size: int) -> None:
    add_charge(1.0 + max(0, size - 1024) / 1024 * 0.09, estimated=True)


def _add_write_charge(size: int, factor: int = 1) -> None:
    add_charge((5.0 + size / 1024 * 0.45) * factor, estimated=True)
