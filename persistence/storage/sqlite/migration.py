"""The migration of a file of an older format, with a backup beside it.

The migration is one transaction. If it is interrupted, nothing has changed, and the next start begins again.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson

from persistence.faults import log_fault
from persistence.storage.containers import CONTAINERS
from persistence.storage.engine import Item
from persistence.storage.sqlite.copies import copy_to_file, new_file
from persistence.storage.sqlite.schema import drop_indexes

BACKUP_NAME = "savepoint.before-format-2.db"
BACKUP_SECONDS = 7 * 24 * 60 * 60
"""How long a backup is kept."""

Renew = Callable[[Item], Item | None]
"""Returns an item in the present format, or None if it stays as it is."""

_ROWS = 500
_log = logging.getLogger(__name__)


def migrate(path: Path, connection: sqlite3.Connection, renew: Renew) -> None:
    """Copies the file, then renews every item in the transaction of the connection. A damaged item stays as it is.

    Drops our indexes, which `update_schema` makes again: those of a damaged row may not fit it.
    """
    with new_file(path.with_name(BACKUP_NAME)) as backup, closing(sqlite3.connect(path)) as source:
        copy_to_file(source, backup)
    _log.info("%s is migrated. Its backup %s is kept for 7 days.", path, BACKUP_NAME)
    for container in CONTAINERS:
        drop_indexes(connection, container)
        last = 0
        # As bytes, so that the driver does not decode them.
        of_container = f"SELECT rowid, CAST(item AS BLOB) FROM {container.name}"
        next_rows = f"{of_container} WHERE rowid > ? ORDER BY rowid LIMIT {_ROWS}"
        while rows := connection.execute(next_rows, (last,)).fetchall():
            for rowid, text in rows:
                try:
                    changed = _renewed(text, renew)
                except Exception as exc:
                    log_fault(f"Row {rowid} of {container.name} is damaged and stays as it is", exc)
                    continue
                if changed is not None:
                    change = (changed, rowid)
                    connection.execute(f"UPDATE {container.name} SET item = ? WHERE rowid = ?", change)
            last = rows[-1][0]


def _renewed(text: bytes, renew: Renew) -> str | None:
    """Returns the text of the renewed item. None if it stays as it is. Raises if it is no item."""
    item = renew(orjson.loads(text))
    return None if item is None else orjson.dumps(item).decode()


def remove_backup_later(folder: Path) -> threading.Timer | None:
    """Removes the backup when it is due, at once or after some days. Returns the timer, None without a backup."""
    backup = folder / BACKUP_NAME
    try:
        age = time.time() - backup.stat().st_mtime
    except FileNotFoundError:
        return None
    timer = threading.Timer(max(0.0, BACKUP_SECONDS - age), backup.unlink, kwargs={"missing_ok": True})
    timer.daemon = True
    timer.start()
    return timer
