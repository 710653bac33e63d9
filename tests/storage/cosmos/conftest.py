"""Cosmos engines whose database is reached through a proxy that breaks its answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.engine import CosmosEngine
from tests.conftest import new_cosmos_account
from tests.support.cosmos import Opened
from tests.support.faults import FaultProxy
from tests.support.items import store, thing


@pytest.fixture
async def proxy(cosmos_endpoint: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(cosmos_endpoint) as running:
        yield running


@pytest.fixture
async def account(cosmos_endpoint: str, proxy: FaultProxy) -> CosmosAccount:
    """A database of its own, as it is reached through the proxy."""
    return replace(await new_cosmos_account(cosmos_endpoint), endpoint=proxy.endpoint)


@pytest.fixture
async def opened(account: CosmosAccount) -> AsyncIterator[Opened]:
    """Opens engines on the account, changed as asked; closes them in the end."""
    engines = []

    async def open(**changes: Any) -> CosmosEngine:
        engines.append(CosmosEngine(replace(account, **changes)))
        return engines[-1]

    yield open
    for engine in engines:
        await engine.close()


@pytest.fixture(params=[True, False], ids=["discovery", "no-discovery"])
async def engine(request: pytest.FixtureRequest, opened: Opened, proxy: FaultProxy) -> CosmosEngine:
    """Warm, with one item; everything that it asks for is recorded from now on."""
    engine = await opened(endpoint_discovery=request.param)
    await store(engine, [thing()])
    proxy.requests.clear()
    return engine
