"""The repair of indexes that do not fit their table any more, because a row was damaged after it was written.

If such a row is deleted, entries of indexes may remain. SQLite then fails every query that meets one of them, also
those of other people.
"""

import logging
import sqlite3
import time

from persistence.errors import StoreUnavailable
from persistence.storage.containers import Container
from persistence.storage.sqlite.connection import primary_code

PAUSE_SECONDS = 600.0
"""A table is repaired after a fault at most this often, because a damaged file stays damaged."""

_log = logging.getLogger(__name__)


def is_contradiction(exc: sqlite3.Error) -> bool:
    """Returns True if SQLite found that the file contradicts itself."""
    return primary_code(exc) == sqlite3.SQLITE_CORRUPT


def renew_indexes(connection: sqlite3.Connection, container: Container) -> None:
    """Makes the indexes of a table again from its rows. Takes seconds for 100,000 rows; reads go on meanwhile."""
    _log.error("A row of %s is damaged: the indexes of this table are made again", container.name)
    connection.execute(f"REINDEX {container.name}")


class Repairs:
    """When each table was repaired after a fault."""

    def __init__(self) -> None:
        self._repaired: dict[str, float] = {}

    def repair(self, connection: sqlite3.Connection, container: Container, failed_at: float) -> None:
        """Repairs a table after a statement that began at this time, by `time.monotonic`, has failed.

        Does nothing if it was repaired since. Raises StoreUnavailable if it was repaired shortly before.
        """
        repaired_at = self._repaired.get(container.name)
        if repaired_at is not None:
            if repaired_at >= failed_at:
                return
            if time.monotonic() - repaired_at < PAUSE_SECONDS:
                raise StoreUnavailable
        renew_indexes(connection, container)

    def committed(self, container: Container) -> None:
        """Notes that a repair was committed."""
        self._repaired[container.name] = time.monotonic()
