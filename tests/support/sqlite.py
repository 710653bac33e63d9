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
