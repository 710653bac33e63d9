"""What no engine accepts, checked before anything is sent, so that every engine refuses the same."""

import re
from collections.abc import Sequence
from itertools import pairwise

import orjson

from persistence.errors import ItemTooLarge
from persistence.storage.containers import Container
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    COMMIT_MAX_OPERATIONS,
    ITEM_MAX_BYTES,
    PATCH_MAX_OPERATIONS,
    PAYLOAD,
    Create,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
)
from persistence.storage.query import Query, check_path

# Not "." and "..": in the URL of an item they would name its container.
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.~-]{1,255}")
_PARTITION = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")


def address(container: Container, item: Item) -> tuple[str, str]:
    """Returns the item's id and partition. Raises ValueError as `check_address`."""
    id, partition = item["id"], item[container.partition_key]
    check_address(id, partition)
    return id, partition


def check_address(id: str, partition: str) -> None:
    """Raises ValueError if this is not an id or not a partition."""
    if not _ID.fullmatch(id):
        raise ValueError(f"not an id: {id[:40]!r}")
    check_partition(partition)


def check_partition(partition: str) -> None:
    """Raises ValueError if this is not a partition."""
    if not is_partition(partition):
        raise ValueError(f"not a partition: {partition[:40]!r}")


def is_partition(text: str) -> bool:
    """Returns False for a text that is no partition."""
    return _PARTITION.fullmatch(text) is not None


def json_bytes(value: object) -> bytes:
    """Returns the value as JSON in UTF-8. Raises ValueError if the value would be read back as another one.

    A value that equals its own JSON is accepted, such as a member of a StrEnum.
    """
    try:
        text = orjson.dumps(value)
    except TypeError as exc:
        raise ValueError("not plain JSON") from exc
    # The drivers' encoders accept NaN, tuples, dates or UUIDs, each encoder some of them.
    if orjson.loads(text) != value:
        raise ValueError("not plain JSON")
    return text


def split_item(item: Item) -> tuple[bytes, bytes | None]:
    """Returns the item's fields as JSON, and its payload. Raises ValueError if they are not JSON and bytes."""
    payload = item.get(PAYLOAD)
    if PAYLOAD in item and not isinstance(payload, bytes):
        raise ValueError("a payload is bytes")
    return json_bytes({name: value for name, value in item.items() if name != PAYLOAD}), payload


def item_size(item: Item) -> int:
    """Returns the bytes of the item as JSON with its payload in base64. That is its size in Cosmos DB."""
    return split_size(*split_item(item))


def split_size(fields: bytes, payload: bytes | None) -> int:
    """As `item_size`, for an item that is split already."""
    return len(fields) + (len(payload or b"") + 2) // 3 * 4


def check_size(item: Item) -> int:
    """Returns the size of the item. Raises ItemTooLarge above the limit, which is the same on every engine."""
    if (size := item_size(item)) > ITEM_MAX_BYTES:
        raise ItemTooLarge(size, ITEM_MAX_BYTES)
    return size


def check_references(container: Container, item: Item, others: Sequence[Item]) -> None:
    """Raises ValueError unless `item` and the `others` are at most 100 different items of one partition."""
    addresses = [address(container, one) for one in (item, *others)]
    if len(addresses) > COMMIT_MAX_OPERATIONS:
        raise ValueError(f"at most {COMMIT_MAX_OPERATIONS} items are written together, not {len(addresses)}")
    if len({partition for _, partition in addresses}) > 1 or len(set(addresses)) < len(addresses):
        raise ValueError("an item refers to other items of its own partition")


def check_commit(container: Container, partition: str, operations: Sequence[Create | Replace]) -> None:
    """Raises what `Engine.commit` promises for its operations: their number, partitions, order and size."""
    if not 1 <= len(operations) <= COMMIT_MAX_OPERATIONS:
        raise ValueError(f"a commit takes 1 to {COMMIT_MAX_OPERATIONS} operations, not {len(operations)}")
    if any(address(container, operation.item)[1] != partition for operation in operations):
        raise ValueError("a commit stays in one partition")
    if any(isinstance(one, Create) and isinstance(after, Replace) for one, after in pairwise(operations)):
        raise ValueError("the replaces of a commit come before its creates")
    if (size := sum(item_size(operation.item) for operation in operations)) > COMMIT_MAX_BYTES:
        raise ItemTooLarge(size, COMMIT_MAX_BYTES)


def check_patch(container: Container, operations: Sequence[Set | Increment | Remove]) -> None:
    """Raises ValueError if the number of operations, a path or a value is not allowed in a patch."""
    if not 1 <= len(operations) <= PATCH_MAX_OPERATIONS:
        raise ValueError(f"a patch takes 1 to {PATCH_MAX_OPERATIONS} operations, not {len(operations)}")
    for operation in operations:
        check_path(operation.path)
        if operation.path.split(".")[0] in ("id", container.partition_key, PAYLOAD):
            raise ValueError(f"{operation.path} cannot be patched")
        if isinstance(operation, Set):
            json_bytes(operation.value)


def check_query(container: Container, query: Query) -> None:
    """Raises ValueError if the partition is not one, or if the container does not declare the sort.

    Without an index, such a query would read everything. The paths of scans have one in ascending order.
    """
    if query.partition is not None:
        check_partition(query.partition)
    sort = query.sort
    if sort.path not in container.ordered or (sort.descending and sort.path not in ("id", *container.sorts)):
        raise ValueError(f"{container.name} cannot be sorted by {sort.path}")


def check_aggregate(query: Query, path: str) -> None:
    """Raises ValueError if the path or the partition is not one."""
    check_path(path)
    if query.partition is not None:
        check_partition(query.partition)
