"""How much one person stores, and how much they may store.

Each process runs the writes of one person one at a time. Two processes can each accept a write at the same time,
so a limit can be exceeded slightly.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from persistence.errors import StorageFull, TooMany
from persistence.keyed import Keyed
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query

QueryOf = Callable[[str], Query]
"""Makes the query of what one person stores, from their owner id. It stays in one partition."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Things that are counted. `name` is the name of their number in the usage, and of their limit."""

    name: str
    description: str
    container: Container
    query: QueryOf


@dataclass(frozen=True, slots=True)
class CountedBytes:
    """Items whose content adds to the stored bytes. `bytes_path` is the path of its size in an item."""

    container: Container
    query: QueryOf
    bytes_path: str


class Countable(Protocol):
    """The part of a `Kind` that is counted."""

    @property
    def counted(self) -> Sequence[Counted]:
        """What is counted in the usage, and can be limited."""

    @property
    def stored(self) -> Sequence[CountedBytes]:
        """What adds to the stored bytes."""


@dataclass(frozen=True, slots=True)
class LimitRules:
    """What an operator sets; 0 is no limit. `counts` are by `Counted.name`. `stored_bytes` are bytes of UTF-8."""

    counts: Mapping[str, int] = field(default_factory=dict)
    stored_bytes: int = 0


NO_LIMITS = LimitRules()


class Limits:
    """Counts what a person stores, in their own partitions. Sends no query if there is no limit."""

    def __init__(self, engine: Engine, rules: LimitRules = NO_LIMITS) -> None:
        self._engine, self._rules = engine, rules
        self._is_limited = any((*rules.counts.values(), rules.stored_bytes))
        self._turns = Keyed(asyncio.Lock)
        self._counted: Mapping[str, Counted] = {}
        self._stored: tuple[CountedBytes, ...] = ()

    def count(self, kinds: Sequence[Countable]) -> None:
        """Sets what is counted. The stores need the limits before the kinds can be made from the stores."""
        self._counted = {counted.name: counted for kind in kinds for counted in kind.counted}
        self._stored = tuple(stored for kind in kinds for stored in kind.stored)

    def turn(self, owner_id: str) -> AbstractAsyncContextManager[None]:
        """A lock for a check and the write that it allows. Does nothing if there is no limit."""
        return self._turns[owner_id] if self._is_limited else nullcontext()

    @property
    def allowed(self) -> Mapping[str, int]:
        """The limits by the names of `usage`, in the same order. 0 is no limit."""
        counts = {name: self._rules.counts.get(name, 0) for name in self._counted}
        return {**counts, "stored_bytes": self._rules.stored_bytes}

    async def usage(self, owner_id: str) -> Mapping[str, int]:
        """Returns the number of each counted name, and `stored_bytes`. One aggregate for each."""
        *numbers, stored_bytes = await asyncio.gather(
            *(self._number(owner_id, counted) for counted in self._counted.values()),
            self._stored_bytes(owner_id),
        )
        return {**dict(zip(self._counted, numbers, strict=True)), "stored_bytes": stored_bytes}

    async def check_one_more(self, owner_id: str, what: str, new_bytes: int) -> None:
        """Raises TooMany if one more would exceed the limit. Raises as `check_growth`."""
        limit = self._rules.counts.get(what, 0)
        if limit and (used := await self._number(owner_id, self._counted[what])) >= limit:
            raise TooMany(what, used, limit)
        await self.check_growth(owner_id, new_bytes)

    async def check_growth(self, owner_id: str, new_bytes: int) -> None:
        """Raises StorageFull if that many more bytes would exceed the limit."""
        limit = self._rules.stored_bytes
        if limit and new_bytes > 0 and (used := await self._stored_bytes(owner_id)) + new_bytes > limit:
            raise StorageFull("stored bytes", used, limit)

    async def _number(self, owner_id: str, counted: Counted) -> int:
        query = counted.query(owner_id)
        return int(await self._engine.aggregate(counted.container, query, Aggregate.COUNT) or 0)

    async def _stored_bytes(self, owner_id: str) -> int:
        return sum(await asyncio.gather(*(self._sum(owner_id, stored) for stored in self._stored)))

    async def _sum(self, owner_id: str, stored: CountedBytes) -> int:
        query = stored.query(owner_id)
        return int(await self._engine.aggregate(stored.container, query, Aggregate.SUM, stored.bytes_path) or 0)
