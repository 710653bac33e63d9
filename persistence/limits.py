"""How much one person stores, and how much they may store.

Each process runs the writes of one person one at a time, and remembers for a short time what it counted, together
with its own writes since. So several processes can exceed a limit together, by what they write in that time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, Self

from persistence.errors import StorageFull, TooMany
from persistence.keyed import Keyed
from persistence.remembered import Remembered
from persistence.storage.containers import Container
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query

STORED_BYTES = "stored_bytes"
"""The sum of current contents."""

KEPT_BYTES = "kept_bytes"
"""The sum of all contents: current ones, those in histories, and the trash."""

TRASH_BYTES = "trash_bytes"
"""The sum of all contents in the trash. It has no limit by itself."""

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
    """Items whose content adds to a sum of bytes. `bytes_path` is the path of its size in an item.

    `name` is the name of the sum in the usage, and of its limit.
    """

    container: Container
    query: QueryOf
    bytes_path: str
    name: str = STORED_BYTES


@dataclass(frozen=True, slots=True)
class Growth:
    """What a write adds to what a person keeps. A negative number is what it takes away.

    things  by the name of their limit
    stored  bytes of current contents
    kept    bytes of all contents
    """

    things: Mapping[str, int]
    stored: int
    kept: int

    @property
    def sums(self) -> Mapping[str, int]:
        """The bytes by the names of their limits."""
        return {STORED_BYTES: self.stored, KEPT_BYTES: self.kept}

    @classmethod
    def sum(cls, growths: Iterable[Self]) -> Self:
        """Returns what several writes add together."""
        things: Counter[str] = Counter()
        stored = kept = 0
        for one in growths:
            things.update(one.things)
            stored, kept = stored + one.stored, kept + one.kept
        return cls(things, stored, kept)


class Countable(Protocol):
    """The part of a `Kind` that is counted."""

    @property
    def counted(self) -> Sequence[Counted]:
        """What is counted in the usage, and can be limited."""

    @property
    def stored(self) -> Sequence[CountedBytes]:
        """What adds to sums of bytes, such as the stored bytes."""


@dataclass(frozen=True, slots=True)
class LimitRules:
    """What an operator sets; 0 is no limit.

    counts    by `Counted.name`
    sums      bytes of UTF-8, by `CountedBytes.name`
    remember  how long a process remembers what it counted
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    remember: timedelta = timedelta(seconds=1)


NO_LIMITS = LimitRules()


class _Usage:
    """What a person stores. Empty until it is counted."""

    def __init__(self) -> None:
        self.numbers: Mapping[str, int] = {}


class Limits:
    """Counts what a person stores, in their own partitions. Sends no query if there is no limit."""

    def __init__(self, engine: Engine, rules: LimitRules = NO_LIMITS) -> None:
        self._engine, self._rules = engine, rules
        self._is_limited = any((*rules.counts.values(), *rules.sums.values()))
        self._turns = Keyed(asyncio.Lock)
        self._counted: Mapping[str, Counted] = {}
        self._summed: Mapping[str, Sequence[CountedBytes]] = {}
        # What a check has found, and everything that was allowed since. It may be too much, never too little.
        self._allowed: Remembered[tuple[str, str], int] = Remembered(rules.remember)
        self._shown: Remembered[str, _Usage] = Remembered(rules.remember)

    def count(self, kinds: Sequence[Countable]) -> None:
        """Sets what is counted. The stores need the limits before the kinds can be made from the stores."""
        self._counted = {counted.name: counted for kind in kinds for counted in kind.counted}
        stored = [stored for kind in kinds for stored in kind.stored]
        names = dict.fromkeys((STORED_BYTES, KEPT_BYTES, TRASH_BYTES, *(each.name for each in stored)))
        self._summed = {name: [each for each in stored if each.name == name] for name in names}

    @asynccontextmanager
    async def turn(self, owner_id: str) -> AsyncIterator[None]:
        """A lock for a check and the write that it allows, if there is a limit. Then the usage is counted anew."""
        async with self._turns[owner_id] if self._is_limited else nullcontext():
            try:
                yield
            finally:
                self.changed(owner_id)

    def changed(self, owner_id: str) -> None:
        """Lets the next usage be counted. Needed after a write outside of a turn that changes the usage."""
        self._shown.forget(owner_id)

    def add(self, owner_id: str, name: str, number: int) -> None:
        """Adds to what is remembered for checks. Needed for growth that no check has allowed."""
        if (known := self._allowed.find((owner_id, name))) is not None:
            self._allowed.update((owner_id, name), known + number)

    @property
    def allowed(self) -> Mapping[str, int]:
        """The limits by the names of `usage`, in the same order. 0 is no limit."""
        rules = {**self._rules.counts, **self._rules.sums}
        return {name: rules.get(name, 0) for name in (*self._counted, *self._summed)}

    async def usage(self, owner_id: str) -> Mapping[str, int]:
        """Returns the number of each counted name, then each sum, such as `stored_bytes`. One aggregate for each,
        which reads only the index, or none for what is remembered."""
        usage = self._shown.find(owner_id)
        if usage is None:
            # If something changes before all is counted, the next call finds another one.
            usage = _Usage()
            self._shown.set(owner_id, usage)
        if not usage.numbers:
            names = (*self._counted, *self._summed)
            numbers = await asyncio.gather(*(self._count(owner_id, name) for name in names))
            usage.numbers = dict(zip(names, numbers, strict=True))
        return usage.numbers

    async def check_one_more(self, owner_id: str, what: str, new_bytes: int) -> None:
        """As `check`, for one new thing."""
        await self.check(owner_id, Growth({what: 1}, new_bytes, new_bytes))

    async def check(self, owner_id: str, growth: Growth) -> None:
        """Raises TooMany or StorageFull if the growth would exceed a limit. Call it within a turn."""
        for name, more in growth.things.items():
            if (used := await self._find_excess(owner_id, name, more, self._rules.counts)) is not None:
                raise TooMany(name, used, self._rules.counts[name])
        for name, more in growth.sums.items():
            if (used := await self._find_excess(owner_id, name, more, self._rules.sums)) is not None:
                trash = await self._count(owner_id, TRASH_BYTES) if name == KEPT_BYTES else None
                raise StorageFull(name.replace("_", " "), used, self._rules.sums[name], trash)
        for name, more in (*growth.things.items(), *growth.sums.items()):
            if more > 0:
                self.add(owner_id, name, more)

    async def _find_excess(self, owner_id: str, name: str, more: int, limits: Mapping[str, int]) -> int | None:
        """Returns what is used if that much more would exceed the limit, otherwise None. One aggregate, or none if
        what is remembered allows it."""
        limit = limits.get(name, 0)
        known = self._allowed.find((owner_id, name))
        if not limit or more <= 0 or (known is not None and known + more <= limit):
            return None
        used = await self._count(owner_id, name)
        self._allowed.set((owner_id, name), used)
        return used if used + more > limit else None

    async def _count(self, owner_id: str, name: str) -> int:
        if (counted := self._counted.get(name)) is not None:
            query = counted.query(owner_id)
            return int(await self._engine.aggregate(counted.container, query, Aggregate.COUNT) or 0)
        return sum(await asyncio.gather(*(self._sum(owner_id, each) for each in self._summed[name])))

    async def _sum(self, owner_id: str, summed: CountedBytes) -> int:
        query = summed.query(owner_id)
        return int(await self._engine.aggregate(summed.container, query, Aggregate.SUM, summed.bytes_path) or 0)
