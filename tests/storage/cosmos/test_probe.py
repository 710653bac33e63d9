"""The engine commits in one batch only where a stale etag within a batch is known to be refused."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from azure.cosmos.aio import CosmosClient

from persistence.errors import ItemChanged, StoreUnavailable, Throttled
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.cosmos.probe import PARTITION as PROBED
from persistence.storage.cosmos.probe import is_azure
from persistence.storage.engine import Create, Replace
from tests.support.cosmos import Opened, end
from tests.support.faults import FaultProxy, IgnoresConditions, KeepsEarlierWrites, Recorded
from tests.support.items import PARTITION, ids, thing

Start = Callable[[type[FaultProxy]], Awaitable[CosmosEngine]]


@pytest.fixture
async def over(account: CosmosAccount, cosmos_endpoint: str) -> AsyncIterator[Start]:
    """Opens an engine on the account through another proxy."""
    async with AsyncExitStack() as stack:

        async def start(kind: type[FaultProxy]) -> CosmosEngine:
            proxy = await stack.enter_async_context(kind(cosmos_endpoint))
            engine = CosmosEngine(replace(account, endpoint=proxy.endpoint))
            stack.push_async_callback(engine.close)
            return engine

        yield start


def replaces_in_batch(request: Recorded) -> bool:
    return request.is_batch and any(one["operationType"] == "Replace" for one in json.loads(request.body))


def probes(proxy: FaultProxy) -> list[Recorded]:
    return [
        one for one in proxy.requests if one.headers.get("x-ms-documentdb-partitionkey") == json.dumps([PROBED])
    ]


async def assert_two_steps(engine: CosmosEngine, account: CosmosAccount, caplog: pytest.LogCaptureFixture) -> None:
    """Asserts that stale etags are refused, in two steps, and that one warning and no item tells of the probe."""
    etag = (await asyncio.gather(*(engine.create(SESSIONS, thing(f"item-{n}")) for n in range(5))))[0]
    fresh = await engine.create_then_replace(SESSIONS, [thing("new")], thing("item-0", n=1), etag)
    with pytest.raises(ItemChanged):
        await engine.create_then_replace(SESSIONS, [thing("left")], thing("item-0", n=2), etag)
    with pytest.raises(ItemChanged):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing("item-0", n=3), etag), Create(thing("left-too"))])
    stored = await engine.read(SESSIONS, "item-0", PARTITION)
    assert (stored.item["n"], stored.etag) == (1, fresh)
    assert await ids(engine) == [*(f"item-{n}" for n in range(5)), "left", "left-too", "new"]
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "two steps" in warning.message
    assert await left_behind(account) == []


async def left_behind(account: CosmosAccount) -> list[str]:
    """Returns the ids of what is stored in no partition of the tests."""
    async with CosmosClient(account.endpoint, account.key or "", enable_endpoint_discovery=False) as client:
        container = client.get_database_client(account.database).get_container_client(SESSIONS.name)
        return [one["id"] async for one in container.read_all_items() if one["owner_id"] != PARTITION]


async def test_a_server_that_enforces_conditions_is_asked_once_and_commits_in_one_batch(
    opened: Opened, account: CosmosAccount, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await opened()
    etag, *_ = await asyncio.gather(*(engine.create(SESSIONS, thing(f"item-{n}")) for n in range(20)))
    assert [one.method for one in probes(proxy)] == ["POST", "PUT", "POST", "DELETE"]
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new")], thing("item-0"), etag)
    with pytest.raises(ItemChanged):
        await engine.create_then_replace(SESSIONS, [thing("newer")], thing("item-0"), etag)
    assert [one.is_batch for one in proxy.requests] == [True, True]
    assert "newer" not in await ids(engine)
    assert await left_behind(account) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("kind", [IgnoresConditions, KeepsEarlierWrites])
async def test_a_server_that_does_not_enforce_conditions_gets_two_steps_and_one_warning(
    over: Start, account: CosmosAccount, caplog: pytest.LogCaptureFixture, kind: type[FaultProxy]
) -> None:
    await assert_two_steps(await over(kind), account, caplog)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 409, 412, 413, 500, 501])
async def test_a_server_that_refuses_such_batches_gets_two_steps_and_one_warning(
    opened: Opened, account: CosmosAccount, proxy: FaultProxy, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Status 200 with a body that is no list of results: a server that takes the batch for something else."""
    proxy.before("POST", replaces_in_batch, status=status, times=1000)
    await assert_two_steps(await opened(), account, caplog)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_server_that_refuses_a_request_of_the_probe_gets_two_steps(
    opened: Opened, proxy: FaultProxy, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    proxy.before(method, status=400)
    engine = await opened()
    etag = await engine.create(SESSIONS, thing())
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert [one.method for one in proxy.requests] == ["POST", "PUT"]
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.WARNING]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [408, 429, 449, 502, 503, 504, None])
async def test_a_server_that_is_unavailable_is_probed_at_the_next_opening(
    opened: Opened,
    account: CosmosAccount,
    proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    method: str,
    status: int | None,
) -> None:
    engine = await opened(timeout_seconds=0.5)
    if status is None:
        faults = [proxy.hang(method, times=1000)]
    else:
        faults = [proxy.before(method, status=status, headers={"x-ms-retry-after-ms": "1"}, times=1000)]
    for _ in range(2):
        with pytest.raises(Throttled if status == 429 else StoreUnavailable):
            await engine.ping()
    end(faults)
    proxy.requests.clear()
    etag = await engine.create(SESSIONS, thing())
    assert [one.method for one in probes(proxy)] == ["POST", "PUT", "POST", "DELETE"]
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert [one.is_batch for one in proxy.requests] == [True]
    assert await left_behind(account) == []
    assert not [record for record in caplog.records if "two steps" in record.message]


async def test_a_setting_forbids_batches_with_conditions_without_a_probe(
    opened: Opened, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await opened(conditional_batch=False)
    etag = await engine.create(SESSIONS, thing())
    assert probes(proxy) == []
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert [one.method for one in proxy.requests] == ["POST", "PUT"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_azure_is_not_probed(opened: Opened, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.storage.cosmos.client.is_azure", lambda endpoint: endpoint == proxy.endpoint)
    engine = await opened()
    etag = await engine.create(SESSIONS, thing())
    assert probes(proxy) == []
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert [one.is_batch for one in proxy.requests] == [True]


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://account.documents.azure.com:443/", True),
        ("https://ACCOUNT.Documents.Azure.com", True),
        ("https://account-westeurope.documents.azure.com", True),
        ("https://account.privatelink.documents.azure.com", True),
        ("https://account.documents.azure.cn:443/", True),
        ("https://account.documents.azure.us:443/", True),
        ("http://127.0.0.1:8081", False),
        ("https://localhost:8081/", False),
        ("https://documents.azure.com", False),
        ("https://account.documents.azure.com.example.org", False),
        ("https://account.documents.azure.local", False),
        ("https://accountdocuments.azure.com", False),
        ("https://example.org/account.documents.azure.com", False),
        ("https://account.documents.azure.com@example.org", False),
        ("account.documents.azure.com", False),
        ("", False),
    ],
)
def test_only_azures_own_addresses_are_azure(endpoint: str, expected: bool) -> None:
    assert is_azure(endpoint) is expected
