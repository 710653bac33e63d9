"""Empty storage for server processes."""

from pathlib import Path

import pytest

from tests.conftest import new_cosmos_account
from tests.support.storage import Storage, on_cosmos, on_sqlite


@pytest.fixture(params=["sqlite", "cosmos"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The storage of each engine in turn."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path / "data")
    return on_cosmos(await new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))
