"""Connections to the SQLite file: durable, private, in WAL mode, with a schema that is up to date."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from persistence.errors import StoreUnavailable
from persistence.storage.sqlite.migration import Renew, migrate
from persistence.storage.sqlite.schema import update_schema

FILE_NAME = "savepoint.db"
FILE_VERSION = 2
BUSY_TIMEOUT_SECONDS = 10.0
LOG_TIMEOUT_SECONDS = 0.1
MIGRATION_TIMEOUT_SECONDS = 600.0
"""How long a process waits for another one that migrates the file."""


class Closable(Protocol):
    """What has to be closed."""

    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Closable)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns the driver's exceptions into StoreUnavailable. The writer does that itself, for each of its jobs."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise StoreUnavailable from exc


def primary_code(exc: BaseException) -> int:
    """Returns the code of an error of SQLite, without its extension. 0 for other exceptions."""
    return int(getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF


def create_file(path: Path) -> None:
    """Creates the file if it is missing, readable by its user only, whatever the umask."""
    # A file that exists is not opened: closing it would drop the locks of every connection in this process. Then
    # another process could remove the write-ahead log.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Returns a connection as `connect`. Texts come as bytes, so that the driver fails for none; `rows.py` decodes
    them."""
    connection = connect(path)
    connection.text_factory = bytes
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Returns a connection, which any thread may use. Creates no file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    with closed_on_failure(connection):
        connection.execute("PRAGMA synchronous=FULL")
        # Overwrites what is deleted. The default depends on how SQLite was built.
        connection.execute("PRAGMA secure_delete=ON")
    return connection


def connect_for_writing(path: Path, renew: Renew | None = None) -> sqlite3.Connection:
    """Returns a connection to a file in WAL mode that has every table and index, and the present format.

    Texts come as bytes, as from `connect_for_reading`. A file of an older format is migrated by `renew`. Raises
    OperationalError if writes would not be durable, if the file is of a newer format, or of an older one without
    `renew`.
    """
    with closed_on_failure(connect(path)) as connection:
        use_wal(connection)
        if connection.execute("PRAGMA synchronous").fetchone() != (2,):
            raise sqlite3.OperationalError("synchronous=FULL was not accepted: writes would not be durable")
        _begin(connection)
        version = _version(connection)
        if version > FILE_VERSION:
            raise sqlite3.OperationalError(
                f"{path} has format {version}, but this program knows only {FILE_VERSION}: start a newer one"
            )
        if 0 < version < FILE_VERSION:
            if renew is None:
                raise sqlite3.OperationalError(f"{path} has format {version}: it must be migrated first")
            migrate(path, connection, renew)
        update_schema(connection)
        connection.execute(f"PRAGMA user_version={FILE_VERSION}")
        connection.execute("COMMIT")
        connection.text_factory = bytes
        return connection


def _begin(connection: sqlite3.Connection) -> None:
    """Begins to write. Waits longer while another process migrates the file."""
    deadline = time.monotonic() + MIGRATION_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as exc:
            is_migrating = "locked" in str(exc) and 0 < _version(connection) < FILE_VERSION
            if not is_migrating or time.monotonic() > deadline:
                raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def use_wal(connection: sqlite3.Connection) -> None:
    """Switches the file to WAL mode. Raises OperationalError if the file system does not support it."""
    # SQLite's busy timeout does not cover this change. If two processes start at once, one must try again.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
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


def truncate_log(path: Path) -> bool:
    """Moves what the log has into the file, and empties it. Until then the log still has what was deleted.

    Returns False if other connections read or write. They wait at most LOG_TIMEOUT_SECONDS for this.
    """
    with translated_errors(), closing(connect(path)) as connection:
        connection.execute(f"PRAGMA busy_timeout={LOG_TIMEOUT_SECONDS * 1000:.0f}")
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy


@contextmanager
def closed_on_failure(opened: Opened) -> Iterator[Opened]:
    """Closes a connection or another thing if the block raises.

    Otherwise the exception would keep the connection alive, and a write lock that shuts out everyone else.
    """
    try:
        yield opened
    except BaseException:
        opened.close()
        raise
