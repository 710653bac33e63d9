"""The one SDK client of an engine: how it opens and closes, and what its exceptions become.

It opens at the first call. Then it reads the metadata of every container, and finds out how the server treats
batches, under a lock. Otherwise each of a crowd of first calls would do so.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import uuid4

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineResponse
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from persistence.errors import StoreUnavailable, Throttled
from persistence.faults import named
from persistence.retry import Attempts
from persistence.storage.containers import CONTAINERS, SESSIONS, Container
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.cosmos.encoding import add_charge_of
from persistence.storage.cosmos.errors import RETRY_AFTER, is_in_the_way, translated
from persistence.storage.cosmos.probe import find_refusal, is_azure

T = TypeVar("T")

_log = logging.getLogger(__name__)

_ATTEMPTS_IN_THE_WAY = 3
_THROTTLE_RETRIES = 3
# The SDK sleeps as long as the response says, and only then compares the sum of its waits with this.
_THROTTLE_WAIT_SECONDS = 5

_deadline: ContextVar[float] = ContextVar("deadline")
"""When the timeout of the current call ends, in the time of the event loop."""


class Client:
    """Calls to the containers of one account, each within the account's timeout."""

    def __init__(self, account: CosmosAccount) -> None:
        """Sends nothing yet."""
        self.account = account
        self._opening = asyncio.Lock()
        self._client: CosmosClient | None = None
        self._credential: Any = None
        self._proxies: dict[str, ContainerProxy] = {}
        self._enforces_conditions = False
        self._probe_id = f"probe-{uuid4()}"
        self._closed = False
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def call(self, container: Container, send: Callable[[ContainerProxy], Awaitable[T]]) -> T:
        """Returns what `send` returns for the container. Sends at most three times if another write is in the way
        (449). Raises our exceptions."""
        async with self._calling(container) as proxy:
            fault: CosmosHttpResponseError | CosmosBatchOperationError
            async for _ in Attempts(_ATTEMPTS_IN_THE_WAY):
                try:
                    return await send(proxy)
                except (CosmosHttpResponseError, CosmosBatchOperationError) as exc:
                    if not is_in_the_way(exc):
                        raise
                    fault = exc
            raise fault

    @asynccontextmanager
    async def _calling(self, container: Container) -> AsyncIterator[ContainerProxy]:
        """Yields the container to call. Turns the SDK's exceptions in the block into ours, nowhere else."""
        if self._closed:
            raise StoreUnavailable
        self._calls += 1
        self._idle.clear()
        deadline = _deadline.set(asyncio.get_running_loop().time() + self.account.timeout_seconds)
        try:
            async with asyncio.timeout(self.account.timeout_seconds):
                if container.name not in self._proxies:
                    await self._open()
                yield self._proxies[container.name]
        except (CosmosHttpResponseError, CosmosBatchOperationError) as exc:
            add_charge_of(exc.headers or {})
            raise translated(exc) from exc
        # KeyError: a response without an etag, which is not from Cosmos DB.
        except (AzureError, TimeoutError, OSError, KeyError) as exc:
            _log.error("Cosmos DB does not respond: %s", named(getattr(exc, "inner_exception", None) or exc))
            raise StoreUnavailable from exc
        finally:
            _deadline.reset(deadline)
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def enforces_conditions(self) -> bool:
        """Whether a replace within a batch fails under a stale etag. Opens the client if it is not open."""
        async with self._calling(SESSIONS):
            return self._enforces_conditions

    async def close(self) -> None:
        """Waits for accepted calls, at most for the account's timeout. Can be repeated."""
        self._closed = True
        # Every call has the same timeout, so only a call that is stuck is given up.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self.account.timeout_seconds)
        client, credential = self._client, self._credential
        self._client, self._credential, self._proxies = None, None, {}
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    async def _open(self) -> None:
        async with self._opening:
            if self._proxies:
                return
            client = self._client or self._new_client()
            self._client = client
            database = client.get_database_client(self.account.database)
            proxies = {one.name: database.get_container_client(one.name) for one in CONTAINERS}
            try:
                results = await asyncio.gather(*(one.read() for one in proxies.values()), return_exceptions=True)
                for result in results:
                    if isinstance(result, BaseException):
                        raise result
            except CosmosResourceNotFoundError as exc:
                # Without the sub-status that tells a missing container from a missing item.
                _log.error("A container is missing: %s", named(exc))
                raise StoreUnavailable from exc
            self._enforces_conditions = await self._probe(proxies[SESSIONS.name])
            self._proxies = proxies

    async def _probe(self, proxy: ContainerProxy) -> bool:
        if not self.account.conditional_batch:
            return False
        if is_azure(self.account.endpoint):
            return True
        refusal = await find_refusal(proxy, self._probe_id)
        if refusal is not None:
            _log.warning("Each save takes two steps, because this server has no conditional batches: %s", refusal)
        return refusal is None

    def _new_client(self) -> CosmosClient:
        account = self.account
        credential: Any = account.key
        if credential is None:
            # Imported here because it takes longer than the rest of a cold start.
            from azure.identity.aio import DefaultAzureCredential

            credential = self._credential = DefaultAzureCredential(managed_identity_client_id=account.client_id)
        return CosmosClient(
            account.endpoint,
            credential,
            enable_endpoint_discovery=account.endpoint_discovery,
            enable_compact_utf8_item_writes=True,
            retry_throttle_total=_THROTTLE_RETRIES,
            retry_throttle_backoff_max=_THROTTLE_WAIT_SECONDS,
            raw_response_hook=_refuse_long_wait,
        )


def _refuse_long_wait(response: PipelineResponse[Any, Any]) -> None:
    """Raises Throttled if the call would end before the server lets it repeat. The SDK would wait all the same."""
    http = response.http_response
    wait_seconds = float(http.headers.get(RETRY_AFTER, 0)) / 1000 if http.status_code == 429 else 0.0
    if wait_seconds and wait_seconds > _deadline.get() - asyncio.get_running_loop().time():
        add_charge_of(http.headers)
        raise Throttled(wait_seconds)
