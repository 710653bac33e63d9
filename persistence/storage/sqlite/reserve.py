"""Room on the disk that is kept for deleting.

Also deleting needs room: SQLite writes every change to its write-ahead log first. It empties the log only after it
has copied it into the database, which may have to grow for that.
"""

import errno
import logging
import os
import sqlite3
from pathlib import Path

from persistence.storage.sqlite.connection import primary_code

RESERVE_NAME = "savepoint.reserve"
RESERVE_BYTES = 16 * 1024 * 1024
"""Enough to copy the log into the database when the disk is full, and to remove one content of any size.

The log has 4 MB before SQLite copies it, and one more group of writes."""
SPARE_BYTES = 4 * 1024 * 1024
"""Free besides a whole reserve, there is room for contents again."""

_log = logging.getLogger(__name__)


class Reserve:
    """A file beside the database that only takes up room. `is_short`: there was no room for all of it and more.

    It is removed when it is closed, unless it is short. The next start uses the room of one that was left.
    """

    def __init__(self, folder: Path) -> None:
        """Gives all room back, so that the database can be opened."""
        self.is_short = False
        self._path = folder / RESERVE_NAME
        self._file = os.fdopen(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600), "r+b", buffering=0)
        self.release()

    def fill(self) -> None:
        """Takes up the room, or as much of it as there is. Takes less than a millisecond on most file systems."""
        try:
            size = RESERVE_BYTES
            while size >= 4096 and not self._allocate(size):
                size //= 2
            self.is_short = size < RESERVE_BYTES or not self._allocate(RESERVE_BYTES + SPARE_BYTES)
            self._file.truncate(min(self._size(), RESERVE_BYTES))
        except OSError as exc:
            # Such as a limit for the size of a file. Without a reserve, a full disk refuses deletions, too.
            _log.warning("No room can be kept in %s: %s", self._path, exc)
            self.is_short = False

    def release(self) -> None:
        """Gives the room back."""
        try:
            self._file.truncate(0)
        except OSError as exc:
            _log.warning("The room of %s cannot be used: %s", self._path, exc)

    def is_disk_full(self, exc: BaseException) -> bool:
        """Returns True if a write failed because there was no room. Takes up some room to find out."""
        code = primary_code(exc)
        # SQLite reports I/O errors for a lack of room in the log's index, at a flush, and under a quota.
        return code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and not self._can_grow())

    def close(self) -> None:
        """Can be repeated."""
        if not self.is_short:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _can_grow(self) -> bool:
        size = self._size()
        try:
            can_grow = self._allocate(size + 65_536)
            self._file.truncate(size)
        except OSError:
            return True  # nothing is known about the room
        return can_grow

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _allocate(self, size: int) -> bool:
        """Makes the file larger. Returns False, without any change, if there is no room. Raises OSError for other
        reasons."""
        before = self._size()
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file.fileno(), 0, size)
            else:  # macOS
                os.pwrite(self._file.fileno(), bytes(size), 0)
        except OSError as exc:
            self._file.truncate(before)
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        return True
