"""How timers find their work: through indexes that hold little else, a page at a time and a few items at once.

What was done drops out of its index, or lies before a watermark, so that a run that stops or is killed has lost
nothing: the next one finds what is left.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from persistence.documents import Document, Timestamp, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemExists, ItemNotFound
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Filter, Operator, Query, Sort, value_at

D = TypeVar("D", bound=Document)
Work = Callable[[Item], Awaitable[None]]

CONCURRENCY = 8
_PAGE_SIZE = 200
# No owner's partition: owner ids do not begin with a blank.
_WATERMARKS = " timers"


class Tally(Protocol):
    """Where it is counted what could not be read."""

    skipped: int


class Watermark(Document):
    """How far a scan has come: all that was written before `until` has been looked at."""

    kind: Literal["watermark"] = "watermark"
    owner_id: str
    until: Timestamp


class TimerWork:
    """Pages through items across all partitions and does a piece of work with each. `items_max` bounds what one
    call takes on."""

    def __init__(self, engine: Engine, items_max: int) -> None:
        self._engine, self._items_max = engine, items_max
        self.page_size = min(_PAGE_SIZE, items_max)
        self._watermarks = DocumentSet(engine, SESSIONS, Watermark)

    async def each_due(
        self,
        counts: Tally,
        documents: DocumentSet[D],
        path: str,
        until: datetime,
        work: Work,
        concurrency: int = CONCURRENCY,
    ) -> None:
        """Does a piece of work with every item whose time at `path` has come, across all partitions. What
        is done loses that time, so the next run finds what is left."""
        container = documents.container
        due = (Filter(path, Operator.LESS_OR_EQUAL, timestamp_text(until)),)
        select = ("id", container.partition_key, "unsettled_at")
        done = 0
        async for page in self.pages(container, documents.kind, None, due, Sort(path), select):
            await self.each(counts, page, work, concurrency)
            if (done := done + len(page)) >= self._items_max:
                return

    async def each_written(
        self,
        counts: Tally,
        documents: DocumentSet[D],
        path: str,
        until: datetime,
        work: Work,
        group: Callable[[Item], str],
    ) -> None:
        """Does a piece of work with what was written between the last scan and `until`, by its time at `path`:
        once for all items of a page that are of one partition and `group`."""
        since = await self._read_watermark(path)
        written = Filter(path, Operator.LESS_OR_EQUAL, timestamp_text(until))
        filters = (written,) if since is None else (Filter(path, Operator.MORE_OR_EQUAL, since), written)
        container = documents.container
        select = ("id", container.partition_key, path.split(".")[0])

        done = 0
        async for page in self.pages(container, documents.kind, None, filters, Sort(path), select):
            once = {(item[container.partition_key], group(item)): item for item in page}
            await self.each(counts, list(once.values()), work)
            reached = value_at(page[-1], path)
            await self._set_watermark(path, reached)
            # Where everything so far was written at one moment, the next run would come no further.
            if (done := done + len(page)) >= self._items_max and reached != since:
                return
        await self._set_watermark(path, timestamp_text(until))

    async def each(self, counts: Tally, items: Sequence[Item], work: Work, concurrency: int = CONCURRENCY) -> None:
        """A piece of work with each item, a few at a time. One that cannot be read does not stop the rest, nor
        one that another run has removed since it was found; any other fault does, and is raised."""
        turns = asyncio.Semaphore(concurrency)

        async def one(item: Item) -> None:
            async with turns:
                try:
                    await work(item)
                except CorruptItem:
                    counts.skipped += 1
                except ItemNotFound:
                    pass

        try:
            async with asyncio.TaskGroup() as group:
                for item in items:
                    group.create_task(one(item))
        except ExceptionGroup as faults:
            # One stands for all, so that it can be told by its class.
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
        """As `pages_of`, as long as a run's pages are."""
        select = tuple(dict.fromkeys(select))
        query = Query(kind, partition, select, filters, sort, self.page_size)
        async for page in pages_of(self._engine, container, query):
            yield page

    async def _read_watermark(self, path: str) -> str | None:
        try:
            return timestamp_text((await self._watermarks.read(path, _WATERMARKS)).document.until)
        except ItemNotFound:
            return None
        except CorruptItem:
            # Nobody else could mend it; without one, everything is looked at once more.
            await self._watermarks.discard(path, _WATERMARKS)
            return None

    async def _set_watermark(self, path: str, until: Any) -> None:
        try:
            at = datetime.fromisoformat(until)
            watermark = Watermark(id=path, owner_id=_WATERMARKS, until=at)
        except (TypeError, ValueError):
            return  # the time of a damaged item; what follows it moves the watermark on
        try:
            current = await self._watermarks.read(path, _WATERMARKS)
        except ItemNotFound:
            try:
                await self._watermarks.create(watermark)
            except ItemExists:
                pass  # another run is at the same work
            return
        try:
            if current.document.until < watermark.until:
                await self._watermarks.replace(watermark, current.etag)
        except ItemChanged:
            pass  # another run is at the same work
