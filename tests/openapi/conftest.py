"""The description of the app, and storage for servers that are tried by it."""

from pathlib import Path
from typing import Any

import pytest

from functions.app import build_app
from functions.http.api import Api
from functions.http.endpoint import Endpoint, Routes
from functions.identity.settings import AuthMode
from functions.openapi.document import describe
from persistence import stores_over
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS, new_cosmos_account
from tests.support.storage import Storage, on_cosmos, on_sqlite

# How fast snapshots are opened is limited: an answer of 429 is described, but would be all that is seen.
UNLIMITED = {"SNAPSHOT_OPENS_PER_MINUTE": "0", "SHOW_VISITORS": "true"}

# What comes of calling an operation for something new, where that is not simply done.
OTHERWISE = {
    "reopenSession": 409,  # it is not closed
    "getSnapshotVisitors": 403,  # the operator does not show them
}


@pytest.fixture(params=["sqlite", "cosmos"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each engine's in turn."""
    if request.param == "sqlite":
        chosen = on_sqlite(tmp_path / "data")
    else:
        chosen = on_cosmos(await new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))
    return Storage({**chosen.environ, **UNLIMITED})


@pytest.fixture
async def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Routes]:
    """What the app registers."""
    built: list[Api] = []
    made = Api.__init__

    def remember(api: Api, *args: Any, **kwargs: Any) -> None:
        made(api, *args, **kwargs)
        built.append(api)

    monkeypatch.setattr(Api, "__init__", remember)
    engine = SqliteEngine(tmp_path / "unused")
    build_app(stores_over(engine, SETTINGS.store_rules()), SETTINGS.app_rules())
    await engine.close()
    return built[0].routes


@pytest.fixture
def endpoints(routes: list[Routes]) -> list[Endpoint]:
    """What the app registers."""
    return [endpoint for each in routes for endpoint in each.endpoints]


@pytest.fixture
def document(routes: list[Routes]) -> dict[str, Any]:
    """The description in the mode `local`."""
    return describe(routes, "/api", AuthMode.LOCAL, has_charge=True)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by its id, with its path and method."""
    return {
        operation["operationId"]: {**operation, "path": path, "method": method}
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
