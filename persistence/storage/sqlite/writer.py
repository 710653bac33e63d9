"""The one thread that writes. It commits waiting writes in groups, so that they share one disk flush."""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from persistence.errors import StorageExhausted, StoreUnavailable
from persistence.faults import named, traced
from persistence.storage.sqlite.connection import BUSY_TIMEOUT_SECONDS, LOG_TIMEOUT_SECONDS, primary_code
from persistence.storage.sqlite.place import Place
from persistence.storage.sqlite.reserve import SPARE_BYTES, Reserve
from persistence.storage.sqlite.structure import Structure

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_GROUP_MAX = 64
_GROUP_CONTENT_BYTES = 4 * 1024 * 1024
"""A group ends with the write that has more. So the write-ahead log stays small enough for the reserve."""
_IDLE_SECONDS = 5.0
_PAGES_MAX = 2**30 - 1
_SPARE_PAGES = SPARE_BYTES // 4096
_log = logging.getLogger(__name__)


class Writer:
    """Runs pieces of work on one connection. Each succeeds or fails by itself, and returns after the commit.

    `is_failing`: the last writes failed because of the database, or writes with contents would.
    """

    def __init__(
        self, connection: sqlite3.Connection, place: Place, structure: Structure, reserve: Reserve
    ) -> None:
        self._connection = connection
        self._place, self._structure, self._reserve = place, structure, reserve
        self.is_failing = reserve.is_short
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._closed = self._is_ending = False
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """False after the end, or after a bug of the writer itself."""
        return self._thread.is_alive()

    async def run(self, work: Callable[[sqlite3.Connection], T], content_bytes: int = 0) -> T:
        """Returns the result of `work` once it is on disk. Raises StoreUnavailable if the database cannot be
        written, and StorageExhausted if there is no room. `content_bytes` is the size of the contents in `work`.

        If the work raises, what it has written is rolled back, and nothing else. Raises what it raises, and
        StoreUnavailable for an error of the driver. Work may be run twice.
        """
        if self._closed:
            raise StoreUnavailable
        future = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, content_bytes, future))
        if not self.is_running:
            self._fail_rest()  # it ended just now
        result: T = await future
        return result

    def close(self) -> None:
        """Waits for accepted work."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    def _run(self) -> None:
        try:
            while (group := self._next_group()) is not None:
                self._do(group)
                if self._is_ending:
                    return
        finally:
            self._fail_rest()

    def _fail_rest(self) -> None:
        """Fails what came after the end, so that nobody waits for ever."""
        with suppress(queue.Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    _fail([job])

    def _next_group(self) -> "list[_Job] | None":
        """Waits for jobs, and returns those that share a commit. None at the end."""
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
                break
            except queue.Empty:
                self._look_after()
        if job is None:
            return None
        group, size = [job], job.content_bytes
        while len(group) < _GROUP_MAX and size < _GROUP_CONTENT_BYTES and not self._jobs.empty():
            if (following := self._jobs.get()) is None:
                self._is_ending = True
                break
            group.append(following)
            size += following.content_bytes
        return group

    def _do(self, group: "list[_Job]") -> None:
        try:
            self._commit_all(group)
        except Exception as exc:
            _log.error("The writer failed: %s", traced(exc))
            self._roll_back()
            self.is_failing = True
            _fail(group)

    def _commit_all(self, group: "list[_Job]") -> None:
        lacking_room = group
        if not self._reserve.is_short:
            self._commit(group)
            lacking_room = [job for job in group if isinstance(job.error, StorageExhausted)]
            self.is_failing = self.is_failing or bool(lacking_room)
        if lacking_room:
            self._commit_with_reserve(lacking_room)
        if any(_is_of_the_database(job.error) for job in group):
            self.is_failing = True
        elif not self._reserve.is_short or any(job.content_bytes for job in group):
            self.is_failing = False
        for job in group:
            job.finish()

    def _commit(self, group: "list[_Job]") -> None:
        try:
            if self.is_failing:
                self._place.check()  # so that a refused write is not found later
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.do(self._connection)
            self._connection.execute("COMMIT")
            self._place.check()
        except Exception as exc:
            # The database failed. Nothing of the group may remain half done.
            is_full = self._reserve.is_disk_full(exc)
            # A lost file is in the log already, and so is a disk that is still full.
            if not isinstance(exc, StoreUnavailable) and not (is_full and self.is_failing):
                _log.error("A group of %d writes failed: %s", len(group), named(exc))
            self._roll_back()
            for job in group:
                job.fail(StorageExhausted() if is_full else StoreUnavailable(), exc)
            self._rescue_log()
            self._structure.suspect(exc)

    def _commit_with_reserve(self, jobs: "list[_Job]") -> None:
        """Commits writes one by one, in the room of the reserve. Those with contents may use only pages that are
        free in the database. So there is room for deletions, and what they free can be used.

        The log is copied into the database and cut after each write. So the disk is as full as before."""
        self._reserve.release()
        self._cut_log()
        for job in jobs:
            # The least maximum is the present number of pages.
            self._attempt(f"PRAGMA max_page_count={1 if job.content_bytes else _PAGES_MAX}")
            self._commit([job])
            self._cut_log()
        self._attempt(f"PRAGMA max_page_count={_PAGES_MAX}")
        self._reserve.fill()

    def _cut_log(self) -> None:
        """Copies the log into the database, and empties it. Does not wait long for others who read."""
        before = self._attempt("PRAGMA busy_timeout")
        self._attempt(f"PRAGMA busy_timeout={LOG_TIMEOUT_SECONDS * 1000:.0f}")
        self._attempt("PRAGMA wal_checkpoint(TRUNCATE)")
        self._attempt(f"PRAGMA busy_timeout={sum(before)}")

    def _look_after(self) -> None:
        """Notices a removed file although nothing is written, and whether writes succeed again."""
        try:
            self._place.check()
        except StoreUnavailable:
            self.is_failing = True
            self._rescue_log()
            return
        if self.is_failing:
            self._attempt("PRAGMA busy_timeout=0")  # others may be waiting
            # Stands for a write with contents if the database has free pages for some.
            pages = sum(self._attempt("PRAGMA freelist_count"))
            self._do([_Job(_rewrite_header, content_bytes=1 if pages >= _SPARE_PAGES else 0)])
            self._attempt(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000:.0f}")

    def _rescue_log(self) -> None:
        """Copies a removed log into the database. Otherwise a kill of the server would lose what was saved."""
        if self._place.has_lost_its_log():
            self._attempt("PRAGMA wal_checkpoint(PASSIVE)")

    def _attempt(self, pragma: str) -> tuple[int, ...]:
        """Returns the numbers of the result, and none if SQLite fails."""
        try:
            return tuple(self._connection.execute(pragma).fetchone())
        except sqlite3.Error as exc:
            _log.warning("%s failed: %s", pragma, named(exc))
            return ()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as exc:
                _log.error("The rollback failed too: %s", named(exc))


def _fail(jobs: "list[_Job]") -> None:
    for job in jobs:
        job.fail(StoreUnavailable(), None)
        job.finish()


def roll_back_job(connection: sqlite3.Connection) -> None:
    """Takes back what the running job has written so far. Raises sqlite3.Error if the transaction is gone."""
    connection.execute("ROLLBACK TO job")


_OF_THE_DISK = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)


def keep_so_far(connection: sqlite3.Connection) -> None:
    """Keeps what the running job has written so far, also if it fails from here on."""
    connection.execute("RELEASE job")
    connection.execute("SAVEPOINT job")


def _rewrite_header(connection: sqlite3.Connection) -> None:
    """Writes one page, without any change."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version={version:d}")


def _is_of_the_database(error: BaseException | None) -> bool:
    """Returns False for a bug of the work, too, because other writes can succeed."""
    cause = error.__cause__ if isinstance(error, StoreUnavailable) else None
    return isinstance(cause, sqlite3.OperationalError | StoreUnavailable) or type(cause) is sqlite3.DatabaseError


class _Job:
    """Work and, unless it is the writer's own, the future of its caller."""

    def __init__(self, work: Work, content_bytes: int = 0, future: asyncio.Future[Any] | None = None) -> None:
        self.content_bytes = content_bytes
        self.error: BaseException | None = None
        self._work, self._future = work, future
        self._result: Any = None

    def do(self, connection: sqlite3.Connection) -> None:
        """Runs the work. Raises only what fails the whole group: the transaction is gone, or the disk fails."""
        self.error = None
        connection.execute("SAVEPOINT job")
        try:
            self._result = self._work(connection)
        except Exception as exc:
            if not connection.in_transaction or primary_code(exc) in _OF_THE_DISK:
                raise
            roll_back_job(connection)
            if isinstance(exc, sqlite3.Error):
                _log.error("A write failed: %s", named(exc))
                self.fail(StoreUnavailable(), exc)
            else:
                self.error = exc
        connection.execute("RELEASE job")

    def fail(self, error: StoreUnavailable, cause: Exception | None) -> None:
        self.error = error
        self.error.__cause__ = cause

    def finish(self) -> None:
        if self._future is None:
            return
        try:
            self._future.get_loop().call_soon_threadsafe(self._settle, self._future)
        except RuntimeError:
            _log.debug("A write finished after its event loop had closed.")

    def _settle(self, future: asyncio.Future[Any]) -> None:
        if future.done():
            return
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self._result)
