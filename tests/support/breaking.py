"""Engines that fail, hang or die on demand, and one that records queries."""

import asyncio
from collections.abc import Sequence

from persistence.errors import OwnerFull, StoreUnavailable
from persistence.storage.checks import item_size
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Increment, Item, Remove, Replace, Set, Stored
from persistence.storage.query import Aggregate, Page, Query
from tests.support.engines import WRITES, Around


class Watched(Around):
    """Awaits `before` and `after` around each call. What they raise is raised."""

    async def before(self, verb: str, container: Container) -> None: ...

    async def after(self, verb: str, container: Container) -> None: ...

    async def create(self, container: Container, item: Item) -> str:
        await self.before("create", container)
        etag = await super().create(container, item)
        await self.after("create", container)
        return etag

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        await self.before("read", container)
        return await super().read(container, id, partition)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self.before("replace", container)
        etag = await super().replace(container, item, if_match)
        await self.after("replace", container)
        return etag

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        await self.before("patch", container)
        stored = await super().patch(container, id, partition, operations)
        await self.after("patch", container)
        return stored

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await self.before("delete", container)
        await super().delete(container, id, partition, if_match)
        await self.after("delete", container)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        await self.before("commit", container)
        etags = await super().commit(container, partition, operations)
        await self.after("commit", container)
        return etags

    async def query(self, container: Container, query: Query) -> Page[Item]:
        await self.before("query", container)
        return await super().query(container, query)

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        await self.before("aggregate", container)
        return await super().aggregate(container, query, function, path)


class Dies(Watched):
    """Raises StoreUnavailable from its `at`-th write on. `applied`: that write is applied."""

    def __init__(self, inner: Engine, at: int, applied: bool = False) -> None:
        super().__init__(inner)
        self._left, self._applied = at, applied
        self.dead = False

    async def before(self, verb: str, container: Container) -> None:
        if not self._applied:
            self._count(verb)
        if self.dead:
            raise StoreUnavailable

    async def after(self, verb: str, container: Container) -> None:
        if self._applied:
            self._count(verb)
        if self.dead:
            raise StoreUnavailable

    def _count(self, verb: str) -> None:
        if verb in WRITES:
            self._left -= 1
            self.dead = self.dead or self._left == 0


class Refuses(Watched):
    """Raises StoreUnavailable for these verbs on one container while `refusing` is set, after `seconds`."""

    def __init__(self, inner: Engine, container: Container, *verbs: str, seconds: float = 0) -> None:
        super().__init__(inner)
        self._container, self._verbs, self._seconds = container, verbs, seconds
        self.refusing = False
        self.refused = 0

    async def before(self, verb: str, container: Container) -> None:
        if self.refusing and container is self._container and verb in self._verbs:
            self.refused += 1
            await asyncio.sleep(self._seconds)
            raise StoreUnavailable


class Asks(Around):
    """Records every query and aggregate with its container."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.asked: list[tuple[Container, Query]] = []

    async def query(self, container: Container, query: Query) -> Page[Item]:
        self.asked.append((container, query))
        return await super().query(container, query)

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        self.asked.append((container, query))
        return await super().aggregate(container, query, function, path)


class FullOwner(Around):
    """While `owner` is set, that partition has no room: what creates or enlarges an item there is refused as a
    whole."""

    owner: str | None = None

    async def create(self, container: Container, item: Item) -> str:
        if item[container.partition_key] == self.owner:
            raise OwnerFull
        return await super().create(container, item)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self._refuse_growth(container, item)
        return await super().replace(container, item, if_match)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        if partition != self.owner:
            return await super().patch(container, id, partition, operations)
        before = await self.inner.read(container, id, partition)
        after = await super().patch(container, id, partition, operations)
        if item_size(after.item) > item_size(before.item):
            await self.inner.replace(container, before.item, after.etag)
            raise OwnerFull
        return after

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        if partition == self.owner:
            for one in operations:
                if isinstance(one, Create):
                    raise OwnerFull
                await self._refuse_growth(container, one.item)
        return await super().commit(container, partition, operations)

    async def _refuse_growth(self, container: Container, item: Item) -> None:
        partition = item[container.partition_key]
        if partition == self.owner:
            stored = await self.inner.read(container, item["id"], partition)
            if item_size(item) > item_size(stored.item):
                raise OwnerFull
