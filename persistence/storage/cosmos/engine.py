"""The production engine: Azure Cosmos DB for NoSQL through the async SDK.

The SDK repeats by itself what was throttled and, once, what was answered by 503; nothing is repeated on top
of that. One client serves the process. It is made at the first request, under a lock and with every
container's metadata read, because a crowd of first requests would each read them.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from persistence.errors import (
    EngineError,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemTooLarge,
    StoreUnavailable,
    Throttled,
)
from persistence.storage.charge import add_charge
from persistence.storage.containers import CONTAINERS, Container
from persistence.storage.cosmos import query as cosmos_query
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.engine import (
    ITEM_MAX_BYTES,
    PAYLOAD,
    Create,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
    Stored,
    address,
    check_address,
    check_aggregate,
    check_commit,
    check_patch,
    check_query,
    check_size,
    create_then_replace_in_steps,
)
from persistence.storage.query import Aggregate, Page, Query

_log = logging.getLogger(__name__)

_SYSTEM_FIELDS = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})
# Repeats of what was throttled, and the seconds waited after which there is no further one. The SDK sleeps as
# long as it was told before it looks at the sum: a single longer wait is cut short by the total timeout.
_THROTTLE_ATTEMPTS = 3
_THROTTLE_WAIT_SECONDS = 5


class CosmosEngine:
    """Keeps the promises of `Engine` in a database whose containers exist already."""

    def __init__(self, account: CosmosAccount) -> None:
        """Sends nothing yet."""
        self._account = account
        self._opening = asyncio.Lock()
        self._client: CosmosClient | None = None
        self._credential: Any = None
        self._proxies: dict[str, ContainerProxy] = {}
        self._closed = False
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def create(self, container: Container, item: Item) -> str:
        address(container, item)
        check_size(item)
        async with self._calling(container) as proxy:
            answer = await proxy.create_item(_encode(item), no_response=True)
            return _etag(answer.get_response_headers())

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        check_address(id, partition)
        async with self._calling(container) as proxy:
            answer = await proxy.read_item(id, partition)
            _add_charge(answer.get_response_headers())
            return _stored(answer)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        id, _ = address(container, item)
        check_size(item)
        async with self._calling(container) as proxy:
            answer = await proxy.replace_item(
                id,
                _encode(item),
                etag=if_match,
                match_condition=MatchConditions.IfNotModified,
                no_response=True,
            )
            return _etag(answer.get_response_headers())

    async def create_then_replace(self, container: Container, new: Item, item: Item, if_match: str) -> str:
        # Not a batch, though that would spare a round trip: the concurrency of saves would rest on conditions
        # within batches, which no server that can be had for tests keeps.
        return await create_then_replace_in_steps(self, container, new, item, if_match)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        check_address(id, partition)
        check_patch(container, operations)
        async with self._calling(container) as proxy:
            answer = await proxy.patch_item(id, partition, [_patch_operation(one) for one in operations])
            _add_charge(answer.get_response_headers())
            return _stored(answer)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        check_address(id, partition)
        condition: dict[str, Any] = {}
        if if_match is not None:
            condition = {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        async with self._calling(container) as proxy:
            await proxy.delete_item(
                id, partition, response_hook=lambda headers, _: _add_charge(headers), **condition
            )

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        check_commit(container, partition, operations)
        async with self._calling(container) as proxy:
            # Made anew for each call: the SDK takes the etags out of what it is given.
            batch = [_batch_operation(one) for one in operations]
            answer = await proxy.execute_item_batch(batch, partition_key=partition)
            _add_charge(answer.get_response_headers())
            return [one["eTag"] for one in answer]

    async def query(self, container: Container, query: Query) -> Page[Item]:
        check_query(container, query)
        text, parameters = cosmos_query.select(container, query)
        return query.page(await self._rows(container, query, text, parameters))

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        check_aggregate(query, path)
        text, parameters = cosmos_query.aggregate(container, query, function, path)
        rows = await self._rows(container, query, text, parameters)
        # MIN and MAX of nothing are no row, or an empty object.
        result: int | float | str | None = rows[0] if rows and not isinstance(rows[0], Mapping) else None
        return 0 if result is None and function in (Aggregate.COUNT, Aggregate.SUM) else result

    async def ping(self) -> None:
        # A point read of what is not there: 1 RU, where reading the container's metadata would count
        # against the account's small budget for such calls.
        container = CONTAINERS[0]
        async with self._calling(container) as proxy:
            try:
                await proxy.read_item("ping", "ping")
            except CosmosHttpResponseError as exc:
                if exc.status_code != 404 or exc.sub_status:
                    raise

    async def close(self) -> None:
        self._closed = True
        # Every call is bounded by the same timeout, so that this gives up on none but a stuck one.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._account.timeout_seconds)
        client, credential = self._client, self._credential
        self._client, self._credential, self._proxies = None, None, {}
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    async def _rows(
        self, container: Container, query: Query, text: str, parameters: list[dict[str, Any]]
    ) -> list[Any]:
        where: dict[str, Any] = {} if query.partition is None else {"partition_key": query.partition}
        async with self._calling(container) as proxy:
            rows = proxy.query_items(
                text,
                parameters=parameters,
                max_item_count=query.page_size + 1,
                response_hook=lambda headers, _: _add_charge(headers),
                **where,
            )
            return [row async for row in rows]

    @asynccontextmanager
    async def _calling(self, container: Container) -> AsyncIterator[ContainerProxy]:
        """The container to call, and the one place where the SDK's exceptions become ours."""
        if self._closed:
            raise StoreUnavailable
        self._calls += 1
        self._idle.clear()
        try:
            async with asyncio.timeout(self._account.timeout_seconds):
                if container.name not in self._proxies:
                    await self._open()
                yield self._proxies[container.name]
        except (CosmosHttpResponseError, CosmosBatchOperationError) as exc:
            _add_charge(exc.headers or {})
            raise _translated(exc) from exc
        # KeyError: an answer without an etag, which is no answer of Cosmos DB.
        except (AzureError, TimeoutError, OSError, KeyError) as exc:
            _log.error("Cosmos DB does not answer: %r", exc)
            raise StoreUnavailable from exc
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _open(self) -> None:
        async with self._opening:
            if self._proxies:
                return
            client = self._client or self._new_client()
            self._client = client
            database = client.get_database_client(self._account.database)
            proxies = {one.name: database.get_container_client(one.name) for one in CONTAINERS}
            try:
                found = await asyncio.gather(*(one.read() for one in proxies.values()), return_exceptions=True)
                for fault in found:
                    if isinstance(fault, BaseException):
                        raise fault
            except CosmosResourceNotFoundError as exc:
                # Without the code by which a missing container is told from a missing item.
                _log.error("A container is missing: %r", exc)
                raise StoreUnavailable from exc
            self._proxies = proxies

    def _new_client(self) -> CosmosClient:
        account = self._account
        credential: Any = account.key
        if credential is None:
            # Imported here because it takes longer than all the rest of a cold start.
            from azure.identity.aio import DefaultAzureCredential

            credential = self._credential = DefaultAzureCredential(managed_identity_client_id=account.client_id)
        return CosmosClient(
            account.endpoint,
            credential,
            enable_endpoint_discovery=account.endpoint_discovery,
            enable_compact_utf8_item_writes=True,
            retry_throttle_total=_THROTTLE_ATTEMPTS,
            retry_throttle_backoff_max=_THROTTLE_WAIT_SECONDS,
        )


def _translated(exc: CosmosHttpResponseError | CosmosBatchOperationError) -> EngineError | ValueError:
    match exc.status_code:
        # With a code below it, it is no item that is missing, but its container (1003), or the replica that
        # this session has written to (1002).
        case 404 if not getattr(exc, "sub_status", None):
            return ItemNotFound()
        case 409:
            return ItemExists()
        case 412:
            return ItemChanged()
        case 413:
            return ItemTooLarge(None, ITEM_MAX_BYTES)
        case 429:
            wait = (exc.headers or {}).get("x-ms-retry-after-ms", "1000")
            return Throttled(float(wait) / 1000)
        case 400:
            return ValueError("the database refused the request as malformed")
    _log.error("Cosmos DB answered %s: %r", exc.status_code, exc)
    return StoreUnavailable()


def _encode(item: Item) -> Item:
    payload = item.get(PAYLOAD)
    return item if payload is None else {**item, PAYLOAD: b64encode(payload).decode("ascii")}


def _stored(answer: Mapping[str, Any]) -> Stored:
    item = {name: value for name, value in answer.items() if name not in _SYSTEM_FIELDS}
    if isinstance(payload := item.get(PAYLOAD), str):
        # Damaged text stays text: whoever reads it sees that it is no payload.
        with suppress(ValueError):
            item[PAYLOAD] = b64decode(payload, validate=True)
    return Stored(item, answer["_etag"])


def _etag(headers: Mapping[str, str]) -> str:
    _add_charge(headers)
    return headers["etag"]


def _add_charge(headers: Mapping[str, str]) -> None:
    add_charge(float(headers.get("x-ms-request-charge", 0)))


def _patch_operation(operation: Set | Increment | Remove) -> dict[str, Any]:
    path = "/" + operation.path.replace(".", "/")
    match operation:
        case Set(value=value):
            return {"op": "set", "path": path, "value": value}
        case Increment(by=by):
            return {"op": "incr", "path": path, "value": by}
        case Remove():
            return {"op": "remove", "path": path}


def _batch_operation(operation: Create | Replace) -> tuple[Any, ...]:
    item = _encode(operation.item)
    if isinstance(operation, Create):
        return ("create", (item,))
    return ("replace", (item["id"], item), {"if_match_etag": operation.if_match})
