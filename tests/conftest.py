"""Fixtures for both engines, and for the wire server behind one of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest

from persistence import Stores, stores_over
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.cosmos.provision import provision
from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from settings import Settings
from tests.support.engines import CountingReads
from tests.support.wire import EMULATOR_KEY, WireServer
from tests.support.wire import missing as wire_server_missing

if TYPE_CHECKING:
    from tests.support.http import Client

SETTINGS = Settings.from_environ({"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"})

UNCACHED = SETTINGS.model_copy(update={"content_cache_bytes": 0})
"""For tests that change stored contents, or count reads of them."""

TWO_STEPS = "cosmos-two-steps"
"""The Cosmos engine as it is without conditional batches."""

ENGINES = {
    "one_engine": ["sqlite"],
    "each_engine": ["sqlite", "cosmos"],
    "each_way": ["sqlite", "cosmos", TWO_STEPS],
}
"""The engines over which a test runs, by its closest marker. Without one, over each."""

# No deadlines: benchmarks measure time, tests never do.
hypothesis.settings.register_profile("savepoint", deadline=None)
hypothesis.settings.load_profile("savepoint")


@pytest.fixture(autouse=True, scope="session")
def short_waits() -> Iterator[None]:
    """Lets retries, ours and those of the SDK, wait a tenth of what they would. Server processes wait as ever."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("persistence.retry", "azure.cosmos.aio._retry_utility_async"):
            patch.setattr(f"{module}.asyncio", SimpleNamespace(sleep=sleep))
        yield


@pytest.fixture(scope="session")
def cosmos_endpoint() -> Iterator[str]:
    """The endpoint of the account under test: COSMOS_ENDPOINT if it is set, otherwise a new wire server."""
    if endpoint := os.environ.get("COSMOS_ENDPOINT"):
        yield endpoint
        return
    reason = wire_server_missing()
    if reason and not os.environ.get("CI"):
        pytest.skip(reason)
    with WireServer() as server:
        yield server.endpoint


async def new_cosmos_account(endpoint: str) -> CosmosAccount:
    """Creates a new database with its containers."""
    account = CosmosAccount(
        endpoint=endpoint,
        database=f"test-{uuid4().hex[:12]}",
        key=os.environ.get("COSMOS_KEY", EMULATOR_KEY),
        endpoint_discovery=False,
    )
    await provision(account)
    return account


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives `engine_name` its values."""
    if "engine_name" in metafunc.fixturenames:
        markers = (marker.name for marker in metafunc.definition.iter_markers())
        closest = next((name for name in markers if name in ENGINES), "each_engine")
        metafunc.parametrize("engine_name", ENGINES[closest])


@pytest.fixture
async def engine(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """Each engine in turn, empty."""
    opened: Engine
    if engine_name == "sqlite":
        opened = SqliteEngine(tmp_path / "data")
    else:
        account = await new_cosmos_account(request.getfixturevalue("cosmos_endpoint"))
        opened = CosmosEngine(replace(account, conditional_batch=engine_name != TWO_STEPS))
    yield opened
    await opened.close()


@pytest.fixture(params=[10, pytest.param(1_000, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])])
def most(request: pytest.FixtureRequest) -> int:
    """In how many orders a test lets calls meet at most: few here, and nearly all in the soak."""
    return int(request.param)


@pytest.fixture
def stores(engine: Engine) -> Stores:
    """The stores over each engine in turn, with default settings."""
    return stores_over(engine, SETTINGS.store_rules())


@pytest.fixture
def counting(engine: Engine) -> CountingReads:
    """Each engine in turn, with a record of its calls."""
    return CountingReads(engine)


@pytest.fixture
def client(stores: Stores) -> "Client":
    """A person who calls the app over the stores of the test."""
    # Not above, because the smoke tests run without the packages that it needs.
    from tests.support.http import Client

    return Client(stores, SETTINGS)


@pytest.fixture
def uncached(engine: Engine) -> Stores:
    """As `stores`, without contents in memory."""
    return stores_over(engine, UNCACHED.store_rules())
