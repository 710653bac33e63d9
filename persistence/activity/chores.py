"""The export, the erasure and the timer step of lines of activity."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from persistence.activity.store import ActivityStore
from persistence.errors import CorruptItem
from persistence.kind import Counts, Erased, Exported, damaged
from persistence.rules_in_force import Rule
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import pages_of
from persistence.storage.engine import Item
from persistence.storage.query import Query
from persistence.timers.scan import Scan, TimerRules

_ERASED_AT_ONCE = 20
_LINES_PER_ITEM = 10
"""There are more lines than other things: one for each save. So a run may remove more of them."""


class ActivityChores:
    """A step of the timer `purge_stale_drafts`, which runs once a day, and what one person's data needs."""

    def __init__(self, activity: ActivityStore, retention: Rule, rules: TimerRules) -> None:
        self._activity, self._retention = activity, retention
        self._scan = Scan(activity.engine, rules.items_max * _LINES_PER_ITEM)

    async def export(self, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
        """Yields the line."""
        if mark:
            return
        try:
            yield Exported("activity", {"activity": self._activity.lines.load(item)}, "0")
        except CorruptItem:
            yield damaged(item["id"])

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Removes each line of a person, a few at the same time."""
        lines = self._activity.lines
        query = Query(lines.kind, owner_id, ("id",), page_size=_ERASED_AT_ONCE)
        async for page in pages_of(self._activity.engine, SESSIONS, query):
            await asyncio.gather(*(lines.discard(item["id"], owner_id) for item in page))
            yield Erased(len(page), len(page) * ("activity",))

    async def forget_old(self, at: datetime, counts: Counts) -> None:
        """Removes lines after the retention in force."""
        lines = self._activity.lines
        until = at - timedelta(days=await self._retention.look())

        async def forget(item: Item) -> None:
            await lines.discard(item["id"], item["owner_id"])
            counts.add("activity_forgotten")

        await self._scan.each_due(counts, lines, "at", until, forget)
