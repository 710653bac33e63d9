"""How the steps of the timers find their work: by indexes that contain almost only due items, page by page.

Work that is done leaves its index, or lies before a watermark. If a run stops or is killed, the next run finds
what is left.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self, TypeVar

from persistence.documents import Document, timestamp_text
from persistence.errors import CorruptItem, ItemNotFound, StoreUnavailable
from persistence.faults import log_fault
from persistence.kind import Counts
from persistence.rules_in_force import Rule, RulesInForce
from persistence.storage.containers import Container
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import UNREADABLE, Engine, Item, Set, is_readable
from persistence.storage.query import Aggregate, Filter, Operator, Query, Sort, value_at
from persistence.timers.watermarks import Watermarks

D = TypeVar("D", bound=Document)
Work = Callable[[Item], Awaitable[None]]

CONCURRENCY = 8
_PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class TimerRules:
    """What an operator sets. One step of one run processes at most `items_max` items.

    Nothing younger than `settle_grace` is changed, because a request may still work with it. `tombstones` is the
    rule in force for `tombstone_retention`, which another process may have.
    """

    settle_grace: timedelta = timedelta(minutes=15)
    tombstone_retention: timedelta = timedelta(days=30)
    items_max: int = 20_000
    tombstones: Rule | None = None

    def in_force(self, rules: RulesInForce) -> Self:
        """Returns these rules with those in force. Reads nothing yet."""
        return replace(self, tombstones=rules.add("TOMBSTONE_RETENTION_DAYS", self.tombstone_retention))

    async def tombstones_until(self, at: datetime) -> datetime:
        """Returns the time before which tombstones are forgotten. Reads the rule in force."""
        if self.tombstones is None:
            return at - self.tombstone_retention
        return at - timedelta(days=await self.tombstones.look())


class Scan:
    """Pages through items of all partitions and does a piece of work with each."""

    def __init__(self, engine: Engine, items_max: int) -> None:
        self._engine, self._items_max = engine, items_max
        self.page_size = min(_PAGE_SIZE, items_max)
        self._watermarks = Watermarks(engine)

    async def each_due(
        self,
        counts: Counts,
        documents: DocumentSet[D],
        path: str,
        until: datetime,
        work: Work,
        concurrency: int = CONCURRENCY,
        *,
        of: tuple[Filter, ...] = (),
    ) -> None:
        """Does `work` with every item whose time at `path` has come, and that matches all filters in `of`.

        The work must remove or move that time, so that the next run does not find the item again.
        """
        due = (*of, Filter(path, Operator.LESS_OR_EQUAL, timestamp_text(until)))
        await self._each_of(counts, documents, path, due, work, concurrency)

    async def each_unsettled(
        self,
        counts: Counts,
        documents: DocumentSet[D],
        at: datetime,
        grace: timedelta,
        work: Work,
        concurrency: int = CONCURRENCY,
        *,
        select: tuple[str, ...] = (),
    ) -> None:
        """As `each_due`, with items whose `unsettled_at` is settled, as `is_settled`. `select` adds fields."""
        path = "unsettled_at"
        for operator, limit in ((Operator.LESS_OR_EQUAL, at - grace), (Operator.MORE_OR_EQUAL, at + grace)):
            due = (Filter(path, operator, timestamp_text(limit)),)
            await self._each_of(counts, documents, path, due, work, concurrency, select)

    async def _each_of(
        self,
        counts: Counts,
        documents: DocumentSet[D],
        path: str,
        filters: tuple[Filter, ...],
        work: Work,
        concurrency: int,
        select: tuple[str, ...] = (),
    ) -> None:
        container = documents.container
        select = ("id", container.partition_key, *UNREADABLE, "unsettled_at", *select)
        done = 0
        async for page in self.pages(container, documents.kind, None, filters, Sort(path), select):
            await self.each(counts, page, work, concurrency)
            if (done := done + len(page)) >= self._items_max:
                await self._count_backlog(counts, documents, path, filters)
                return

    async def _count_backlog(
        self, counts: Counts, documents: DocumentSet[D], path: str, due: tuple[Filter, ...]
    ) -> None:
        """Counts what is still due. One query over all partitions, which only a run pays that is not done."""
        query = Query(documents.kind, None, ("id",), due, Sort(path))
        counts.backlog += int(await self._engine.aggregate(documents.container, query, Aggregate.COUNT) or 0)

    async def each_written(
        self,
        counts: Counts,
        documents: DocumentSet[D],
        path: str,
        until: datetime,
        work: Work,
        *,
        group: Callable[[Item], str],
        watermark: str,
        filters: tuple[Filter, ...] = (),
        select: tuple[str, ...] = (),
    ) -> None:
        """Does `work` with what was written since the last scan, by its time at `path`.

        The work is done once for all items of a page that have the same partition and `group`. `watermark` is the
        stored name of the scan. `filters` narrow it, and `select` adds fields to the items.
        """
        since = await self._watermarks.read(watermark)
        written = Filter(path, Operator.LESS_OR_EQUAL, timestamp_text(until))
        newer = () if since is None else (Filter(path, Operator.MORE_OR_EQUAL, since),)
        container = documents.container
        narrowed = filters
        filters = (*narrowed, *newer, written)
        select = ("id", container.partition_key, *UNREADABLE, path.split(".")[0], *select)

        done = 0
        async for page in self.pages(container, documents.kind, None, filters, Sort(path), select):
            once = {(item[container.partition_key], group(item)): item for item in page}
            await self.each(counts, list(once.values()), work)
            reached = value_at(page[-1], path)
            await self._watermarks.advance(watermark, reached)
            # If everything so far was written at one moment, the next run would start at the same item.
            if (done := done + len(page)) >= self._items_max and reached != since:
                later = Filter(path, Operator.MORE, str(reached))
                await self._count_backlog(counts, documents, path, (*narrowed, later, written))
                return
        await self._watermarks.advance(watermark, timestamp_text(until))

    async def each(
        self, counts: Counts, items: Sequence[Item], work: Work, concurrency: int = CONCURRENCY
    ) -> None:
        """Does `work` with each item, a few at the same time.

        Items that another run has removed are ignored. Every other fault of an item, also an owner without room,
        is counted as `skipped` and logged with a reference. The next items follow. Raises StoreUnavailable.
        """
        turns = asyncio.Semaphore(concurrency)

        async def one(item: Item) -> None:
            async with turns:
                try:
                    if not is_readable(item):
                        raise CorruptItem("item", item["id"])
                    await work(item)
                except ItemNotFound:
                    pass
                except StoreUnavailable:
                    raise
                except Exception as exc:
                    counts.add("skipped")
                    log_fault(f"A timer skipped the item {item.get('id')}", exc)

        try:
            async with asyncio.TaskGroup() as group:
                for item in items:
                    group.create_task(one(item))
        except ExceptionGroup as faults:
            # Callers catch by class, so one fault stands for the group.
            raise faults.exceptions[0] from faults

    async def pages(
        self,
        container: Container,
        kind: str,
        partition: str | None,
        filters: tuple[Filter, ...],
        sort: Sort,
        select: tuple[str, ...],
    ) -> AsyncIterator[list[Item]]:
        """Yields pages as `pages_of`, with at most `items_max` items."""
        select = tuple(dict.fromkeys(select))
        query = Query(kind, partition, select, filters, sort, self.page_size)
        async for page in pages_of(self._engine, container, query):
            yield page

    async def forget_tombstones(self, counts: Counts, documents: DocumentSet[D], until: datetime) -> None:
        """Deletes tombstones from before `until` that no step has work with. Counts `tombstones_forgotten`."""
        container = documents.container

        async def forget(item: Item) -> None:
            if item.get("unsettled_at") is None:
                await self._engine.delete(container, item["id"], item[container.partition_key])
                counts.add("tombstones_forgotten")

        await self.each_due(counts, documents, "deleted_at", until, forget)

    async def set_settled(self, container: Container, item: Item) -> None:
        """Removes `unsettled_at` from an item, also from a damaged one. Does nothing if the item is gone."""
        try:
            partition = item[container.partition_key]
            await self._engine.patch(container, item["id"], partition, [Set("unsettled_at", None)])
        except ItemNotFound:
            pass  # another run has deleted it
