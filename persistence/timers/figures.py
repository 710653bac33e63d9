"""Figures that tell an operator whether the timers keep up. Each run logs them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from persistence.documents import Document, timestamp_text
from persistence.errors import CorruptItem, EngineError, ItemChanged, ItemNotFound
from persistence.kind import Kind, TimerName
from persistence.limits import TRASH_BYTES
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Filter, Operator, Query, Sort
from persistence.timers.daily import DAILY

_ID = "trash"
_UNSETTLED_AT = "unsettled_at"
_STALE_SINCE = "stale_since"
_log = logging.getLogger(__name__)


class TrashSum(Document):
    """The bytes of all contents in the trash, as the last daily run found them."""

    kind: Literal["trash_sum"] = "trash_sum"
    owner_id: str = TIMERS_PARTITION
    content_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """None is unknown: the daily timer has not run yet, or the database did not respond in time.

    trash_bytes         of all people, as of the last daily run
    oldest_unsettled_s  the age of the oldest item that a timer must complete; 0 if there is none
    """

    trash_bytes: int | None = None
    oldest_unsettled_s: int | None = None

    def __str__(self) -> str:
        known = (self.trash_bytes, self.oldest_unsettled_s)
        trash, oldest = ("unknown" if one is None else one for one in known)
        return f"trash_bytes {trash}, oldest_unsettled_s {oldest}"


class Gauge:
    """Measures the figures. It never fails a run."""

    def __init__(self, kinds: Sequence[Kind], engine: Engine) -> None:
        self._engine, self._sums = engine, DocumentSet(engine, SESSIONS, TrashSum)
        self._unsettled = [one for kind in kinds for one in kind.unsettled]
        self._trash = [one for kind in kinds for one in kind.stored if one.name == TRASH_BYTES]

    async def measure(self, name: TimerName, at: datetime) -> Figures:
        """Three queries over all partitions, each served by an index that has unsettled items alone, and one read.

        The daily timer sums the trash instead of that read: one more query, which counts every item in the trash.
        """
        trash_bytes = oldest = None
        try:
            oldest = await self._oldest_unsettled(at)
            trash_bytes = await (self._sum_trash(at) if name == DAILY else self._last_trash())
        except EngineError as exc:
            _log.warning("The figures of %s are not known: %s", name, type(exc).__name__)
        return Figures(trash_bytes, oldest)

    async def _oldest_unsettled(self, at: datetime) -> int:
        times = [time for one in self._unsettled if (time := await self._first(one, at)) is not None]
        return round((at - min(times)).total_seconds()) if times else 0

    async def _first(self, documents: DocumentSet[Any], at: datetime) -> datetime | None:
        is_past = Filter(_UNSETTLED_AT, Operator.LESS_OR_EQUAL, timestamp_text(at))
        query = Query(documents.kind, None, ("id",), (is_past,), Sort(_UNSETTLED_AT))
        first = await self._engine.aggregate(documents.container, query, Aggregate.MIN, _UNSETTLED_AT)
        try:
            return None if first is None else datetime.fromisoformat(str(first))
        except ValueError:
            return None  # of a damaged item, which the steps skip and log

    async def _sum_trash(self, at: datetime) -> int:
        total = 0
        for one in self._trash:
            query = one.query("")
            # What is in the trash has this time, and no index of all partitions has the status.
            is_stale = Filter(_STALE_SINCE, Operator.LESS_OR_EQUAL, timestamp_text(at))
            query = replace(query, partition=None, filters=(*query.filters, is_stale), sort=Sort(_STALE_SINCE))
            total += int(await self._engine.aggregate(one.container, query, Aggregate.SUM, one.bytes_path) or 0)
        await self._note(TrashSum(id=_ID, content_bytes=total))
        return total

    async def _last_trash(self) -> int | None:
        try:
            return (await self._sums.read(_ID, TIMERS_PARTITION)).document.content_bytes
        except (ItemNotFound, CorruptItem):
            return None

    async def _note(self, trash: TrashSum) -> None:
        try:
            await self._sums.replace(trash, (await self._sums.read(_ID, TIMERS_PARTITION)).etag)
        except ItemNotFound:
            await self._sums.create_once(trash)
        except CorruptItem:
            await self._sums.discard(_ID, TIMERS_PARTITION)  # the next run creates it again
        except ItemChanged:
            pass  # another process has summed it at the same time
