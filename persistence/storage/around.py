"""An engine around another one, for what concerns every call."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Increment, Item, Remove, Replace, Set, Stored
from persistence.storage.query import Aggregate, Page, Query

T = TypeVar("T")


class Around(Engine):
    """Calls `inner` for everything. Subclasses override `before_write` or `around`."""

    def __init__(self, inner: Engine) -> None:
        self.inner = inner

    async def before_write(self, container: Container, partition: object) -> None:
        """Is awaited before each write. What it raises forbids the write."""

    async def around(self, call: Awaitable[T]) -> T:
        """Returns the result of a call to `inner`."""
        return await call

    async def create(self, container: Container, item: Item) -> str:
        await self.before_write(container, item.get(container.partition_key))
        return await self.around(self.inner.create(container, item))

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        return await self.around(self.inner.read(container, id, partition))

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self.before_write(container, item.get(container.partition_key))
        return await self.around(self.inner.replace(container, item, if_match))

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        await self.before_write(container, item.get(container.partition_key))
        return await self.around(self.inner.create_then_replace(container, new, item, if_match, then))

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        await self.before_write(container, partition)
        return await self.around(self.inner.patch(container, id, partition, operations))

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await self.before_write(container, partition)
        await self.around(self.inner.delete(container, id, partition, if_match))

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        await self.before_write(container, partition)
        return await self.around(self.inner.commit(container, partition, operations))

    async def has_conditional_commits(self) -> bool:
        return await self.around(self.inner.has_conditional_commits())

    async def query(self, container: Container, query: Query) -> Page[Item]:
        return await self.around(self.inner.query(container, query))

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        return await self.around(self.inner.aggregate(container, query, function, path))

    async def ping(self) -> None:
        await self.around(self.inner.ping())

    async def scrub(self) -> None:
        await self.around(self.inner.scrub())

    async def close(self) -> None:
        await self.inner.close()
