"""Empty storage for server processes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import TWO_STEPS, new_cosmos_account
from tests.support.storage import Storage, on_cosmos, on_sqlite


@pytest.fixture
async def storage(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The storage of each engine in turn."""
    if engine_name == "sqlite":
        return on_sqlite(tmp_path / "data")
    account = await new_cosmos_account(request.getfixturevalue("cosmos_endpoint"))
    return on_cosmos(replace(account, conditional_batch=engine_name != TWO_STEPS))
