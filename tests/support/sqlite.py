"""Access to the file of a SQLite engine, and to its writing connection, past the engine."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from persistence.storage.sqlite.engine import SqliteEngine


@contextmanager
def beside(folder: Path) -> Iterator[sqlite3.Connection]:
    """Opens a connection to the same file, like another program."""
    with closing(sqlite3.connect(folder / "savepoint.db", isolation_level=None)) as connection:
        yield connection


async def on_the_writer(engine: SqliteEngine, text: str) -> list[tuple[Any, ...]]:
    """Returns the result of a statement on the connection that writes, in its transaction."""
    rows: list[tuple[Any, ...]] = await engine._writer.run(lambda writer: writer.execute(text).fetchall())
    return rows


def files_with(folder: Path, texts: Iterable[bytes]) -> set[str]:
    """Returns the names of the files in which one of the texts can be read, in whatever case."""
    wanted = [text.lower() for text in texts]
    contents = {path.name: path.read_bytes().lower() for path in folder.iterdir()}
    return {name for name, content in contents.items() if any(text in content for text in wanted)}


def overwrite(folder: Path, table: str, rowid: int, text: bytes) -> None:
    """Overwrites the JSON of a row as damage does: the indexes stay as they are. The file must not be open."""
    of_indexes = "type = 'index' AND sql IS NOT NULL"
    with beside(folder) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        indexes = connection.execute(f"SELECT * FROM sqlite_master WHERE {of_indexes}").fetchall()
        connection.execute(f"DELETE FROM sqlite_master WHERE {of_indexes}")
        _reload_schema(connection)
        connection.execute(f"UPDATE {table} SET item = CAST(? AS TEXT) WHERE rowid = ?", (text, rowid))
        connection.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", indexes)
        _reload_schema(connection)
    with beside(folder) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _reload_schema(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    connection.execute(f"PRAGMA schema_version={version + 1}")
