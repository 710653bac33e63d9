"""Each engine's storage for server processes, empty."""

from pathlib import Path

import pytest

from tests.conftest import new_cosmos_account
from tests.support.storage import Storage

# Enough for the whole history of a session to be there when a test reads it.
COMMON = {"AUTH_MODE": "local", "KEEP_REVISIONS": "100"}


@pytest.fixture(params=["sqlite", "cosmos"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each engine's in turn."""
    if request.param == "sqlite":
        return Storage(COMMON | {"STORE_ENGINE": "sqlite", "DATA_DIR": str(tmp_path / "data")})
    account = await new_cosmos_account(request.getfixturevalue("cosmos_endpoint"))
    return Storage(
        COMMON
        | {
            "STORE_ENGINE": "cosmos",
            "COSMOS_ENDPOINT": account.endpoint,
            "COSMOS_DATABASE": account.database,
            "COSMOS_KEY": account.key or "",
            "COSMOS_ENDPOINT_DISCOVERY": "false",
        }
    )
