"""Ways around a SQLite engine, to its file and to its writing connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from persistence.storage.sqlite.engine import SqliteEngine


@contextmanager
def beside(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the same file."""
    with closing(sqlite3.connect(folder / "savepoint.db", isolation_level=None)) as connection:
        yield connection


async def on_the_writer(engine: SqliteEngine, text: str) -> list[tuple[Any, ...]]:
    """What a statement answers on the very connection that writes, within its transaction."""
    rows: list[tuple[Any, ...]] = await engine._writer.run(lambda writer: writer.execute(text).fetchall())
    return rows
