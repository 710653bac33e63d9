"""Cosmos engines that reach their database through a proxy, which can break its responses."""

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
    """A new database, reached through the proxy."""
    return replace(await new_cosmos_account(cosmos_endpoint), endpoint=proxy.endpoint)


@pytest.fixture
async def opened(account: CosmosAccount) -> AsyncIterator[Opened]:
    """Opens engines on the account, with changes to it. Closes them after the test."""
    engines = []

    async def open(**changes: Any) -> CosmosEngine:
        engines.append(CosmosEngine(replace(account, **changes)))
        return engines[-1]

    yield open
    for engine in engines:
        await engine.close()


@pytest.fixture(params=[True, False], ids=["discovery", "no-discovery"])
async def engine(request: pytest.FixtureRequest, opened: Opened, proxy: FaultProxy) -> CosmosEngine:
    """An engine with an open client and one item. The proxy records requests from now on."""
    engine = await opened(endpoint_discovery=request.param)
    await store(engine, [thing()])
    proxy.requests.clear()
    return engine
