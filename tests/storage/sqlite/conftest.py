"""A SQLite engine in a new folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence.storage.sqlite.engine import SqliteEngine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[SqliteEngine]:
    opened = SqliteEngine(folder)
    yield opened
    await opened.close()
