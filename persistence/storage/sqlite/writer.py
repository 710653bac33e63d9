"""The one thread that writes. It commits waiting writes in groups, so that they share one disk flush."""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from persistence.errors import StoreUnavailable
from persistence.faults import named

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_GROUP_MAX = 64
_log = logging.getLogger(__name__)


class Writer:
    """Runs pieces of work on one connection. Each succeeds or fails by itself, and returns after the commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._closed = False
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Returns the result of `work` once it is on disk. Raises StoreUnavailable if the database cannot be
        written.

        If the work raises, what it has written is rolled back, and nothing else. Raises what it raises, and
        StoreUnavailable for an error of the driver.
        """
        if self._closed:
            raise StoreUnavailable
        job = _Job(work)
        self._jobs.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        """Waits for accepted work."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            last = False
            while len(group) < _GROUP_MAX and not self._jobs.empty():
                if (following := self._jobs.get()) is None:
                    last = True
                    break
                group.append(following)
            self._commit(group)
            if last:
                return

    def _commit(self, group: "list[_Job]") -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.do(self._connection)
            self._connection.execute("COMMIT")
        except Exception as exc:
            # The database failed. Nothing of the group may remain half done.
            _log.error("A group of %d writes failed: %s", len(group), named(exc))
            self._roll_back()
            for job in group:
                job.fail(exc)
        for job in group:
            job.finish()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as exc:
                _log.error("The rollback failed too: %s", named(exc))


def roll_back_job(connection: sqlite3.Connection) -> None:
    """Takes back what the running job has written so far. Raises sqlite3.Error if the transaction is gone."""
    connection.execute("ROLLBACK TO job")


def _primary_code(exc: Exception) -> int:
    code: int = getattr(exc, "sqlite_errorcode", 0)
    return code & 0xFF


class _Job:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._result: Any = None
        self._error: BaseException | None = None
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def do(self, connection: sqlite3.Connection) -> None:
        """Runs the work. Raises only what fails the whole group: the transaction is gone, or the disk fails."""
        connection.execute("SAVEPOINT job")
        try:
            self._result = self._work(connection)
        except Exception as exc:
            if not connection.in_transaction or _primary_code(exc) == sqlite3.SQLITE_IOERR:
                raise
            roll_back_job(connection)
            if isinstance(exc, sqlite3.Error):
                _log.error("A write failed: %s", named(exc))
                self.fail(exc)
            else:
                self._error = exc
        connection.execute("RELEASE job")

    def fail(self, cause: Exception) -> None:
        self._error = StoreUnavailable()
        self._error.__cause__ = cause

    def finish(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:
            _log.debug("A write finished after its event loop had closed.")

    def _settle(self) -> None:
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)
