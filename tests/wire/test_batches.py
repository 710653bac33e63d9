"""Transactional batches on the server in memory, through the SDK. Where the SDK cannot show it, through HTTP."""

import asyncio
import json
from copy import deepcopy
from typing import Any

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
)
from azure.cosmos.partition_key import NonePartitionKeyValue

from tests.support.wire import EMULATOR_KEY, WireServer

MAX_BYTES = 2 * 1024 * 1024

Operation = tuple[Any, ...]


def item(id: str = "kept", **fields: Any) -> dict[str, Any]:
    return {"id": id, "owner_id": "ann", **fields}


def increment(n: int) -> list[dict[str, Any]]:
    return [{"op": "incr", "path": "/n", "value": n}]


async def everything(container: ContainerProxy) -> list[Any]:
    """Every item of every partition, with its etag, in the order of the store."""
    return [one async for one in container.read_all_items()]


async def run(container: ContainerProxy, *operations: Operation) -> list[Any]:
    """Runs a batch in the partition "ann" and returns its results."""
    # A copy, because the SDK removes the conditions from the operations that it is given.
    return list(await container.execute_item_batch(deepcopy(operations), "ann"))


async def post(wire: WireServer, body: Any, container: str = "items", **headers: str) -> tuple[int, Any]:
    """Sends a batch without the SDK. Returns the status and the body of the response."""
    sent = {
        "x-ms-documentdb-partitionkey": '["ann"]',
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "True",
    }
    async with aiohttp.ClientSession() as session:
        url = f"{wire.endpoint}/dbs/tests/colls/{container}/docs"
        async with session.post(url, data=json.dumps(body), headers=sent | headers) as response:
            return response.status, await response.json()


def create(id: str = "new") -> dict[str, Any]:
    return {"operationType": "Create", "resourceBody": item(id)}


async def test_every_kind_of_operation_runs_and_has_its_result(container: ContainerProxy) -> None:
    for id in ("read", "replaced", "upserted", "patched", "deleted"):
        await container.create_item(item(id, n=0))
    results = await run(
        container,
        ("create", (item("created", n=1),)),
        ("read", ("read",)),
        ("replace", ("replaced", item("replaced", n=1))),
        ("upsert", (item("upserted", n=1),)),
        ("upsert", (item("inserted", n=1),)),
        ("patch", ("patched", increment(1))),
        ("delete", ("deleted",)),
    )
    assert [one["statusCode"] for one in results] == [201, 200, 200, 200, 201, 200, 204]
    assert [one["requestCharge"] for one in results] == [1] * 7
    deleted = results.pop()
    assert deleted.keys() == {"statusCode", "requestCharge"}
    for one in results:
        stored = one["resourceBody"]
        assert await container.read_item(stored["id"], "ann") == stored
        assert one["eTag"] == stored["_etag"]
        assert stored["n"] == (0 if stored["id"] == "read" else 1)
    assert len(await everything(container)) == 6


async def test_operations_run_in_order_and_see_the_writes_before_them(container: ContainerProxy) -> None:
    *_, read, patched = await run(
        container,
        ("create", (item("new", n=1),)),
        ("replace", ("new", item("new", n=2))),
        ("delete", ("new",)),
        ("create", (item("new", n=3),)),
        ("upsert", (item("new", n=4),)),
        ("read", ("new",)),
        ("patch", ("new", increment(1))),
    )
    assert (read["resourceBody"]["n"], patched["resourceBody"]["n"]) == (4, 5)
    assert await everything(container) == [patched["resourceBody"]]


async def test_a_write_makes_the_etag_before_it_stale_within_the_batch(container: ContainerProxy) -> None:
    etag = (await container.create_item(item()))["_etag"]
    replace = ("replace", ("kept", item()))
    with pytest.raises(CosmosBatchOperationError) as failed:
        await run(container, (*replace, {"if_match_etag": etag}), (*replace, {"if_match_etag": etag}))
    assert (failed.value.error_index, failed.value.status_code) == (1, 412)


STALE = {"if_match_etag": "stale"}
FAILURES: dict[str, tuple[Operation, int]] = {
    "create a taken id": (("create", (item(),)), 409),
    "create an id of this batch": (("create", (item("first"),)), 409),
    "create without an id": (("create", ({"owner_id": "ann"},)), 400),
    "create with a number as the id": (("create", ({"id": 1, "owner_id": "ann"},)), 400),
    "create in another partition": (("create", ({"id": "new", "owner_id": "bob"},)), 400),
    "create without a partition": (("create", ({"id": "new"},)), 400),
    "read a missing item": (("read", ("missing",)), 404),
    "read an item of another partition": (("read", ("bobs",)), 404),
    "replace a missing item": (("replace", ("missing", item("missing"))), 404),
    "replace an item that this batch deleted": (("replace", ("deleted", item("deleted"))), 404),
    "replace with a stale etag": (("replace", ("kept", item()), STALE), 412),
    "replace with an empty etag": (("replace", ("kept", item()), {"if_match_etag": ""}), 412),
    "replace the id": (("replace", ("kept", item("other"))), 400),
    "replace the partition": (("replace", ("kept", {"id": "kept", "owner_id": "bob"})), 400),
    "replace an item of another partition": (("replace", ("bobs", item("bobs"))), 404),
    "upsert with a stale etag": (("upsert", (item(),), STALE), 412),
    "upsert what must not exist": (("upsert", (item(),), {"if_none_match_etag": "*"}), 412),
    "upsert without an id": (("upsert", ({"owner_id": "ann"},)), 400),
    "upsert in another partition": (("upsert", ({"id": "bobs", "owner_id": "bob"},)), 400),
    "delete a missing item": (("delete", ("missing",)), 404),
    "delete an item of another partition": (("delete", ("bobs",)), 404),
    "delete with a stale etag": (("delete", ("kept",), STALE), 412),
    "patch a missing item": (("patch", ("missing", increment(1))), 404),
    "patch with a stale etag": (("patch", ("kept", increment(1)), STALE), 412),
    "patch the partition": (("patch", ("kept", [{"op": "set", "path": "/owner_id", "value": "bob"}])), 400),
    "patch what is no number": (("patch", ("kept", [{"op": "incr", "path": "/id", "value": 1}])), 400),
}


@pytest.mark.parametrize(("operation", "status"), FAILURES.values(), ids=FAILURES.keys())
async def test_if_one_operation_fails_nothing_is_written(
    container: ContainerProxy, operation: Operation, status: int
) -> None:
    for id in ("kept", "replaced", "deleted", "patched"):
        await container.create_item(item(id, n=0))
    await container.create_item({"id": "bobs", "owner_id": "bob"})
    before = await everything(container)
    operations: list[Operation] = [
        ("create", (item("first"),)),
        ("upsert", (item("second"),)),
        ("replace", ("replaced", item("replaced", n=1))),
        ("patch", ("patched", increment(1))),
        ("delete", ("deleted",)),
        operation,
        ("create", (item("last"),)),
    ]
    with pytest.raises(CosmosBatchOperationError) as failed:
        await run(container, *operations)
    assert (failed.value.error_index, failed.value.status_code) == (5, status)
    statuses = [one["statusCode"] for one in failed.value.operation_responses]
    assert statuses == [424] * 5 + [status, 424]
    assert not any("resourceBody" in one or "eTag" in one for one in failed.value.operation_responses)
    assert await everything(container) == before


@pytest.mark.parametrize("position", range(3))
async def test_the_position_of_the_failing_operation_does_not_matter(
    container: ContainerProxy, position: int
) -> None:
    operations: list[Operation] = [("create", (item(f"item-{n}"),)) for n in range(3)]
    operations[position] = ("delete", ("missing",))
    with pytest.raises(CosmosBatchOperationError) as failed:
        await run(container, *operations)
    statuses = [404 if n == position else 424 for n in range(3)]
    assert [one["statusCode"] for one in failed.value.operation_responses] == statuses
    assert failed.value.error_index == position
    assert await everything(container) == []


async def test_the_first_failing_operation_is_the_one_with_a_status(container: ContainerProxy) -> None:
    await container.create_item(item())
    with pytest.raises(CosmosBatchOperationError) as failed:
        await run(container, ("read", ("kept",)), ("delete", ("missing",)), ("create", (item(),)))
    assert [one["statusCode"] for one in failed.value.operation_responses] == [424, 404, 424]


async def test_after_a_batch_that_failed_the_store_can_be_written(container: ContainerProxy) -> None:
    with pytest.raises(CosmosBatchOperationError):
        await run(container, ("create", (item("new"),)), ("delete", ("missing",)))
    created = await container.create_item(item("first"))
    [result] = await run(container, ("create", (item("new"),)))
    assert await everything(container) == [created, result["resourceBody"]]
    third = await container.create_item(item("third"))
    assert len({created["_rid"], result["resourceBody"]["_rid"], third["_rid"]}) == 3


async def test_a_fault_of_the_server_writes_nothing(wire: WireServer) -> None:
    async with CosmosClient(wire.endpoint, EMULATOR_KEY, enable_endpoint_discovery=False) as client:
        database = await client.create_database("faults")
        unique: Any = {"uniqueKeys": [{"paths": ["/name"]}]}
        container = await database.create_container("items", PartitionKey("/owner_id"), unique_key_policy=unique)
        stored = await container.create_item(item("named", name="taken"))
        with pytest.raises(CosmosHttpResponseError):
            await run(container, ("create", (item("new"),)), ("upsert", (item("other", name="taken"),)))
        assert await everything(container) == [stored]


async def test_conditions_that_are_met_let_the_batch_through(container: ContainerProxy) -> None:
    etags = {}
    for id in ("replaced", "upserted", "patched", "deleted"):
        etags[id] = {"if_match_etag": (await container.create_item(item(id, n=0)))["_etag"]}
    results = await run(
        container,
        ("replace", ("replaced", item("replaced", n=1)), etags["replaced"]),
        ("upsert", (item("upserted", n=1),), etags["upserted"]),
        ("patch", ("patched", increment(1)), etags["patched"]),
        ("delete", ("deleted",), etags["deleted"]),
    )
    assert [one["statusCode"] for one in results] == [200, 200, 200, 204]
    assert {one["id"]: one["n"] for one in await everything(container)} == dict.fromkeys(
        ["replaced", "upserted", "patched"], 1
    )


async def test_a_condition_looks_at_the_item_of_its_own_partition(container: ContainerProxy) -> None:
    anns = await container.create_item(item("same"))
    bobs = await container.create_item({"id": "same", "owner_id": "bob"})
    with pytest.raises(CosmosBatchOperationError):
        await run(container, ("replace", ("same", item("same")), {"if_match_etag": bobs["_etag"]}))
    await run(container, ("replace", ("same", item("same", n=1)), {"if_match_etag": anns["_etag"]}))
    assert await container.read_item("same", "bob") == bobs


@pytest.mark.parametrize("condition", [STALE, {"if_none_match_etag": "*"}], ids=["if-match", "if-none-match"])
async def test_an_upsert_that_creates_ignores_conditions(
    container: ContainerProxy, condition: dict[str, str]
) -> None:
    [result] = await run(container, ("upsert", (item("new"),), condition))
    assert result["statusCode"] == 201
    assert await everything(container) == [result["resourceBody"]]


async def test_an_upsert_can_demand_another_etag_than_the_one_it_names(container: ContainerProxy) -> None:
    etag = (await container.create_item(item()))["_etag"]
    with pytest.raises(CosmosBatchOperationError) as failed:
        await run(container, ("upsert", (item(),), {"if_none_match_etag": etag}))
    assert failed.value.status_code == 412
    [result] = await run(container, ("upsert", (item(),), {"if_none_match_etag": "another"}))
    assert result["statusCode"] == 200


async def test_an_unchanged_item_is_not_read_again_and_the_batch_goes_on(
    container: ContainerProxy, wire: WireServer
) -> None:
    stored = await container.create_item(item())
    unchanged = ("read", ("kept",), {"if_none_match_etag": stored["_etag"]})
    changed = ("read", ("kept",), {"if_none_match_etag": "another"})
    first, second, third = await run(container, unchanged, changed, ("create", (item("new"),)))
    assert (first["statusCode"], "resourceBody" in first) == (304, False)
    assert (second["statusCode"], second["resourceBody"]) == (200, stored)
    assert (third["statusCode"], len(await everything(container))) == (201, 2)
    read = {"operationType": "Read", "id": "kept", "ifNoneMatch": stored["_etag"]}
    assert (await post(wire, [read]))[0] == 207


@pytest.mark.parametrize(
    "operation",
    [
        ("create", (item("new"),), {"if_match_etag": "an etag"}),
        ("create", (item("new"),), {"if_none_match_etag": "*"}),
        ("read", ("kept",), {"if_match_etag": "an etag"}),
        ("replace", ("kept", item()), {"if_none_match_etag": "an etag"}),
        ("delete", ("kept",), {"if_none_match_etag": "an etag"}),
        ("patch", ("kept", increment(1)), {"if_none_match_etag": "an etag"}),
        ("patch", ("kept", increment(1)), {"filter_predicate": "from c where c.n = 0"}),
    ],
    ids=lambda operation: f"{operation[0]} {next(iter(operation[2]))}",
)
async def test_a_condition_that_azure_may_ignore_is_refused(
    container: ContainerProxy, operation: Operation
) -> None:
    stored = await container.create_item(item(n=0))
    with pytest.raises(CosmosHttpResponseError, match="not supported") as refused:
        await run(container, ("create", (item("first"),)), operation)
    assert refused.value.status_code == 400
    assert await everything(container) == [stored]


async def test_etags_of_batches_and_of_single_writes_are_of_one_kind(container: ContainerProxy) -> None:
    first = (await container.create_item(item()))["_etag"]
    [replaced] = await run(container, ("replace", ("kept", item(n=1)), {"if_match_etag": first}))
    single = await container.replace_item(
        "kept", item(n=2), etag=replaced["eTag"], match_condition=MatchConditions.IfNotModified
    )
    [last] = await run(container, ("upsert", (item(n=3),), {"if_match_etag": single["_etag"]}))
    assert len({first, replaced["eTag"], single["_etag"], last["eTag"]}) == 4


async def test_a_minimal_response_has_etags_but_no_written_items(container: ContainerProxy) -> None:
    await container.create_item(item(n=0))
    operations: list[Operation] = [
        ("create", (item("new"),)),
        ("replace", ("kept", item(n=1))),
        ("upsert", (item(n=2),)),
        ("patch", ("kept", increment(1))),
        ("read", ("kept",)),
    ]
    *writes, read = await container.execute_item_batch(operations, "ann", no_response=True)
    for one in writes:
        assert one.keys() == {"statusCode", "requestCharge", "eTag"}
    assert read["resourceBody"] == await container.read_item("kept", "ann")
    assert read["eTag"] == writes[3]["eTag"]


async def test_a_batch_has_at_most_a_hundred_operations(container: ContainerProxy) -> None:
    creates = [("create", (item(f"item-{n}"),)) for n in range(101)]
    with pytest.raises(CosmosHttpResponseError, match="more operations than what is supported") as refused:
        await run(container, *creates)
    assert refused.value.status_code == 400
    assert await everything(container) == []
    await run(container, *creates[:100])
    assert len(await everything(container)) == 100


async def test_a_batch_has_at_least_one_operation(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="no operations") as refused:
        await run(container)
    assert refused.value.status_code == 400


async def test_a_batch_has_at_most_two_megabytes(container: ContainerProxy) -> None:
    empty = [create("first"), {**create("second"), "resourceBody": item("second", text="")}]
    text = "x" * (MAX_BYTES - len(json.dumps(empty, separators=(",", ":"))))
    first: Operation = ("create", (item("first"),))
    with pytest.raises(CosmosHttpResponseError) as refused:
        await run(container, first, ("create", (item("second", text=text + "x"),)))
    assert refused.value.status_code == 413
    assert await everything(container) == []
    await run(container, first, ("create", (item("second", text=text),)))
    assert len(await everything(container)) == 2


async def test_the_status_of_the_response_says_whether_every_operation_succeeded(
    container: ContainerProxy, wire: WireServer
) -> None:
    status, results = await post(wire, [create()])
    assert (status, [one["statusCode"] for one in results]) == (200, [201])
    status, results = await post(wire, [create("other"), create()])
    assert (status, results) == (
        207,
        [{"statusCode": 424, "requestCharge": 0}, {"statusCode": 409, "requestCharge": 0}],
    )


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([create(), {"operationType": "Merge", "id": "new"}], {}),
        ([create(), {"id": "new"}], {}),
        (create(), {}),
        ([create()], {"x-ms-cosmos-batch-atomic": "False"}),
    ],
    ids=["unknown kind", "no kind", "no list", "not atomic"],
)
async def test_a_malformed_batch_is_refused(
    container: ContainerProxy, wire: WireServer, body: Any, headers: dict[str, str]
) -> None:
    status, problem = await post(wire, body, **headers)
    assert (status, problem["code"]) == (400, "BadRequest")
    assert await everything(container) == []


async def test_a_batch_in_a_missing_container_is_not_found(container: ContainerProxy, wire: WireServer) -> None:
    assert (await post(wire, [create()], container="missing"))[0] == 404


async def test_of_many_batches_with_one_etag_one_wins_whole(container: ContainerProxy) -> None:
    etag = (await container.create_item(item(n=-1)))["_etag"]
    batches = [
        run(
            container,
            ("create", (item(f"own-{n}"),)),
            ("replace", ("kept", item(n=n)), {"if_match_etag": etag}),
        )
        for n in range(20)
    ]
    results = await asyncio.gather(*batches, return_exceptions=True)
    assert [getattr(one, "status_code", None) for one in results].count(412) == 19
    winner = (await container.read_item("kept", "ann"))["n"]
    assert isinstance(results[winner], list)
    assert {one["id"] for one in await everything(container)} == {"kept", f"own-{winner}"}


async def test_items_without_a_partition_key_have_batches_too(container: ContainerProxy) -> None:
    bare = {"id": "bare"}
    operations = [("create", (bare,)), ("replace", ("bare", {**bare, "n": 1}))]
    _, replaced = await container.execute_item_batch(operations, NonePartitionKeyValue)
    assert await everything(container) == [replaced["resourceBody"]]
