"""The one client of a Cosmos engine: opening, charges and closing."""

import asyncio
import gc
import time
import warnings
from dataclasses import replace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError

from persistence.errors import (
    ItemChanged,
    ItemExists,
    ItemNotFound,
    StoreUnavailable,
)
from persistence.storage.charge import metered
from persistence.storage.containers import CONTAINERS, SESSIONS
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.cosmos.provision import provision
from persistence.storage.engine import Create, Increment
from persistence.storage.query import Aggregate
from tests.support.cosmos import Opened, always, documents, end, impatient
from tests.support.faults import FaultProxy
from tests.support.items import PARTITION, ids, store, thing
from tests.support.verbs import QUERY
from tests.support.wire import EMULATOR_KEY, WireServer, missing


@pytest.mark.parametrize("discovery", [True, False])
async def test_a_crowd_of_first_requests_reads_each_containers_metadata_once(
    opened: Opened, proxy: FaultProxy, discovery: bool
) -> None:
    engine = await opened(endpoint_discovery=discovery)
    reads = [engine.read(SESSIONS, f"item-{n}", PARTITION) for n in range(20)]
    results = await asyncio.gather(*reads, return_exceptions=True)
    assert {type(result) for result in results} == {ItemNotFound}
    metadata = [
        r.path.strip("/").split("/")[3] for r in proxy.requests if "/colls/" in r.path and not documents(r)
    ]
    assert sorted(metadata) == sorted(container.name for container in CONTAINERS)
    proxy.requests.clear()
    await store(engine, [thing()])
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing()
    assert len(proxy.requests) == 2


async def test_a_crowd_before_a_server_that_stalls_is_not_served_one_by_one(
    opened: Opened, proxy: FaultProxy
) -> None:
    engine = await opened(timeout_seconds=1.0)
    fault = proxy.hang("GET", lambda request: True, times=1000)
    began = time.monotonic()
    results = await asyncio.gather(
        *(engine.read(SESSIONS, f"item-{n}", PARTITION) for n in range(20)), return_exceptions=True
    )
    assert time.monotonic() - began < 10
    assert {type(result) for result in results} == {StoreUnavailable}
    end([fault])
    await store(engine, [thing()])


async def test_the_client_recovers_when_the_server_was_away_at_the_first_request(unused_tcp_port: int) -> None:
    if reason := missing():
        pytest.skip(reason)
    account = CosmosAccount(f"http://127.0.0.1:{unused_tcp_port}", "late", EMULATOR_KEY, None, False, 1.0)
    engine = CosmosEngine(account)
    with pytest.raises(StoreUnavailable):
        await engine.ping()
    with WireServer(unused_tcp_port):
        with pytest.raises(StoreUnavailable):
            await engine.ping()
        await provision(account)
        await engine.ping()
        await store(engine, [thing()])
        assert await ids(engine) == ["one"]
        await engine.close()


async def test_charges_are_summed_over_all_that_is_awaited_within(engine: CosmosEngine) -> None:
    with metered() as charge:
        etag = await engine.create(SESSIONS, thing("two"))
        await engine.replace(SESSIONS, thing("two"), etag)
        await engine.patch(SESSIONS, "two", PARTITION, [Increment("n")])
        await engine.commit(SESSIONS, PARTITION, [Create(thing("three")), Create(thing("four"))])
        await asyncio.gather(*(engine.read(SESSIONS, "two", PARTITION) for _ in range(3)))
        await engine.query(SESSIONS, QUERY)
        await engine.aggregate(SESSIONS, QUERY, Aggregate.COUNT)
        await engine.delete(SESSIONS, "two", PARTITION)
        with metered() as within:
            with pytest.raises(ItemNotFound):
                await engine.read(SESSIONS, "two", PARTITION)
            with pytest.raises(ItemExists):
                await engine.create(SESSIONS, thing("three"))
            with pytest.raises(ItemChanged):
                await engine.replace(SESSIONS, thing("three"), "stale")
    # The wire server charges 1 for every operation that it applies.
    assert (charge.request_units, charge.calls, charge.estimated) == (10, 10, False)
    assert within.calls == 3


async def test_closing_waits_no_longer_than_the_slowest_call_may_take(opened: Opened, proxy: FaultProxy) -> None:
    engine = await impatient(await opened(), 0.4)
    always(proxy.hang)
    reading = asyncio.create_task(engine.read(SESSIONS, "one", PARTITION))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        await engine.close()
    assert reading.done() and isinstance(reading.exception(), StoreUnavailable)


async def test_a_caller_that_gives_up_leaves_the_client_usable(engine: CosmosEngine, proxy: FaultProxy) -> None:
    fault = proxy.hang("GET", documents)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await engine.read(SESSIONS, "one", PARTITION)
    fault.released.set()
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing()
    await engine.close()


class Identity:
    """Replaces the managed identity, which exists only in Azure."""

    def __init__(self, **_: object) -> None:
        self.closed = False
        identities.append(self)

    async def get_token(self, *_: object, **__: object) -> AccessToken:
        raise ClientAuthenticationError("no identity here")

    async def close(self) -> None:
        self.closed = True


identities: list[Identity] = []


async def test_without_a_key_the_identity_is_asked_and_let_go_again(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.identity.aio.DefaultAzureCredential", Identity)
    engine = await opened(key=None)
    with pytest.raises(StoreUnavailable) as failed:
        await engine.ping()
    assert isinstance(failed.value.__cause__, ClientAuthenticationError | AzureError)
    await engine.close()
    assert identities[-1].closed


async def test_nothing_is_left_open(account: CosmosAccount, proxy: FaultProxy, unused_tcp_port: int) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        used, failing, away = (
            CosmosEngine(account),
            CosmosEngine(replace(account, database="missing")),
            CosmosEngine(replace(account, endpoint=f"http://127.0.0.1:{unused_tcp_port}", timeout_seconds=0.3)),
        )
        await store(used, [thing()])
        await ids(used)
        await impatient(used, 0.4)
        proxy.hang("GET", documents)
        for engine in (used, failing, away):
            with pytest.raises(StoreUnavailable):
                await engine.read(SESSIONS, "one", PARTITION)
            await engine.close()
        del used, failing, away, engine
        gc.collect()
        await asyncio.sleep(0)
    assert complaints == []
    assert [str(one.message) for one in caught if one.category is ResourceWarning] == []
