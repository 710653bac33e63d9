"""The repairs of the Cosmos DB server in memory, and the proxy that breaks its responses."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from persistence.storage.cosmos.engine import CosmosEngine
from settings import Settings
from tests.support.faults import FaultProxy
from tests.support.node import NODE
from tests.support.wire import FOLDER, WireServer
from tests.wire.conftest import opened

ITEM = {"id": "one", "owner_id": "ann", "n": 0}


def is_listening(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


async def increment(container: ContainerProxy) -> int:
    """Increments `n` of ITEM and returns the new value."""
    item = await container.patch_item("one", "ann", [{"op": "incr", "path": "/n", "value": 1}])
    return int(item["n"])


@pytest.fixture(params=[True, False], ids=["discovery", "no-discovery"])
async def behind(proxy: FaultProxy, request: pytest.FixtureRequest) -> AsyncIterator[ContainerProxy]:
    async with opened(proxy.endpoint, request.param) as empty:
        await empty.create_item(ITEM)
        proxy.requests.clear()
        yield empty


@pytest.fixture
async def discovering(proxy: FaultProxy) -> AsyncIterator[ContainerProxy]:
    async with opened(proxy.endpoint, discovery=True) as empty:
        await empty.create_item(ITEM)
        proxy.requests.clear()
        yield empty


Verb = Callable[[ContainerProxy, str, Any], Awaitable[Any]]
VERBS: dict[str, Verb] = {
    "read": lambda c, id, partition: c.read_item(id, partition),
    "replace": lambda c, id, partition: c.replace_item(id, {"id": id, "owner_id": partition}),
    "conditional replace": lambda c, id, partition: c.replace_item(
        id, {"id": id, "owner_id": partition}, etag="stale", match_condition=MatchConditions.IfNotModified
    ),
    "patch": lambda c, id, partition: c.patch_item(id, partition, [{"op": "set", "path": "/n", "value": 1}]),
    "delete": lambda c, id, partition: c.delete_item(id, partition),
    "conditional delete": lambda c, id, partition: c.delete_item(
        id, partition, etag="stale", match_condition=MatchConditions.IfNotModified
    ),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())


@every_verb
async def test_a_missing_item_is_not_found(container: ContainerProxy, verb: Verb) -> None:
    await container.create_item(ITEM)
    with pytest.raises(CosmosResourceNotFoundError):
        await verb(container, "two", "ann")


@every_verb
@pytest.mark.parametrize("partition", ["bob", "", None, 1])
async def test_an_item_of_another_partition_is_neither_found_nor_touched(
    container: ContainerProxy, verb: Verb, partition: str | int | None
) -> None:
    stored = [
        await container.create_item({"id": "one", "owner_id": owner, "n": 0}) for owner in ("ann", "one", "1")
    ]
    with pytest.raises(CosmosResourceNotFoundError):
        await verb(container, "one", partition)
    assert [await container.read_item("one", item["owner_id"]) for item in stored] == stored


async def test_one_id_names_an_item_in_each_partition(container: ContainerProxy) -> None:
    partitions: list[str | int | None] = ["ann", "bob", "one", "", "1", 1, None]
    for number, partition in enumerate(partitions):
        await container.create_item({"id": "one", "owner_id": partition, "n": number})
    read = [(await container.read_item("one", partition))["n"] for partition in partitions]
    assert read == list(range(len(partitions)))


async def test_deleting_leaves_the_same_id_in_other_partitions(container: ContainerProxy) -> None:
    await container.create_item(ITEM)
    bobs = await container.create_item({**ITEM, "owner_id": "bob"})
    await container.delete_item("one", "ann")
    assert await container.read_item("one", "bob") == bobs


async def test_an_item_of_two_megabytes_comes_back_whole(container: ContainerProxy) -> None:
    text = "0123456789abcdef" * (2 * 1024 * 1024 // 16)
    await container.create_item({**ITEM, "text": text})
    assert (await container.read_item("one", "ann"))["text"] == text


def test_the_server_dies_with_the_process_that_started_it(wire: WireServer) -> None:
    script = "from tests.support.wire import WireServer; print(WireServer().start().endpoint); input()"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", script],
        cwd=FOLDER.parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().rpartition(":")[2])
        assert is_listening(port)
        parent.kill()
    end = time.monotonic() + 5
    while is_listening(port):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_server_told_to_stay_outlives_its_stdin(wire: WireServer) -> None:
    assert NODE is not None
    command = [NODE, "server.js", "--stay"]
    with subprocess.Popen(
        command, cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith('{"port":')
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(timeout=0.5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=5) == 0


def test_a_server_that_cannot_start_says_why(wire: WireServer) -> None:
    taken = int(wire.endpoint.rpartition(":")[2])
    with pytest.raises(RuntimeError, match="EADDRINUSE"):
        WireServer(port=taken).start()


def test_a_command_is_run_on_a_server_of_its_own_and_its_status_passed_on(wire: WireServer) -> None:
    script = "import os, urllib.request as u; print(u.urlopen(os.environ['COSMOS_ENDPOINT']).url); exit(7)"
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.wire", sys.executable, "-c", script],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (7, "")
    assert run.stdout.strip() != wire.endpoint
    assert not is_listening(int(run.stdout.rpartition(":")[2]))


async def test_with_discovery_on_the_sdk_stays_on_the_proxy(
    discovering: ContainerProxy, proxy: FaultProxy
) -> None:
    await discovering.read_item("one", "ann")
    assert len(proxy.sent("GET")) == 1


async def test_a_refused_write_is_not_carried_out(behind: ContainerProxy, proxy: FaultProxy) -> None:
    proxy.before("PATCH", status=403)
    with pytest.raises(CosmosHttpResponseError):
        await increment(behind)
    assert (await behind.read_item("one", "ann"))["n"] == 0


async def test_a_throttled_request_is_repeated_by_the_sdk(behind: ContainerProxy, proxy: FaultProxy) -> None:
    proxy.before("PATCH", status=429, headers={"x-ms-retry-after-ms": "10"}, times=2)
    assert await increment(behind) == 1
    assert len(proxy.sent("PATCH")) == 3


async def test_after_a_503_the_sdk_repeats_a_create_that_landed(
    discovering: ContainerProxy, proxy: FaultProxy
) -> None:
    proxy.after("POST")
    with pytest.raises(CosmosResourceExistsError):
        await discovering.create_item({**ITEM, "id": "two"})
    assert len(proxy.sent("POST")) == 2
    await discovering.read_item("two", "ann")


async def test_after_a_503_the_sdk_repeats_a_replace_that_landed(
    discovering: ContainerProxy, proxy: FaultProxy
) -> None:
    etag = (await discovering.read_item("one", "ann"))["_etag"]
    proxy.after("PUT")
    with pytest.raises(CosmosAccessConditionFailedError):
        await discovering.replace_item(
            "one", {**ITEM, "n": 7}, etag=etag, match_condition=MatchConditions.IfNotModified
        )
    assert len(proxy.sent("PUT")) == 2
    assert (await discovering.read_item("one", "ann"))["n"] == 7


async def test_a_503_can_make_an_increment_land_twice(discovering: ContainerProxy, proxy: FaultProxy) -> None:
    proxy.after("PATCH")
    assert await increment(discovering) == 2


async def test_without_discovery_a_503_is_not_repeated(wire: WireServer, proxy: FaultProxy) -> None:
    async with opened(proxy.endpoint, discovery=False) as container:
        proxy.after("POST")
        with pytest.raises(CosmosHttpResponseError) as refused:
            await container.create_item(ITEM)
        assert refused.value.status_code == 503
        await container.read_item("one", "ann")


async def test_a_write_whose_connection_was_lost_is_repeated_with_and_without_discovery(
    behind: ContainerProxy, proxy: FaultProxy
) -> None:
    proxy.drop("POST", applied=True)
    with pytest.raises(CosmosResourceExistsError):
        await behind.create_item({**ITEM, "id": "two"})
    assert len(proxy.sent("POST")) == 2


async def test_a_held_request_is_carried_out_when_released(behind: ContainerProxy, proxy: FaultProxy) -> None:
    fault = proxy.hang("PATCH")
    patch = asyncio.create_task(increment(behind))
    await fault.struck.wait()
    assert (await behind.read_item("one", "ann"))["n"] == 0
    fault.released.set()
    assert await patch == 1


async def test_a_held_answer_comes_after_its_effect(behind: ContainerProxy, proxy: FaultProxy) -> None:
    fault = proxy.hang("PATCH", applied=True)
    patch = asyncio.create_task(increment(behind))
    await fault.struck.wait()
    assert (await behind.read_item("one", "ann"))["n"] == 1
    assert not patch.done()
    fault.released.set()
    assert await patch == 1


async def test_faults_strike_only_what_they_were_laid_for(behind: ContainerProxy, proxy: FaultProxy) -> None:
    proxy.before("POST", lambda request: request.is_batch, status=403)
    proxy.before("POST", lambda request: request.is_query, status=403)
    await behind.create_item({**ITEM, "id": "two"})
    query = behind.query_items("SELECT c.id FROM c WHERE c.owner_id = 'ann'", partition_key="ann")
    with pytest.raises(CosmosHttpResponseError):
        await anext(query)


def test_what_it_sets_is_all_that_provisioning_needs():
    with WireServer() as server:
        account = Settings.from_environ(server.settings).cosmos_account()
    assert (account.endpoint, account.endpoint_discovery) == (server.endpoint, False)


async def test_the_command_that_provisions_creates_every_container():
    with WireServer() as server:
        command = [sys.executable, "-m", "infra.provision"]
        subprocess.run(command, cwd=FOLDER.parents[1], env=os.environ | server.settings, check=True)
        engine = CosmosEngine(Settings.from_environ(server.settings).cosmos_account())
        await engine.ping()
        await engine.close()
