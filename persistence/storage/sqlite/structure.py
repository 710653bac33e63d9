"""Whether the structure of the database is sound, as far as SQLite can tell."""

import logging
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from persistence.storage.sqlite.connection import connect, primary_code

CHECK_SECONDS = 30.0
"""How long a check may take. It reads about 1 GB a second if the file is in memory."""

_log = logging.getLogger(__name__)


class Structure:
    """Checks the structure of a database in a thread. A structure that was not checked to the end counts as sound.

    `PRAGMA quick_check` follows the pages of every table and index. It does not notice changed values. Until it
    ends, it reads one version of the database, so the write-ahead log grows by what is written meanwhile.

    `is_damaged`: the last check that came to its end found damage.
    """

    def __init__(self, path: Path) -> None:
        """Starts the first check."""
        self.is_damaged = False
        self._connection: sqlite3.Connection | None = None
        self._path, self._closing, self._starting = path, threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._check)
        self.check()

    def check(self) -> None:
        """Starts a check if none is running, and if the system has room for a thread."""
        with self._starting:
            if not self._thread.is_alive() and not self._closing.is_set():
                thread = threading.Thread(target=self._check, name="sqlite-structure", daemon=True)
                try:
                    thread.start()
                except RuntimeError as exc:
                    _log.warning("The structure of %s is not checked: %s", self._path, exc)
                else:
                    self._thread = thread

    def suspect(self, exc: BaseException) -> None:
        """Starts a check if SQLite has met damage."""
        if _is_damage(exc) and not self.is_damaged:
            self.check()

    def close(self) -> None:
        """Stops the check and waits for its end."""
        self._closing.set()
        with self._starting:
            while self._thread.is_alive():
                # Again and again, because an interrupt has no effect between two statements.
                self._interrupt()
                self._thread.join(timeout=0.02)

    def _check(self) -> None:
        timer = threading.Timer(CHECK_SECONDS, self._interrupt)
        timer.daemon = True
        timer.start()
        try:
            with closing(connect(self._path)) as connection:
                self._connection = connection
                if not self._closing.is_set():
                    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                    self._found(None if finding == "ok" else finding)
        except sqlite3.Error as exc:
            if _is_damage(exc):
                self._found(str(exc))
            elif not self._closing.is_set():
                _log.warning("The structure of %s was not checked to the end: %s", self._path, exc)
        finally:
            timer.cancel()

    def _interrupt(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self._connection.interrupt()

    def _found(self, damage: str | None) -> None:
        """`damage` names pages, tables and columns, and never has values."""
        if damage is not None and not self.is_damaged:
            _log.error("The structure of %s is damaged: %s", self._path, damage)
        self.is_damaged = damage is not None


def _is_damage(exc: BaseException) -> bool:
    return primary_code(exc) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
