"""Items, operations and responses, as the SDK takes and returns them."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azure.cosmos import CosmosDict

from persistence.storage.charge import add_charge
from persistence.storage.engine import PAYLOAD, Create, Increment, Item, Remove, Replace, Set, Stored

_SYSTEM_FIELDS = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})


def encode(item: Item) -> Item:
    """Returns the item with its payload in base64. The original stays as it is."""
    payload = item.get(PAYLOAD)
    return item if payload is None else {**item, PAYLOAD: b64encode(payload).decode("ascii")}


def decode(document: Mapping[str, Any]) -> Stored:
    """Returns the item of a document that was read, without the database's own fields."""
    item = {name: value for name, value in document.items() if name not in _SYSTEM_FIELDS}
    if isinstance(payload := item.get(PAYLOAD), str):
        # Damaged base64 stays text. Who reads the item sees that it is not a payload.
        with suppress(ValueError):
            item[PAYLOAD] = b64decode(payload, validate=True)
    return Stored(item, document["_etag"])


def patch_operation(operation: Set | Increment | Remove) -> dict[str, Any]:
    path = "/" + operation.path.replace(".", "/")
    match operation:
        case Set(value=value):
            return {"op": "set", "path": path, "value": value}
        case Increment(by=by):
            return {"op": "incr", "path": path, "value": by}
        case Remove():
            return {"op": "remove", "path": path}


def batch_operation(operation: Create | Replace) -> tuple[Any, ...]:
    item = encode(operation.item)
    if isinstance(operation, Create):
        return ("create", (item,))
    return ("replace", (item["id"], item), {"if_match_etag": operation.if_match})


def add_charge_of(headers: Mapping[str, str], _: object = None) -> None:
    """Adds the request units that a response reports. Can be one of the SDK's response hooks."""
    add_charge(float(headers.get("x-ms-request-charge", 0)))


def etag_of(response: CosmosDict) -> str:
    """Returns the etag from the headers of a response without a body, and adds its charge. Raises KeyError."""
    headers = response.get_response_headers()
    add_charge_of(headers)
    etag: str = headers["etag"]
    return etag
