"""The server in memory, an empty container in it, and a proxy in front of it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from tests.support.faults import FaultProxy
from tests.support.wire import EMULATOR_KEY, WireServer, missing


@pytest.fixture(scope="module")
def wire() -> Iterator[WireServer]:
    reason = missing()
    if reason and os.environ.get("CI") != "true":
        pytest.skip(reason)
    with WireServer() as server:
        yield server


@asynccontextmanager
async def opened(endpoint: str, discovery: bool = False) -> AsyncIterator[ContainerProxy]:
    """Opens an empty container whose partition key is not the id."""
    async with CosmosClient(endpoint, EMULATOR_KEY, enable_endpoint_discovery=discovery) as client:
        database = await client.create_database_if_not_exists("tests")
        try:
            yield await database.create_container("items", PartitionKey("/owner_id"))
        finally:
            await client.delete_database("tests")


@pytest.fixture
async def container(wire: WireServer) -> AsyncIterator[ContainerProxy]:
    async with opened(wire.endpoint) as empty:
        yield empty


@pytest.fixture
async def proxy(wire: WireServer) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(wire.endpoint) as running:
        yield running
