"""The production engine: Azure Cosmos DB for NoSQL through the async SDK.

The SDK retries throttled requests, and once a request that failed with 503. `Client.call` adds 449.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy

from persistence.errors import ItemExists, ItemNotFound
from persistence.storage.checks import (
    address,
    check_address,
    check_aggregate,
    check_commit,
    check_patch,
    check_query,
    check_references,
    check_size,
)
from persistence.storage.containers import CONTAINERS, Container
from persistence.storage.cosmos import query as cosmos_query
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.client import Client
from persistence.storage.cosmos.encoding import (
    add_charge_of,
    batch_operation,
    decode,
    encode,
    etag_of,
    patch_operation,
)
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    Create,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
    Stored,
)
from persistence.storage.query import Aggregate, Page, Query
from persistence.storage.steps import commit_in_steps, create_each, create_then_replace_in_steps


class CosmosEngine:
    """`Engine` over a database whose containers exist already."""

    def __init__(self, account: CosmosAccount) -> None:
        """Sends nothing yet."""
        self._client = Client(account)

    async def create(self, container: Container, item: Item) -> str:
        address(container, item)
        check_size(item)
        encoded = encode(item)

        async def send(proxy: ContainerProxy) -> str:
            return etag_of(await proxy.create_item(encoded, no_response=True))

        return await self._client.call(container, send)

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        check_address(id, partition)

        async def send(proxy: ContainerProxy) -> Stored:
            response = await proxy.read_item(id, partition)
            add_charge_of(response.get_response_headers())
            return decode(response)

        return await self._client.call(container, send)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        id, _ = address(container, item)
        check_size(item)
        encoded, condition = encode(item), _if_match(if_match)

        async def send(proxy: ContainerProxy) -> str:
            return etag_of(await proxy.replace_item(id, encoded, no_response=True, **condition))

        return await self._client.call(container, send)

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        check_references(container, item, (*new, *then))
        sizes = [check_size(one) for one in (item, *new, *then)]
        if await self._client.enforces_conditions():
            if sum(sizes) > COMMIT_MAX_BYTES:
                await create_each(self, container, new)
                new = ()
            if creates := [Create(one) for one in (*new, *then)]:
                partition = item[container.partition_key]
                with suppress(ItemExists):  # then in steps; the batch has written nothing
                    return (await self._batch(container, partition, [Replace(item, if_match), *creates]))[0]
        return await create_then_replace_in_steps(self, container, new, item, if_match, then)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        check_address(id, partition)
        check_patch(container, operations)

        async def send(proxy: ContainerProxy) -> Stored:
            response = await proxy.patch_item(id, partition, [patch_operation(one) for one in operations])
            add_charge_of(response.get_response_headers())
            return decode(response)

        return await self._client.call(container, send)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        check_address(id, partition)
        condition = {} if if_match is None else _if_match(if_match)

        async def send(proxy: ContainerProxy) -> None:
            await proxy.delete_item(id, partition, response_hook=add_charge_of, **condition)

        await self._client.call(container, send)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        check_commit(container, partition, operations)
        if isinstance(operations[0], Replace) and not await self._client.enforces_conditions():
            return await commit_in_steps(self, container, partition, operations)
        return await self._batch(container, partition, operations)

    async def has_conditional_commits(self) -> bool:
        return await self._client.enforces_conditions()

    async def query(self, container: Container, query: Query) -> Page[Item]:
        check_query(container, query)
        text, parameters = cosmos_query.select(container, query)
        return query.page(await self._results(container, query, text, parameters))

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        check_aggregate(query, path)
        text, parameters = cosmos_query.aggregate(container, query, function, path)
        results = await self._results(container, query, text, parameters)
        # Without a match, MIN and MAX return no result, or an empty object.
        result: int | float | str | None = results[0] if results and not isinstance(results[0], Mapping) else None
        return 0 if result is None and function in (Aggregate.COUNT, Aggregate.SUM) else result

    async def ping(self) -> None:
        # A point read of a missing item costs 1 RU. Reading a container's metadata would count against the small
        # budget that the account has for such calls.
        with suppress(ItemNotFound):
            await self.read(CONTAINERS[0], "ping", "ping")

    async def scrub(self) -> None:
        """Does nothing. The account's backup keeps what was deleted for some days."""

    async def close(self) -> None:
        await self._client.close()

    async def _batch(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:

        async def send(proxy: ContainerProxy) -> list[str]:
            # A list for this try alone, because the SDK removes the etags from the operations that it is given.
            batch = [batch_operation(one) for one in operations]
            response = await proxy.execute_item_batch(batch, partition_key=partition, no_response=True)
            add_charge_of(response.get_response_headers())
            return [one["eTag"] for one in response]

        return await self._client.call(container, send)

    async def _results(
        self, container: Container, query: Query, text: str, parameters: list[dict[str, Any]]
    ) -> list[Any]:
        scope: dict[str, Any] = {} if query.partition is None else {"partition_key": query.partition}

        async def send(proxy: ContainerProxy) -> list[Any]:
            results = proxy.query_items(
                text,
                parameters=parameters,
                max_item_count=query.page_size + 1,
                response_hook=add_charge_of,
                **scope,
            )
            return [one async for one in results]

        return await self._client.call(container, send)


def _if_match(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
