"""Commits of the Cosmos engine: how many requests they are, and what their failures mean."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosBatchOperationError

from persistence.conditions import Conditions
from persistence.errors import (
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemTooLarge,
    StoreUnavailable,
    Throttled,
)
from persistence.sessions.documents import SessionChange
from persistence.sessions.patches import ContentDelta
from persistence.sessions.rules import SessionRules
from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.cosmos.errors import translated
from persistence.storage.engine import COMMIT_MAX_BYTES, Create, Replace
from tests.support.cosmos import Opened
from tests.support.deltas import inserting
from tests.support.faults import Fault, FaultProxy, Recorded
from tests.support.items import PARTITION, ids, store, thing, thing_of_size
from tests.support.sessions import OWNER, new, saving, session_store, sha256

LARGE = "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(500_000))
"""Too large for one commit, also when it is packed."""


def is_batch(request: Recorded) -> bool:
    return request.is_batch


def sent(proxy: FaultProxy) -> list[str]:
    """Returns the requests since the last call: each method, and "batch" for a batch."""
    requests = ["batch" if request.is_batch else request.method for request in proxy.requests]
    proxy.requests.clear()
    return requests


async def test_a_save_is_a_read_and_one_write(opened: Opened, proxy: FaultProxy) -> None:
    sessions = session_store(await opened())
    await sessions.create(OWNER, new())
    sent(proxy)
    head = await sessions.create(OWNER, new(content="one"))
    assert sent(proxy) == ["batch"]
    await sessions.save(OWNER, head.id, saving("two"))
    assert sent(proxy) == ["GET", "batch"]
    await sessions.save(OWNER, head.id, SessionChange(title="Renamed"))
    assert sent(proxy) == ["GET", "batch"]
    await sessions.save(OWNER, head.id, saving(LARGE))
    assert sent(proxy) == ["GET", "POST", "batch"]
    await sessions.drain()
    assert sent(proxy) == []


async def test_with_the_content_in_memory_a_get_is_a_read_and_a_save_by_delta_a_read_and_one_write(
    opened: Opened, proxy: FaultProxy
) -> None:
    sessions = session_store(await opened(), SessionRules(cached_bytes=100_000))
    head = await sessions.create(OWNER, new())
    sent(proxy)
    await sessions.get(OWNER, head.id)
    assert sent(proxy) == ["GET"]
    etag = head.metadata.etag
    delta = ContentDelta(etag, inserting(b"two"), sha256("two"))
    await sessions.save_delta(OWNER, head.id, delta, Conditions({etag}))
    assert sent(proxy) == ["GET", "batch"]


async def test_without_conditional_batches_a_save_is_a_read_and_three_writes(
    opened: Opened, proxy: FaultProxy
) -> None:
    sessions = session_store(await opened(conditional_batch=False))
    head = await sessions.create(OWNER, new())
    sent(proxy)
    await sessions.create(OWNER, new())
    assert sent(proxy) == ["batch"]
    await sessions.save(OWNER, head.id, saving("two"))
    assert sent(proxy) == ["GET", "POST", "PUT", "POST"], "content, head, line of activity"
    await sessions.save(OWNER, head.id, SessionChange(title="Renamed"))
    assert sent(proxy) == ["GET", "PUT", "POST"]


async def test_the_replace_comes_first_and_no_content_comes_back(engine: CosmosEngine, proxy: FaultProxy) -> None:
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    proxy.requests.clear()
    await engine.create_then_replace(SESSIONS, [thing("new", payload=b"bytes")], thing(n=1), etag)
    [request] = proxy.requests
    assert request.headers["prefer"] == "return=minimal"
    assert json.loads(request.body) == [
        {"operationType": "Replace", "id": "one", "ifMatch": etag, "resourceBody": thing(n=1)},
        {"operationType": "Create", "resourceBody": thing("new", payload="Ynl0ZXM=")},
    ]


@pytest.mark.parametrize(("more", "requests"), [(0, ["batch"]), (1, ["POST", "PUT"])])
async def test_what_weighs_more_than_a_commit_takes_two_steps(
    engine: CosmosEngine, proxy: FaultProxy, more: int, requests: list[str]
) -> None:
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    new = thing_of_size(COMMIT_MAX_BYTES - item_size(thing(n=1)) + more, id="new")
    sent(proxy)
    await engine.create_then_replace(SESSIONS, [new], thing(n=1), etag)
    assert sent(proxy) == requests
    assert (await engine.read(SESSIONS, "new", PARTITION)).item == new


async def test_a_new_id_that_is_taken_is_committed_in_steps(engine: CosmosEngine, proxy: FaultProxy) -> None:
    etag = (await engine.read(SESSIONS, "one", PARTITION)).etag
    await store(engine, [thing("new")])
    sent(proxy)
    etag = await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert sent(proxy) == ["batch", "POST", "PUT"]
    assert (await engine.read(SESSIONS, "one", PARTITION)).etag == etag


@pytest.mark.parametrize(
    "lose", [FaultProxy.after, partial(FaultProxy.drop, applied=True)], ids=["503", "dropped"]
)
async def test_the_drivers_repeat_of_an_applied_batch_meets_its_own_replace(
    opened: Opened, proxy: FaultProxy, lose: Callable[..., Fault]
) -> None:
    engine = await opened(endpoint_discovery=True)
    etag = await engine.create(SESSIONS, thing())
    sent(proxy)
    lose(proxy, "POST", is_batch)
    with pytest.raises(ItemChanged):
        await engine.create_then_replace(SESSIONS, [thing("new")], thing(n=1), etag)
    assert sent(proxy) == ["batch", "batch"]
    stored = await engine.read(SESSIONS, "one", PARTITION)
    assert stored.item == thing(n=1)
    lose(proxy, "POST", is_batch)
    with pytest.raises(ItemChanged):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing(n=2), stored.etag), Create(thing("newer"))])
    assert (await engine.read(SESSIONS, "one", PARTITION)).item == thing(n=2)
    assert await ids(engine) == ["new", "newer", "one"]


async def test_the_drivers_repeat_of_applied_creates_meets_its_own_first_one(
    opened: Opened, proxy: FaultProxy
) -> None:
    engine = await opened(endpoint_discovery=True)
    await engine.ping()
    proxy.after("POST", is_batch)
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, [Create(thing("one")), Create(thing("two"))])
    assert await ids(engine) == ["one", "two"]


async def test_whether_a_batch_was_applied_is_not_known_after_a_fault(opened: Opened, proxy: FaultProxy) -> None:
    engine = await opened()
    etag = await engine.create(SESSIONS, thing())
    proxy.before("POST", is_batch, status=503)
    with pytest.raises(StoreUnavailable):
        await engine.create_then_replace(SESSIONS, [thing("not-applied")], thing(n=1), etag)
    proxy.after("POST", is_batch, status=503)
    with pytest.raises(StoreUnavailable):
        await engine.create_then_replace(SESSIONS, [thing("applied")], thing(n=2), etag)
    assert await ids(engine) == ["applied", "one"]


async def test_in_two_steps_a_commit_creates_first_and_leaves_what_was_done(
    opened: Opened, proxy: FaultProxy
) -> None:
    engine = await opened(conditional_batch=False)
    first, second = [await engine.create(SESSIONS, thing(f"item-{n}", n=0)) for n in (1, 2)]
    operations: list[Create | Replace] = [
        Replace(thing("item-1", n=1), first),
        Replace(thing("item-2", n=1), "stale"),
        Replace(thing("item-1", n=2), first),
        Create(thing("new-1")),
        Create(thing("new-2")),
    ]
    sent(proxy)
    with pytest.raises(ItemChanged):
        await engine.commit(SESSIONS, PARTITION, operations)
    assert sent(proxy) == ["batch", "PUT", "PUT"]
    assert await ids(engine) == ["item-1", "item-2", "new-1", "new-2"]
    assert (await engine.read(SESSIONS, "item-1", PARTITION)).item["n"] == 1
    assert (await engine.read(SESSIONS, "item-2", PARTITION)).etag == second
    with pytest.raises(ItemExists):
        await engine.commit(SESSIONS, PARTITION, [Replace(thing("item-2", n=1), second), *operations[3:]])
    assert (await engine.read(SESSIONS, "item-2", PARTITION)).etag == second
    sent(proxy)
    [etag] = await engine.commit(SESSIONS, PARTITION, [Replace(thing("item-2", n=1), second)])
    assert sent(proxy) == ["PUT"]
    assert (await engine.read(SESSIONS, "item-2", PARTITION)).etag == etag


def failed(*results: dict[str, Any]) -> CosmosBatchOperationError:
    """What the SDK raises. Its own status is that of the last operation that failed."""
    status = [one["statusCode"] for one in results if one["statusCode"] >= 400][-1]
    return CosmosBatchOperationError(
        error_index=0, headers={}, status_code=status, message="", operation_responses=list(results)
    )


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((412, 424, 424), ItemChanged),
        ((424, 409, 424), ItemExists),
        ((424, 424, 404), ItemNotFound),
        ((424, 413, 424), ItemTooLarge),
        ((424, 429, 424), Throttled),
        ((424, 400, 424), ValueError),
        ((424, 449, 424), Throttled),
        ((424, 500, 424), StoreUnavailable),
        ((424, 424, 424), StoreUnavailable),
        ((200, 412, 409), ItemChanged),
        ((412, 409, 424), ItemChanged),
        ((409, 412, 200), ItemExists),
    ],
)
def test_the_first_operation_that_failed_decides(statuses: tuple[int, ...], error: type[Exception]) -> None:
    assert type(translated(failed(*({"statusCode": status} for status in statuses)))) is error


def test_a_throttled_operation_says_how_long_to_wait_and_a_missing_container_is_no_missing_item() -> None:
    throttled = translated(failed({"statusCode": 424}, {"statusCode": 429, "retryAfterMilliseconds": 12}))
    assert isinstance(throttled, Throttled) and throttled.retry_after_seconds == 0.012
    throttled = translated(failed({"statusCode": 429}))
    assert isinstance(throttled, Throttled) and throttled.retry_after_seconds == 1
    missing = translated(failed({"statusCode": 404, "subStatusCode": 1003}))
    assert isinstance(missing, StoreUnavailable)
