"""What the SDK's exceptions become."""

import logging
from collections.abc import Mapping
from typing import Any

from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from persistence.errors import (
    EngineError,
    IndexBuilding,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemTooLarge,
    OwnerFull,
    StoreUnavailable,
    Throttled,
)
from persistence.faults import named
from persistence.storage.engine import ITEM_MAX_BYTES

_log = logging.getLogger(__name__)

RETRY_AFTER = "x-ms-retry-after-ms"

_FAILED_DEPENDENCY = 424
_IN_THE_WAY = 449
_PARTITION_FULL = "1014"
"""The sub-status if a logical partition has its 20 GB."""
_NO_INDEX = "does not have a corresponding composite index"
"""In the message of a query whose order needs a composite index that is missing or not yet complete."""


Fault = CosmosHttpResponseError | CosmosBatchOperationError


def is_in_the_way(exc: Fault) -> bool:
    """Returns True if another write was in the way. Nothing was applied, and the same call may succeed. The SDK
    does not retry it."""
    return _statuses(exc)[0] == _IN_THE_WAY


def translated(exc: Fault) -> EngineError | ValueError:
    """Returns our error for a response. For a batch, that of the operation that failed."""
    wait = (exc.headers or {}).get(RETRY_AFTER, "1000")
    if isinstance(exc, CosmosBatchOperationError):
        wait = _failed_operation(exc).get("retryAfterMilliseconds") or wait
    status, sub_status = _statuses(exc)
    match status:
        # With a sub-status it is not an item that is missing, but its container (1003), or the writes of this
        # session on the replica that was asked (1002).
        case 404 if not sub_status:
            return ItemNotFound()
        # Any other 403 is of a role that is missing, or of a firewall.
        case 403 if str(sub_status) == _PARTITION_FULL:
            _log.error("A logical partition of Cosmos DB is full: %s", named(exc))
            return OwnerFull()
        case 409:
            return ItemExists()
        case 412:
            return ItemChanged()
        case 413:
            return ItemTooLarge(None, ITEM_MAX_BYTES)
        case 429 | 449:
            return Throttled(float(wait) / 1000)
        case 400 if _NO_INDEX in str(exc):
            _log.error("Cosmos DB has no index for a query yet: %s", named(exc))
            return IndexBuilding()
        case 400:
            return ValueError("the database refused the request as malformed")
    _log.error("Cosmos DB returned %s: %s", status, named(exc))
    return StoreUnavailable()


def _statuses(exc: Fault) -> tuple[int | None, object]:
    """Returns status and sub-status: of the response, or of the operation of a batch that failed."""
    if isinstance(exc, CosmosBatchOperationError):
        failed = _failed_operation(exc)
        return _status_of(failed), failed.get("subStatusCode")
    return exc.status_code, exc.sub_status


def _failed_operation(exc: CosmosBatchOperationError) -> Mapping[str, Any]:
    """Returns the first result that is an error of its own operation. 424 means that another one has failed."""
    for result in exc.operation_responses or ():
        if _status_of(result) >= 400 and _status_of(result) != _FAILED_DEPENDENCY:
            return dict(result)
    return {}


def _status_of(result: Mapping[str, Any]) -> int:
    """Returns the status of an operation, and 0 for what is none."""
    try:
        return int(result.get("statusCode", 0))
    except (TypeError, ValueError):
        return 0
