"""The API description, and storage for servers that are tested by it."""

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

# Without a rate limit: responses of 429 are described, but would hide all others.
UNLIMITED = {"SNAPSHOT_OPENS_PER_MINUTE": "0", "SHOW_VISITORS": "true"}

# The status of operations that do not succeed for something new.
OTHERWISE = {
    "patchSessionContent": 412,  # its If-Match names another version
    "reopenSession": 409,  # it is not closed
    "restoreFromTrash": 409,  # it is not in the trash
    "purgeFromTrash": 409,
    "getClientFile": 404,  # the browser module has no such file
    "getWorkbenchFile": 404,  # neither has the workbench
    "getSnapshotVisitors": 403,  # by default the operator does not show them
}


@pytest.fixture(params=["sqlite", "cosmos"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Storage on each engine in turn."""
    if request.param == "sqlite":
        chosen = on_sqlite(tmp_path / "data")
    else:
        chosen = on_cosmos(await new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))
    return Storage({**chosen.environ, **UNLIMITED})


@pytest.fixture
async def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Routes]:
    """The routes of the app."""
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
    """The endpoints of the app."""
    return [endpoint for each in routes for endpoint in each.endpoints]


@pytest.fixture
def document(routes: list[Routes]) -> dict[str, Any]:
    """The description in the mode `local`."""
    return describe(routes, "/api", AuthMode.LOCAL, has_charge=True)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns every operation by its id, with its path and method."""
    return {
        operation["operationId"]: {**operation, "path": path, "method": method}
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
