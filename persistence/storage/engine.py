"""The engine protocol: a few methods on JSON items in named containers, with the same promises on every engine.

An item is a JSON object with a string `id`, a string `kind` and the partition key of its container. One top-level
field, `payload`, may hold bytes. Names with a leading underscore belong to the database. Partition and id identify
an item. Every write gives it a new etag.

A stored item can be damaged. Then only its own reading fails, not that of others. It can be replaced and deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from persistence.storage.containers import Container
from persistence.storage.query import Aggregate, Page, Query

Item = dict[str, Any]

PAYLOAD = "payload"
ITEM_MAX_BYTES = 2_000_000
COMMIT_MAX_OPERATIONS = 100
COMMIT_MAX_BYTES = 1_000_000
PATCH_MAX_OPERATIONS = 10

UNREADABLE: Mapping[str, None] = {"schema": None}
"""What `read` and `query` return of an item whose JSON is broken, besides its id, its partition and its kind, and
the value by which it was sorted. No document has that schema."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An item as it was read, and its etag. The item is the caller's own copy."""

    item: Item
    etag: str


def is_readable(item: Item) -> bool:
    """Returns False for an item with `UNREADABLE`."""
    return any(item.get(name, "") is not None for name in UNREADABLE)


@dataclass(frozen=True, slots=True)
class Create:
    """In a commit: as `Engine.create`."""

    item: Item


@dataclass(frozen=True, slots=True)
class Replace:
    """In a commit: as `Engine.replace`."""

    item: Item
    if_match: str


@dataclass(frozen=True, slots=True)
class Set:
    """In a patch: sets `value` at a dotted path. The parent must exist."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Increment:
    """In a patch: adds to the number at a dotted path. A missing number counts as 0."""

    path: str
    by: int = 1


@dataclass(frozen=True, slots=True)
class Remove:
    """In a patch: removes the value at a dotted path. The value must exist."""

    path: str


class Engine(Protocol):
    """What every engine promises. All concurrency control uses `create`, `replace` and `commit`.

    Every method raises StoreUnavailable, or its subclass Throttled, if the database does not respond in time. A
    write may then have been applied or not. It raises StorageExhausted, and is not applied, if the database has no
    room, and OwnerFull if a partition has none. After such a fault a driver may retry a write by itself. So
    `create` may raise ItemExists, and `replace` ItemChanged, because of the driver's own first try. `commit`
    raises what its first operation would raise.

    Ids have 1 to 255 characters of A-Za-z0-9_.~- and are not "." or "..". Partitions have 1 to 255 characters
    and no control characters. Items are plain JSON. Anything else raises ValueError before anything is sent.
    """

    async def create(self, container: Container, item: Item) -> str:
        """Stores a new item and returns its etag. Raises ItemExists if (partition, id) is taken, and ItemTooLarge
        above 2,000,000 bytes."""

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        """Returns the item and its etag. Raises ItemNotFound. Costs about 1 RU per KB.

        If its JSON is broken, the item has only its address, its kind and `UNREADABLE`. Its etag is sound."""

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        """Replaces the item if its etag is `if_match`: one atomic compare-and-set. Returns the new etag.

        Raises ItemChanged if the etag is stale, ItemNotFound if there is no such item, and ItemTooLarge as
        `create`. Nothing is written then."""

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        """Creates the `new` items, replaces the `item` that refers to them from now on, and creates the items
        `then`, which tell of the replace. All are of one partition. Readers who see the reference find `new`, and
        readers who find `then` see the replace. Returns the new etag of `item`.

        Raises what `create` and `replace` raise, except if the id of a created item is taken. That is a driver's
        retry of its own first try. Raises ValueError for more than 100 items.

        If the engine has a transaction that can hold everything, nothing is written if it raises. Otherwise these
        are steps, in that order, and those before the fault remain: on Cosmos DB above 1,000,000 bytes together,
        and on servers that do not enforce conditions within a transaction."""

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        """Applies 1 to 10 operations to one item, in order and atomically. Returns the new item.

        Raises ItemNotFound, ItemTooLarge as `create`, CorruptItem if its JSON is broken, and ValueError if an
        operation does not fit the item, or would change its id, partition or payload. Nothing is written then."""

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        """Raises ItemNotFound if there is no such item, and ItemChanged if the etag is stale."""

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        """Applies 1 to 100 operations in one partition, all or none. Returns the new etags in order. The replaces
        come first, so that a driver's retry of a commit with a replace raises ItemChanged, never ItemExists.

        Raises what the first failing operation raises. Raises ItemTooLarge above 1,000,000 bytes in total.
        Raises ValueError for another number of operations, a replace after a create, or an item of another
        partition.

        Without `has_conditional_commits`, a commit with replaces is not atomic: one transaction of all creates,
        then the replaces one by one, each under its etag. If one of these steps fails, its error is raised, and
        the steps before it remain."""

    async def has_conditional_commits(self) -> bool:
        """Returns True if a commit with replaces is all or none. Returns False on a Cosmos DB server that does not
        enforce conditions within a transaction. Asks the database at most once."""

    async def query(self, container: Container, query: Query) -> Page[Item]:
        """Returns one page of the matching items, in order, without payloads. Reads one partition, or all
        partitions if the query names none.

        An item whose JSON is broken is returned as by `read`, if it matches as far as the database can tell.

        Raises InvalidCursor, and ValueError if the container does not declare the sort."""

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        """Returns COUNT of all matching items, or SUM, MIN or MAX of a path over those that have it.

        Ignores sort, page size and cursor. SUM leaves out what is no number. Without a match, COUNT and SUM are 0,
        and MIN and MAX are None."""

    async def ping(self) -> None:
        """Returns when the database responds. Raises StoreUnavailable if it is known that writes fail, too. One
        cheap read."""

    async def scrub(self) -> None:
        """Makes what was deleted or replaced unreadable in files of the engine's own, such as a log. Tries for a
        few seconds: others may still need the log. Then it returns, and a later call tries again. On Cosmos DB
        there are no such files."""

    async def close(self) -> None:
        """Waits for accepted calls, then releases everything. Can be repeated. Every other method that needs the
        database raises StoreUnavailable from then on."""
