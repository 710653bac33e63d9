"""Finds out whether a server enforces If-Match within batches. Azure does. Not every emulator does."""

import re
from typing import Any
from urllib.parse import urlsplit

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from persistence.storage.containers import SESSIONS

PARTITION = "\x1fprobe"
"""No item of ours can have this partition, because of its control character."""

_AZURE = re.compile(r".+\.documents\.azure\.(com|cn|us)")

# The server may respond otherwise later.
_UNAVAILABLE = frozenset({408, 410, 429, 449, 502, 503, 504})


def is_azure(endpoint: str) -> bool:
    """Whether this is the address of an account in one of Azure's clouds."""
    return _AZURE.fullmatch(urlsplit(endpoint).hostname or "") is not None


async def find_refusal(proxy: ContainerProxy, id: str) -> str | None:
    """Returns None if a replace within a batch fails with 412 under a stale etag, and nothing of the batch is
    written. Otherwise returns what the server did. Four requests to the container `sessions`.

    The item with this id is removed again. Raises the SDK's errors if the server is not available. The item may
    remain then. The next probe with this id removes it.
    """
    item = {"id": id, SESSIONS.partition_key: PARTITION, "kind": "probe"}
    try:
        stale = _etag(await proxy.upsert_item(item, no_response=True))
        fresh = _etag(await proxy.replace_item(id, item, no_response=True, **_if_match(stale)))
        batch = [("replace", (id, item), {"if_match_etag": etag}) for etag in (fresh, stale)]
        statuses = await _statuses(proxy, batch)
        if statuses == [424, 412]:
            # Under the etag from before the batch: raises 412 if a part of the batch was applied.
            await proxy.delete_item(id, PARTITION, **_if_match(fresh))
            return None
        await proxy.delete_item(id, PARTITION)
        return f"a batch with a stale etag had the statuses {statuses}"
    except CosmosHttpResponseError as exc:
        if exc.status_code in _UNAVAILABLE:
            raise
        refusal = f"a request had the status {exc.status_code}"
    try:
        await proxy.delete_item(id, PARTITION)
    except CosmosHttpResponseError as exc:
        if exc.status_code in _UNAVAILABLE:
            raise
    return refusal


async def _statuses(proxy: ContainerProxy, batch: list[Any]) -> list[Any]:
    """Returns the status of each operation. Empty if the response is not that of a batch."""
    try:
        results = list(await proxy.execute_item_batch(batch, PARTITION))
    except CosmosBatchOperationError as exc:
        results = list(exc.operation_responses or ())
    except (KeyError, TypeError, ValueError):  # raised by the SDK if it does not find the results
        results = []
    return [one.get("statusCode") for one in results]


def _etag(response: Any) -> str:
    etag: str = response.get_response_headers()["etag"]
    return etag


def _if_match(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
