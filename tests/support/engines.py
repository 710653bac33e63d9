"""Engines that wrap an engine: they record its calls, or behave as badly as the protocol allows."""

import random
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from persistence.errors import ItemChanged, ItemExists, ItemNotFound
from persistence.read_only import ID as READ_ONLY
from persistence.rules_in_force import ID as RULES_IN_FORCE
from persistence.storage.checks import check_references, item_size
from persistence.storage.containers import Container
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    Create,
    Engine,
    Increment,
    Item,
    Remove,
    Replace,
    Set,
    Stored,
)
from persistence.storage.query import Aggregate, Page, Query
from persistence.storage.steps import commit_in_steps, create_each, create_then_replace_in_steps

Address = tuple[str, str, str]
WRITES = frozenset({"create", "replace", "patch", "delete", "commit"})


class Around(Engine):
    """Calls `inner` for everything."""

    def __init__(self, inner: Engine) -> None:
        self.inner = inner

    async def create(self, container: Container, item: Item) -> str:
        return await self.inner.create(container, item)

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        return await self.inner.read(container, id, partition)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        return await self.inner.replace(container, item, if_match)

    async def create_then_replace(
        self, container: Container, new: Sequence[Item], item: Item, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        """In as many calls of this engine as the database needs, because tests let something happen at each."""
        check_references(container, item, (*new, *then))
        if not saves_at_once(self):
            return await create_then_replace_in_steps(self, container, new, item, if_match, then)
        if sum(map(item_size, (item, *new, *then))) > COMMIT_MAX_BYTES:
            await create_each(self, container, new)
            new = ()
        creates = [Create(one) for one in (*new, *then)]
        partition = item[container.partition_key]
        return (await self.commit(container, partition, [Replace(item, if_match), *creates]))[0]

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        return await self.inner.patch(container, id, partition, operations)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await self.inner.delete(container, id, partition, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        return await self.inner.commit(container, partition, operations)

    async def has_conditional_commits(self) -> bool:
        return await self.inner.has_conditional_commits()

    async def query(self, container: Container, query: Query) -> Page[Item]:
        return await self.inner.query(container, query)

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        return await self.inner.aggregate(container, query, function, path)

    async def ping(self) -> None:
        await self.inner.ping()

    async def scrub(self) -> None:
        await self.inner.scrub()

    async def close(self) -> None:
        await self.inner.close()


class InSteps(Around):
    """As over a database without conditional batches."""

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        if isinstance(operations[0], Replace):
            return await commit_in_steps(self, container, partition, operations)
        return await self.inner.commit(container, partition, operations)

    async def has_conditional_commits(self) -> bool:
        return False


def innermost(engine: Engine) -> Engine:
    """Returns the engine that others wrap."""
    while isinstance(engine, Around):
        engine = engine.inner
    return engine


def saves_at_once(engine: Engine) -> bool:
    """Whether `create_then_replace` of small items is one transaction."""
    while isinstance(engine, Around):
        if isinstance(engine, InSteps):
            return False
        engine = engine.inner
    return not isinstance(engine, CosmosEngine) or engine._client.account.conditional_batch


@dataclass(frozen=True)
class Asked:
    """One call: the items that it wrote, named or returned, and how many bytes it returned."""

    verb: str
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    bytes_read: int = 0


class CountingReads(Around):
    """Records every call, including those that fail.

    Unless `counts_rules`, not those by which a process confirms its rules once an hour, in the background. Never
    those of the switch of read-only mode, which writes look at once in seconds.
    """

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.asked: list[Asked] = []
        self.counts_rules = False

    @property
    def verbs(self) -> list[str]:
        return [one.verb for one in self.asked]

    @property
    def writes(self) -> list[Asked]:
        return [one for one in self.asked if one.verb in WRITES]

    @property
    def kinds_read(self) -> set[str]:
        return {kind for one in self.asked if one.verb not in WRITES for kind in one.kinds}

    @property
    def bytes_read(self) -> int:
        return sum(one.bytes_read for one in self.asked)

    def forget(self) -> None:
        self.asked.clear()

    async def create(self, container: Container, item: Item) -> str:
        self._note("create", [item])
        return await super().create(container, item)

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if id == READ_ONLY:
            return await super().read(container, id, partition)
        try:
            stored = await super().read(container, id, partition)
        except Exception:
            self._add(Asked("read", (id,), ()))
            raise
        self._note("read", [stored.item], item_size(stored.item))
        return stored

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        self._note("replace", [item])
        return await super().replace(container, item, if_match)

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        self.asked.append(Asked("patch", (id,), ()))
        return await super().patch(container, id, partition, operations)

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        self.asked.append(Asked("delete", (id,), ()))
        await super().delete(container, id, partition, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        self._note("commit", [operation.item for operation in operations])
        return await super().commit(container, partition, operations)

    async def query(self, container: Container, query: Query) -> Page[Item]:
        page = await super().query(container, query)
        items = [{"id": "", "kind": query.kind} | item for item in page.items]
        self._note("query", items, sum(item_size(item) for item in page.items))
        return page

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        self.asked.append(Asked("aggregate", (), (str(query.kind),)))
        return await super().aggregate(container, query, function, path)

    def _note(self, verb: str, items: Sequence[Item], bytes_read: int = 0) -> None:
        ids, kinds = (tuple(item[name] for item in items) for name in ("id", "kind"))
        self._add(Asked(verb, ids, kinds, bytes_read))

    def _add(self, asked: Asked) -> None:
        if self.counts_rules or asked.ids != (RULES_IN_FORCE,):
            self.asked.append(asked)


class LateReads(Around):
    """Returns stale point reads, like a replica that the writes of another instance have not reached.

    After each write of an item, up to `most` reads may return an older version, or raise ItemNotFound if there was
    none. Which reads, and how old the version, is random from `seed`. Writes and queries are never stale, nor are
    items that were written past this engine.
    """

    def __init__(self, inner: Engine, seed: int, most: int = 4) -> None:
        super().__init__(inner)
        self.answered_late = 0
        self._random = random.Random(seed)
        self._most = most
        self._past: dict[Address, list[Stored | None]] = {}
        self._left: dict[Address, int] = {}

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        address = (container.name, partition, id)
        older = self._past.get(address, [])[:-1]
        if older and self._left[address] > 0 and self._random.random() < 0.7:
            self._left[address] -= 1
            self.answered_late += 1
            # Usually the version before the last, sometimes an older one.
            stored = older[-1] if self._random.random() < 0.7 else self._random.choice(older)
            if stored is None:
                raise ItemNotFound
            return deepcopy(stored)
        return await super().read(container, id, partition)

    async def create(self, container: Container, item: Item) -> str:
        etag = await super().create(container, item)
        self._wrote(container, item, etag)
        return etag

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        etag = await super().replace(container, item, if_match)
        self._wrote(container, item, etag)
        return etag

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        stored = await super().patch(container, id, partition, operations)
        self._wrote(container, stored.item, stored.etag)
        return stored

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await super().delete(container, id, partition, if_match)
        self._add((container.name, partition, id), None)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        etags = await super().commit(container, partition, operations)
        for operation, etag in zip(operations, etags, strict=True):
            self._wrote(container, operation.item, etag)
        return etags

    def _wrote(self, container: Container, item: Item, etag: str) -> None:
        address = (container.name, item[container.partition_key], item["id"])
        self._add(address, Stored(deepcopy(item), etag))

    def _add(self, address: Address, stored: Stored | None) -> None:
        self._past.setdefault(address, [None]).append(stored)
        self._left[address] = self._random.randint(0, self._most)


class AnswersLost(Around):
    """Applies a write, then raises what a driver's retry raises after the response was lost.

    Affects the next `times` writes of these verbs. A commit that begins with a replace counts as a replace.
    `meanwhile` runs between the write and the error.
    """

    def __init__(self, inner: Engine, verbs: Sequence[str], times: int = 1) -> None:
        super().__init__(inner)
        self.verbs, self.times = frozenset(verbs), times
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def create(self, container: Container, item: Item) -> str:
        etag = await super().create(container, item)
        await self._lose("create", ItemExists)
        return etag

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        etags = await super().commit(container, partition, operations)
        if isinstance(operations[0], Replace):
            await self._lose("replace", ItemChanged)
        else:
            await self._lose("commit", ItemExists)
        return etags

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        etag = await super().replace(container, item, if_match)
        await self._lose("replace", ItemChanged)
        return etag

    async def _lose(self, verb: str, fault: type[Exception]) -> None:
        if verb not in self.verbs or self.times <= 0:
            return
        self.times -= 1
        if self.meanwhile is not None:
            await self.meanwhile()
        raise fault


class InBetween(Around):
    """Does something once: after the first query that finds something, or before the first replace."""

    def __init__(self, inner: Engine, verb: str, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(inner)
        self._verb, self._meanwhile, self.done = verb, meanwhile, False

    async def query(self, container: Container, query: Query) -> Page[Item]:
        page = await super().query(container, query)
        if page.items:
            await self._intervene("query")
        return page

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        await self._intervene("replace")
        return await super().replace(container, item, if_match)

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        if isinstance(operations[0], Replace):
            await self._intervene("replace")
        return await super().commit(container, partition, operations)

    async def _intervene(self, verb: str) -> None:
        if verb == self._verb and not self.done:
            self.done = True
            await self._meanwhile()
