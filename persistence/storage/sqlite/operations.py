"""What an operator does with the file of a store: back it up, restore it, and compact it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite.connection import BUSY_TIMEOUT_SECONDS, FILE_NAME, FILE_VERSION, create_file
from persistence.storage.sqlite.copies import Progress, copy_pages, copy_to_file, flush, new_file, no_progress

_PROGRESS_INSTRUCTIONS = 1_000_000
"""Instructions of SQLite's virtual machine between two calls of the progress."""


class Refused(Exception):
    """Nothing was changed. The message is one line for the operator."""


def back_up(folder: Path, to: Path, progress: Progress = no_progress) -> None:
    """Copies the store of a folder to the new file `to`, while other processes read and write it.

    The copy is one file that its user alone can read. When this returns, it is complete, checked and on disk.
    Until then, no file has that name. Raises Refused, sqlite3.Error and OSError.
    """
    if to.exists():
        raise Refused(f"{to} exists already: name a new file")
    if not to.parent.is_dir():
        raise Refused(f"there is no folder {to.parent}")
    with new_file(to) as unfinished:
        with closing(_open(folder / FILE_NAME, "rw")) as source:
            copy_to_file(source, unfinished, progress)
        with closing(_open(unfinished, "ro")) as copy:
            _check(copy, "the copy", progress)


def check(folder: Path) -> None:
    """Raises Refused if the store of a folder is damaged, or has indexes that do not fit. Other processes may read
    and write it."""
    with closing(_open(folder / FILE_NAME, "ro")) as store:
        _check(store, FILE_NAME, no_progress)


def restore(folder: Path, source: Path, progress: Progress = no_progress) -> Path | None:
    """Makes a backup the store of a folder, in one transaction. Returns where the store as it was is kept, None if
    there was none. Raises Refused if a process has the store open, or if the backup is damaged or of another
    program, and sqlite3.Error and OSError. The store is then as it was.
    """
    path = folder / FILE_NAME
    with closing(_open(source, "ro")) as backup:
        if path.exists() and path.samefile(source):
            raise Refused(f"{source} is the store itself")
        _check(backup, str(source), progress)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_file(path)
        is_new = path.stat().st_size == 0
        with _closed_to_others(path) as store:
            kept = None if is_new else _keep(store, path, progress)
            try:
                copy_pages(backup, store, progress, "Restoring")
            except BaseException:
                if kept is not None:
                    kept.unlink()
                raise
    flush(folder)
    return kept


def compact(folder: Path, progress: Progress = no_progress) -> tuple[int, int]:
    """Makes the indexes again, and writes the file anew, without free pages and remnants of what was deleted.
    Returns its bytes before and after. Raises Refused if a process has the store open, and sqlite3.Error."""
    path = folder / FILE_NAME
    if not path.exists():
        raise Refused(f"there is no {path}")
    with _closed_to_others(path) as store:
        before = path.stat().st_size
        with _reported(store, "Compacting", progress):
            # VACUUM copies indexes as they are.
            store.execute("REINDEX")
            store.execute("VACUUM")
    return before, path.stat().st_size


def _keep(store: sqlite3.Connection, path: Path, progress: Progress) -> Path:
    """Copies the store beside itself. The copy is not checked, because the store may be damaged."""
    for left in path.parent.glob(f"{path.stem}.*.unfinished*"):
        left.unlink()  # of a restore that was killed
    kept = path.with_name(f"{path.stem}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
    with new_file(kept) as unfinished:
        copy_to_file(store, unfinished, progress, "Keeping")
    return kept


@contextmanager
def _closed_to_others(path: Path) -> Iterator[sqlite3.Connection]:
    """Yields a connection to a file that no other process has open, and can open meanwhile. There is no log."""
    with closing(_open(path, "rw", timeout=0)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA secure_delete=ON")
        try:
            # Needs the file for itself, because it removes the log that all processes share.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as exc:
            if "locked" in str(exc):
                raise Refused(f"{path} is in use: stop every process that serves it") from exc
            raise
        except sqlite3.DatabaseError as exc:
            raise Refused(f"{path} cannot be opened ({exc}): move it away, with its -wal and -shm") from exc
        yield connection


def _check(connection: sqlite3.Connection, name: str, progress: Progress) -> None:
    """Raises Refused if the file is damaged, has a newer format, or is not a store. Reads all of it."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        of_store = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        if version < 1 or connection.execute(of_store, (SESSIONS.name,)).fetchone() is None:
            raise Refused(f"{name} is not a store of Savepoint")
        if version > FILE_VERSION:
            raise Refused(f"{name} has format {version}, but this program knows only {FILE_VERSION}")
        with _reported(connection, "Checking", progress):
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as exc:
        raise Refused(f"{name} is damaged, or is not a SQLite file: {exc}") from exc
    if found != "ok":
        raise Refused(f"{name} is damaged: {' '.join(found.split())}")


@contextmanager
def _reported(connection: sqlite3.Connection, what: str, progress: Progress) -> Iterator[None]:
    """Calls the progress while statements of unknown length run."""
    progress(what, 0, None)
    connection.set_progress_handler(lambda: progress(what, 0, None), _PROGRESS_INSTRUCTIONS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _open(path: Path, mode: str, timeout: float = BUSY_TIMEOUT_SECONDS) -> sqlite3.Connection:
    """Opens a file that exists. Raises Refused if it does not."""
    if not path.is_file():
        raise Refused(f"there is no file {path}")
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
