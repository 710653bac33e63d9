"""Where the database was opened, and whether it is still there.

On Linux and macOS, an open file can be removed, moved or replaced. What is written to it then is lost when the
server restarts.
"""

import logging
import os
from pathlib import Path

from persistence.errors import StoreUnavailable

_log = logging.getLogger(__name__)


class Place:
    """The paths of an open database, its write-ahead log and the index of that, each with the file found there.

    SQLite removes the log and its index only when the last connection closes. So while one is open, each path has
    to have the same file. A file that is overwritten in place, as by `cp`, is not noticed unless it is empty.
    """

    def __init__(self, path: Path) -> None:
        """`path` is a database in WAL mode with an open connection."""
        # As texts, because `os.stat` of a Path takes five times as long.
        path = path.absolute()
        self._path, self._log_path = str(path), f"{path}-wal"
        self._opened = {each: self._found(each) for each in (self._path, self._log_path, f"{path}-shm")}
        self._is_reported = False

    def check(self) -> None:
        """Raises StoreUnavailable if a path has no file or another one. The log names the path, once. Takes three
        calls of `stat`, which are microseconds."""
        if changed := self._changed():
            if not self._is_reported:
                self._is_reported = True
                _log.error(
                    "%s was removed, moved or replaced. Nothing is saved until it is back or the server restarts.",
                    changed[0],
                )
            raise StoreUnavailable
        self._is_reported = False

    def has_lost_its_log(self) -> bool:
        """Returns True if only the log is missing. What it has can be copied into the database then, as nobody
        else can have opened the database since."""
        return self._changed() == [self._log_path] and self._found(self._log_path) is None

    def _changed(self) -> list[str]:
        return [path for path, opened in self._opened.items() if self._found(path) != opened]

    def _found(self, path: str) -> tuple[int, int] | None:
        """Returns what identifies the file at a path. None if there is none, or a database without a header."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        return None if path == self._path and found.st_size == 0 else (found.st_dev, found.st_ino)
