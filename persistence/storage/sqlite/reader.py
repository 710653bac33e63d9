"""A connection for queries, which measures how much they look through."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from persistence.storage.sqlite.connection import connect_for_reading

STEP_INSTRUCTIONS = 10_000
"""Instructions of SQLite's virtual machine: about 500 rows that are looked through, or 1,500 entries of an index.
A page of a list takes fewer. Each step calls back into Python, which takes the lock of the interpreter."""


class MeteredReader:
    """A connection for one thread. `steps` is the work of all its queries so far."""

    def __init__(self, path: Path) -> None:
        self.connection = connect_for_reading(path)
        self.steps = 0
        self.connection.set_progress_handler(self._step, STEP_INSTRUCTIONS)

    def rows(self, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Returns all rows of a query."""
        return self.connection.execute(text, values).fetchall()

    def _step(self) -> None:
        self.steps += 1
