"""The Cosmos engine over a database that refuses, stalls, throttles or is away."""

import asyncio
import json
import time

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from persistence.errors import (
    IndexBuilding,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemTooLarge,
    OwnerFull,
    StoreUnavailable,
    Throttled,
)
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Create, Increment, Replace
from persistence.storage.query import Query, Sort
from tests.conftest import new_cosmos_account
from tests.support.cosmos import Opened, always, documents, end, impatient
from tests.support.faults import FaultProxy
from tests.support.items import PARTITION, ids, store, thing
from tests.support.verbs import VERBS, Verb, every_verb
from tests.support.wire import EMULATOR_KEY


@every_verb
async def test_an_answer_that_is_a_fault_means_unavailable(
    engine: CosmosEngine, proxy: FaultProxy, verb: Verb
) -> None:
    for status in (403, 408, 500, 503):
        faults = always(proxy.before, status=status)
        with pytest.raises(StoreUnavailable) as failed:
            await verb(engine)
        assert not isinstance(failed.value, Throttled)
        assert isinstance(failed.value.__cause__, CosmosHttpResponseError)
        assert failed.value.__cause__.status_code == status
        end(faults)
    await store(engine, [thing("next")])


@every_verb
async def test_throttling_says_how_long_to_wait(engine: CosmosEngine, proxy: FaultProxy, verb: Verb) -> None:
    always(proxy.before, status=429, headers={"x-ms-retry-after-ms": "12"})
    with pytest.raises(Throttled) as failed:
        await verb(engine)
    assert failed.value.retry_after_seconds == 0.012
    assert isinstance(failed.value.__cause__, CosmosHttpResponseError)


async def test_a_stalled_call_ends_after_the_total_timeout(opened: Opened, proxy: FaultProxy) -> None:
    engine = await impatient(await opened(), 1.5)
    faults = always(proxy.hang)
    began = time.monotonic()
    results = await asyncio.gather(*(verb(engine) for verb in VERBS.values()), return_exceptions=True)
    assert 1.4 < time.monotonic() - began < 6
    assert {name: type(result) for name, result in zip(VERBS, results, strict=True)} == dict.fromkeys(
        VERBS, StoreUnavailable
    )
    assert all(isinstance(result.__cause__, TimeoutError) for result in results)
    end(faults)
    await store(engine, [thing("next")])


async def test_a_dropped_connection_means_unavailable_to_every_verb(
    engine: CosmosEngine, proxy: FaultProxy
) -> None:
    faults = always(proxy.drop)
    # All at once, because the SDK takes two seconds to give up.
    results = await asyncio.gather(*(verb(engine) for verb in VERBS.values()), return_exceptions=True)
    assert {name: type(result) for name, result in zip(VERBS, results, strict=True)} == dict.fromkeys(
        VERBS, StoreUnavailable
    )
    assert all(isinstance(result.__cause__, AzureError) for result in results)
    end(faults)
    await store(engine, [thing("next")])


@every_verb
@pytest.mark.parametrize("code", ["1002", "1003"], ids=["not-this-replica", "no-container"])
async def test_a_404_that_is_of_no_item_means_unavailable(
    engine: CosmosEngine, proxy: FaultProxy, verb: Verb, code: str
) -> None:
    always(proxy.before, status=404, headers={"x-ms-substatus": code})
    with pytest.raises(StoreUnavailable) as failed:
        await verb(engine)
    assert isinstance(failed.value.__cause__, CosmosHttpResponseError)


@pytest.mark.parametrize(("code", "expected"), [(1014, OwnerFull), (5300, StoreUnavailable)])
async def test_a_full_partition_is_told_from_a_missing_role(
    engine: CosmosEngine, proxy: FaultProxy, code: int, expected: type[Exception]
) -> None:
    proxy.before("POST", documents, status=403, headers={"x-ms-substatus": str(code)})
    with pytest.raises(expected):
        await engine.create(SESSIONS, thing("two"))
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    proxy.refuse_batch(403, code)
    with pytest.raises(expected):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing(), etag), Create(thing("two"))])
    assert await ids(engine) == ["one"]


async def test_a_write_that_another_is_in_the_way_of_is_tried_three_times(
    engine: CosmosEngine, proxy: FaultProxy
) -> None:
    proxy.before("PATCH", status=449, times=2)
    assert (await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])).item["n"] == 1
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    batch: list[Create | Replace] = [Replace(thing(n=2), etag), Create(thing("two"))]
    proxy.refuse_batch(449, times=2)
    await engine.commit(SESSIONS, PARTITION, batch)
    assert await ids(engine) == ["one", "two"]
    for operation in json.loads(proxy.sent("POST", lambda request: request.is_batch)[-1].body)[:1]:
        assert operation["ifMatch"] == etag, "the SDK removes it from what it was given"


@every_verb
async def test_a_write_that_another_stays_in_the_way_of_is_throttled(
    engine: CosmosEngine, proxy: FaultProxy, verb: Verb
) -> None:
    always(proxy.before, status=449)
    with pytest.raises(Throttled) as failed:
        await verb(engine)
    assert failed.value.retry_after_seconds == 1
    assert len([one for one in proxy.requests if documents(one)]) == 3


async def test_a_batch_that_another_stays_in_the_way_of_is_throttled(
    engine: CosmosEngine, proxy: FaultProxy
) -> None:
    fault = proxy.refuse_batch(449, times=9)
    with pytest.raises(Throttled):
        await engine.commit(SESSIONS, PARTITION, [Create(thing("two")), Create(thing("three"))])
    assert fault.times == 6


@every_verb
async def test_a_database_without_containers_means_unavailable(opened: Opened, verb: Verb) -> None:
    engine = await opened(database="missing")
    with pytest.raises(StoreUnavailable) as failed:
        await verb(engine)
    assert isinstance(failed.value.__cause__, CosmosHttpResponseError)


async def test_a_server_that_is_away_means_unavailable_to_every_verb(unused_tcp_port: int) -> None:
    engine = CosmosEngine(
        CosmosAccount(f"http://127.0.0.1:{unused_tcp_port}", "any", EMULATOR_KEY, None, False, 0.5)
    )
    results = await asyncio.gather(*(verb(engine) for verb in VERBS.values()), return_exceptions=True)
    assert {name: type(result) for name, result in zip(VERBS, results, strict=True)} == dict.fromkeys(
        VERBS, StoreUnavailable
    )
    assert all(isinstance(result.__cause__, AzureError | TimeoutError) for result in results)
    await engine.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, ItemNotFound), (409, ItemExists), (412, ItemChanged), (413, ItemTooLarge), (400, ValueError)],
)
async def test_every_other_refusal_has_an_error_of_its_own(
    engine: CosmosEngine, proxy: FaultProxy, status: int, error: type[Exception]
) -> None:
    always(proxy.before, status=status)
    with pytest.raises(error) as failed:
        await engine.replace(SESSIONS, thing(), "etag")
    assert isinstance(failed.value.__cause__, CosmosHttpResponseError)


async def test_a_replace_within_a_commit_is_sent_with_its_etag_at_every_try(
    engine: CosmosEngine, proxy: FaultProxy
) -> None:
    always(proxy.before, status=403)
    operations: list[Create | Replace] = [Replace(thing(n=1, payload=b"bytes"), "the etag"), Create(thing("two"))]
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await engine.commit(SESSIONS, PARTITION, operations)
    for request in proxy.sent("POST", lambda request: request.is_batch):
        replaced, create = json.loads(request.body)
        assert (create["operationType"], create["resourceBody"]) == ("Create", thing("two"))
        assert (replaced["operationType"], replaced["id"], replaced["ifMatch"]) == ("Replace", "one", "the etag")
        assert replaced["resourceBody"] == thing(n=1, payload="Ynl0ZXM=")
    assert operations == [Replace(thing(n=1, payload=b"bytes"), "the etag"), Create(thing("two"))]


async def test_three_throttled_attempts_are_repeated_and_no_more(engine: CosmosEngine, proxy: FaultProxy) -> None:
    briefly = {"x-ms-retry-after-ms": "5"}
    proxy.before("PATCH", status=429, headers=briefly, times=3)
    assert (await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])).item["n"] == 1
    assert len(proxy.sent("PATCH")) == 4
    proxy.before("PATCH", status=429, headers=briefly, times=4)
    with pytest.raises(Throttled):
        await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])
    assert len(proxy.sent("PATCH")) == 8


async def test_a_throttled_answer_without_a_time_means_a_second(engine: CosmosEngine, proxy: FaultProxy) -> None:
    always(proxy.before, status=429)
    with pytest.raises(Throttled) as failed:
        await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])
    assert failed.value.retry_after_seconds == 1


@every_verb
async def test_a_wait_that_is_longer_than_the_call_may_take_is_handed_on(
    engine: CosmosEngine, proxy: FaultProxy, verb: Verb
) -> None:
    always(proxy.before, status=429, headers={"x-ms-retry-after-ms": "60000"})
    async with asyncio.timeout(5):  # half of the call's timeout
        with pytest.raises(Throttled) as failed:
            await verb(engine)
    assert failed.value.retry_after_seconds == 60
    assert len([one for one in proxy.requests if "/docs" in one.path]) == 1


async def test_what_is_left_of_the_call_decides_how_long_a_wait_may_be(
    opened: Opened, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.cosmos.aio._retry_utility_async.asyncio", asyncio)  # waits as long as it says
    engine = await opened()
    await store(engine, [thing()])
    await impatient(engine, 1.0)
    proxy.before("PATCH", status=429, headers={"x-ms-retry-after-ms": "600"}, times=2)
    with pytest.raises(Throttled) as failed:
        await engine.patch(SESSIONS, "one", PARTITION, [Increment("n")])
    assert failed.value.retry_after_seconds == 0.6
    assert len(proxy.sent("PATCH")) == 2


async def test_whether_a_write_was_applied_is_not_known_after_a_fault(opened: Opened, proxy: FaultProxy) -> None:
    engine = await impatient(await opened(), 1.0)
    proxy.after("POST", documents, status=503)
    with pytest.raises(StoreUnavailable):
        await engine.create(SESSIONS, thing("answered-503"))
    proxy.hang("POST", documents, applied=True)
    with pytest.raises(StoreUnavailable):
        await engine.create(SESSIONS, thing("not-answered"))
    assert await ids(engine) == ["answered-503", "not-answered"]


async def test_a_repeated_write_may_meet_its_own_first_try(opened: Opened, proxy: FaultProxy) -> None:
    engine = await opened(endpoint_discovery=True)
    await engine.ping()
    proxy.after("POST", documents)
    with pytest.raises(ItemExists):
        await engine.create(SESSIONS, thing(n=1))
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert stored.item == thing(n=1)
    proxy.after("PUT", documents)
    with pytest.raises(ItemChanged):
        await engine.replace(SESSIONS, thing(n=2), stored.etag)
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)


async def test_a_query_whose_index_is_not_built_yet_says_so(cosmos_endpoint: str) -> None:
    account = await new_cosmos_account(cosmos_endpoint)
    async with CosmosClient(account.endpoint, account.key or "", enable_endpoint_discovery=False) as client:
        database = client.get_database_client(account.database)
        await database.delete_container(SESSIONS.name)
        policy = {**SESSIONS.indexing_policy(), "compositeIndexes": []}
        await database.create_container(SESSIONS.name, PartitionKey("/owner_id"), indexing_policy=policy)
    engine = CosmosEngine(account)
    await engine.create(SESSIONS, thing())
    by_time = Query("thing", PARTITION, ("id",), sort=Sort("metadata.updated_at"))
    with pytest.raises(IndexBuilding) as refused:
        await engine.query(SESSIONS, by_time)
    assert isinstance(refused.value, StoreUnavailable) and "some minutes" in str(refused.value)
    assert await ids(engine) == ["one"], "what needs no such index still works"
    await engine.close()
