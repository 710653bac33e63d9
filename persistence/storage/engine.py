"""The engine protocol: a few verbs on JSON items in named containers, kept identically by every engine.

An item is a JSON object with a string `id`, a string `kind` and its container's partition key. One top-level
field, `payload`, may hold bytes; names with a leading underscore are the database's own. An item is known by its
partition and id; every write gives it a new etag.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from persistence.errors import ItemExists, ItemTooLarge
from persistence.storage.containers import Container
from persistence.storage.query import Aggregate, Page, Query, check_path

Item = dict[str, Any]

PAYLOAD = "payload"
ITEM_MAX_BYTES = 2_000_000
COMMIT_MAX_OPERATIONS = 100
COMMIT_MAX_BYTES = 1_000_000
PATCH_MAX_OPERATIONS = 10

# Not "." and "..": in the URL of an item they would name its container.
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.~-]{1,255}")
_PARTITION = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")


@dataclass(frozen=True, slots=True)
class Stored:
    """An item as it was read, and the etag to replace it by. It is the caller's own copy."""

    item: Item
    etag: str


@dataclass(frozen=True, slots=True)
class Create:
    """Within a commit: as `Engine.create`."""

    item: Item


@dataclass(frozen=True, slots=True)
class Replace:
    """Within a commit: as `Engine.replace`."""

    item: Item
    if_match: str


@dataclass(frozen=True, slots=True)
class Set:
    """Within a patch: put `value` at a dotted path whose parent exists."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Increment:
    """Within a patch: add to the number at a dotted path; a missing one counts as 0."""

    path: str
    by: int = 1


@dataclass(frozen=True, slots=True)
class Remove:
    """Within a patch: take away what stands at a dotted path. Something must stand there."""

    path: str


class Engine(Protocol):
    """What every engine promises. All concurrency rests on `create` and `replace`.

    Every verb raises StoreUnavailable (or its subclass Throttled) where the database does not answer in
    time; whether a write was applied is then not known. A driver may repeat a write by itself after such
    a fault, so a create may report ItemExists, and a replace ItemChanged, of its own first try.
    Ids are 1 to 255 characters of A-Za-z0-9_.~- (but not "." or ".."), partitions 1 to 255 without control
    characters, items plain JSON; anything else raises ValueError before anything is sent.
    """

    async def create(self, container: Container, item: Item) -> str:
        """Stores a new item and answers its etag. Raises ItemExists where (partition, id) is taken and
        ItemTooLarge over 2,000,000 bytes."""

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        """The item and its etag. Raises ItemNotFound. 1 RU per KB, by and large."""

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        """One atomic compare-and-set; answers the new etag. Raises ItemChanged where the etag is stale
        and ItemNotFound where nothing is there; then nothing was written."""

    async def create_then_replace(self, container: Container, new: Item, item: Item, if_match: str) -> str:
        """Creates an item that nothing has named yet, and replaces the one of the same partition that names it
        from now on: whoever sees the name sees what it names. Answers the etag of the replaced one. Raises what
        `create` and `replace` raise, but for a `new` that is taken: a driver's repeat has met its own first try.

        One transaction where the engine has one that holds both: then nothing was written where it raises. Else
        two steps, of which the first may stay."""

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        """1 to 10 operations, in order and atomic on one item; answers the new item. Raises ItemNotFound,
        ItemTooLarge as `create`, and ValueError where an operation does not fit the item or would change
        its id, partition or payload; then nothing was written."""

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        """Raises ItemNotFound where nothing is there, ItemChanged where the etag is stale."""

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        """All of 1 to 100 operations in one partition, or none; at most 1 MB. Answers the new etags in
        order. Raises what the first failing operation raises, ItemTooLarge over the limit of bytes, and
        ValueError over the number or for an item of another partition."""

    async def query(self, container: Container, query: Query) -> Page[Item]:
        """A page of what matches, in order, without payloads. One partition unless the query names none.
        Raises InvalidCursor, and ValueError for a sort that the container does not declare."""

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        """COUNT of everything that matches, or SUM, MIN or MAX of a path over those that have it; sort, page
        size and cursor are ignored. SUM wants numbers. COUNT and SUM of nothing are 0, MIN and MAX None."""

    async def ping(self) -> None:
        """Returns when the database answers. One cheap read."""

    async def close(self) -> None:
        """Waits for what was accepted, then lets everything go. Harmless to repeat; every other verb raises
        StoreUnavailable from then on."""


async def create_then_replace_in_steps(
    engine: Engine, container: Container, new: Item, item: Item, if_match: str
) -> str:
    """`Engine.create_then_replace` for want of a transaction. Two writes."""
    check_pair(container, new, item)
    check_size(item)
    with suppress(ItemExists):
        await engine.create(container, new)
    return await engine.replace(container, item, if_match)


def check_pair(container: Container, new: Item, item: Item) -> None:
    """Refuses what could not be written as a new item and the one that names it."""
    (new_id, new_partition), (id, partition) = address(container, new), address(container, item)
    if new_partition != partition or new_id == id:
        raise ValueError("an item names others of its own partition")


def check_address(id: str, partition: str) -> None:
    """The same ids and partitions on every engine: refuses the rest with ValueError."""
    if not _ID.fullmatch(id):
        raise ValueError(f"not an id: {id[:40]!r}")
    check_partition(partition)


def check_partition(partition: str) -> None:
    """The part of `check_address` that queries need."""
    if not _PARTITION.fullmatch(partition):
        raise ValueError(f"not a partition: {partition[:40]!r}")


def address(container: Container, item: Item) -> tuple[str, str]:
    """An item's id and partition, checked."""
    id, partition = item["id"], item[container.partition_key]
    check_address(id, partition)
    return id, partition


def json_bytes(value: object) -> bytes:
    """As JSON in UTF-8. Raises ValueError for what would come back as something else. What is equal to its own
    JSON, such as a member of a StrEnum, is taken for that."""
    try:
        text = orjson.dumps(value)
    except TypeError as exc:
        raise ValueError("not plain JSON") from exc
    # Neither one driver's JSON nor the other's is strict, with NaN, tuples, dates and UUIDs.
    if orjson.loads(text) != value:
        raise ValueError("not plain JSON")
    return text


def split_item(item: Item) -> tuple[bytes, bytes | None]:
    """The item's fields as JSON, and its payload. Raises ValueError for what is neither."""
    payload = item.get(PAYLOAD)
    if PAYLOAD in item and not isinstance(payload, bytes):
        raise ValueError("a payload is bytes")
    return json_bytes({name: value for name, value in item.items() if name != PAYLOAD}), payload


def item_size(item: Item) -> int:
    """Bytes of the item as JSON with its payload in base64: what it weighs in Cosmos DB."""
    fields, payload = split_item(item)
    return weight(fields, payload)


def weight(fields: bytes, payload: bytes | None) -> int:
    """As `item_size`, of an item that is split already."""
    return len(fields) + (len(payload or b"") + 2) // 3 * 4


def check_size(item: Item) -> None:
    """Refuses with ItemTooLarge what one item cannot hold, whichever engine is asked."""
    if (size := item_size(item)) > ITEM_MAX_BYTES:
        raise ItemTooLarge(size, ITEM_MAX_BYTES)


def check_commit(container: Container, partition: str, operations: Sequence[Create | Replace]) -> None:
    """Refuses a commit that not every engine could make."""
    if not 1 <= len(operations) <= COMMIT_MAX_OPERATIONS:
        raise ValueError(f"a commit takes 1 to {COMMIT_MAX_OPERATIONS} operations, not {len(operations)}")
    if any(address(container, operation.item)[1] != partition for operation in operations):
        raise ValueError("a commit stays in one partition")
    if (size := sum(item_size(operation.item) for operation in operations)) > COMMIT_MAX_BYTES:
        raise ItemTooLarge(size, COMMIT_MAX_BYTES)


def check_patch(container: Container, operations: Sequence[Set | Increment | Remove]) -> None:
    """Refuses a patch that not every engine could make."""
    if not 1 <= len(operations) <= PATCH_MAX_OPERATIONS:
        raise ValueError(f"a patch takes 1 to {PATCH_MAX_OPERATIONS} operations, not {len(operations)}")
    for operation in operations:
        check_path(operation.path)
        if operation.path.split(".")[0] in ("id", container.partition_key, PAYLOAD):
            raise ValueError(f"{operation.path} cannot be patched")
        if isinstance(operation, Set):
            json_bytes(operation.value)


def check_query(container: Container, query: Query) -> None:
    """Refuses an order that the container does not declare: without an index it would read everything."""
    if query.partition is not None:
        check_partition(query.partition)
    if query.sort.path not in container.ordered:
        raise ValueError(f"{container.name} cannot be sorted by {query.sort.path}")


def check_aggregate(query: Query, path: str) -> None:
    """Refuses what a query could not name either."""
    check_path(path)
    if query.partition is not None:
        check_partition(query.partition)
