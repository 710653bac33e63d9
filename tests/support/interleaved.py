"""Runs two programs on one engine, with their calls in an order that the test chooses."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

from persistence.read_only import ID as READ_ONLY
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Increment, Item, Remove, Replace, Set, Stored
from persistence.storage.query import Aggregate, Page, Query
from tests.support.engines import Around

T = TypeVar("T")
Program = Callable[[Engine], Awaitable[object]]


def orders(first: int, second: int) -> Iterator[tuple[int, ...]]:
    """Yields every order of `first` calls of program 0 and `second` calls of program 1."""
    for places in combinations(range(first + second), first):
        yield tuple(int(place not in places) for place in range(first + second))


def some_orders(first: int, second: int, most: int) -> list[tuple[int, ...]]:
    """Returns all of `orders`, or `most` of them, drawn at random but always the same."""
    every = list(orders(first, second))
    return random.Random(1).sample(every, min(most, len(every)))


async def interleave(engine: Engine, order: Sequence[int], *programs: Program) -> list[object]:
    """Runs the programs, and returns what they return or raise. The turns of a program that has ended are skipped.
    Calls after the last turn come in any order."""
    turns = _Turns(order)

    async def run(who: int, program: Program) -> object:
        try:
            return await program(_InTurn(engine, turns, who))
        finally:
            await turns.leave(who)

    tasks = [run(who, program) for who, program in enumerate(programs)]
    return await asyncio.gather(*tasks, return_exceptions=True)


class _Turns:
    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._changed = asyncio.Condition()

    async def take(self, who: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._order or self._order[0] == who)

    async def end(self) -> None:
        async with self._changed:
            del self._order[:1]
            self._changed.notify_all()

    async def leave(self, who: int) -> None:
        async with self._changed:
            self._order = [one for one in self._order if one != who]
            self._changed.notify_all()


class _InTurn(Around):
    def __init__(self, inner: Engine, turns: _Turns, who: int) -> None:
        super().__init__(inner)
        self._turns, self._who = turns, who

    async def _turn(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._turns.take(self._who)
        try:
            return await call()
        finally:
            await self._turns.end()

    async def create(self, container: Container, item: Item) -> str:
        return await self._turn(lambda: self.inner.create(container, item))

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if id == READ_ONLY:  # a look at the switch of read-only mode, once in seconds
            return await self.inner.read(container, id, partition)
        return await self._turn(lambda: self.inner.read(container, id, partition))

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        return await self._turn(lambda: self.inner.replace(container, item, if_match))

    async def patch(
        self, container: Container, id: str, partition: str, operations: Sequence[Set | Increment | Remove]
    ) -> Stored:
        return await self._turn(lambda: self.inner.patch(container, id, partition, operations))

    async def delete(self, container: Container, id: str, partition: str, if_match: str | None = None) -> None:
        await self._turn(lambda: self.inner.delete(container, id, partition, if_match))

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        return await self._turn(lambda: self.inner.commit(container, partition, operations))

    async def query(self, container: Container, query: Query) -> Page[Item]:
        return await self._turn(lambda: self.inner.query(container, query))

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        return await self._turn(lambda: self.inner.aggregate(container, query, function, path))
