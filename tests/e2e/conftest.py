"""Empty storage for server processes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import TWO_STEPS, new_cosmos_account
from tests.support.storage import Storage, on_cosmos, on_sqlite


def storage_on(engine_name: str, request: pytest.FixtureRequest, folder: Path) -> Storage:
    """Makes empty storage of the engine. `folder` is for the file of SQLite."""
    if engine_name == "sqlite":
        return on_sqlite(folder)
    account = asyncio.run(new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))
    return on_cosmos(replace(account, conditional_batch=engine_name != TWO_STEPS))


@pytest.fixture
def storage(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The storage of each engine in turn."""
    return storage_on(engine_name, request, tmp_path / "data")
