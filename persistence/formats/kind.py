"""The pass of a timer that renews what no write has renewed, in a database that cannot be migrated at once."""

from datetime import datetime, timedelta

from pydantic import ValidationError

from persistence.documents import timestamp_text
from persistence.errors import ItemChanged, ItemNotFound
from persistence.formats.renewal import renewed
from persistence.kind import Counts, Kind, Step
from persistence.sessions.documents import SessionHead
from persistence.shared import Shared
from persistence.snapshots.documents import AccessLog, SnapshotMetadata
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item, Set
from persistence.storage.query import Filter, Operator
from persistence.timers.scan import Scan, TimerRules
from persistence.timers.watermarks import Watermarks

ROLL_OUT = timedelta(days=1)
"""How long programs that write the older format may still run after the first run of the pass."""

_END, _HEADS, _LOGS, _DONE = (f"format-2-{what}" for what in ("end", "heads", "logs", "done"))
_TWIN = "snapshot_metadata.title__lower"


def format_kind(shared: Shared, rules: TimerRules) -> Kind:
    """Stored items of older formats. Each write of a head renews it, so this is about those that nobody writes."""
    step = Step(("heads_renewed", "logs_renewed"), FormatChores(shared.engine, rules).renew)
    return Kind(timer_steps={"sweep_sessions": [step]})


class FormatChores:
    """A step of the timer `sweep_sessions`."""

    def __init__(self, engine: Engine, rules: TimerRules) -> None:
        self._engine, self._rules = engine, rules
        self._scan, self._watermarks = Scan(engine, rules.items_max), Watermarks(engine)
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._logs = DocumentSet(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)

    async def renew(self, at: datetime, counts: Counts) -> None:
        """Renews heads of format 1, and the lower-case copies of titles in access logs.

        Passes over everything once, over several runs if need be, and stops a day after its first run. From then
        on, a run costs one point read.
        """
        if await self._watermarks.read(_DONE) is not None:
            return
        end_text = await self._watermarks.read(_END, ROLL_OUT)
        if end_text is None:
            end_text = timestamp_text(at + ROLL_OUT)
            await self._watermarks.advance(_END, end_text)
        end = datetime.fromisoformat(end_text)
        until = min(end, at - self._rules.settle_grace)

        async def renew_head(item: Item) -> None:
            if await self._renew_head(item):
                counts.add("heads_renewed")

        async def renew_log(item: Item) -> None:
            metadata, is_renewed = item["snapshot_metadata"], False
            # Again, if the title was erased since it was read: its copy must not come back.
            while (twin := _changed_twin(metadata)) is not None:
                # A patch, because it cannot meet with the count of a visit.
                patch = [Set(_TWIN, twin)]
                log = await self._engine.patch(SNAPSHOT_ACCESS_LOGS, item["id"], item["visitor_id"], patch)
                metadata, is_renewed = log.item["snapshot_metadata"], True
            if is_renewed:
                counts.add("logs_renewed")

        await self._scan.each_written(
            counts,
            self._heads,
            "metadata.updated_at",
            until,
            renew_head,
            group=_id_of,
            watermark=_HEADS,
            filters=(Filter("schema", Operator.EQUAL, 1),),
        )
        await self._scan.each_written(
            counts,
            self._logs,
            "last_visited_at",
            until,
            renew_log,
            group=_id_of,
            watermark=_LOGS,
            select=("snapshot_metadata",),
        )
        reached = [await self._watermarks.read(name) for name in (_HEADS, _LOGS)]
        if all(mark is not None and mark >= end_text for mark in reached):
            await self._watermarks.advance(_DONE, timestamp_text(at))

    async def _renew_head(self, item: Item) -> bool:
        """Returns True if it renewed the head. A lost race needs no retry: the other write has renewed it."""
        try:
            stored = await self._engine.read(SESSIONS, item["id"], item["owner_id"])
            if (new := renewed(stored.item)) is None:
                return False
            await self._engine.replace(SESSIONS, new, stored.etag)
        except (ItemChanged, ItemNotFound):
            return False
        return True


def _id_of(item: Item) -> str:
    return str(item["id"])


def _changed_twin(metadata: Item) -> str | None:
    """Returns the lower-case copy of the title as it has to be. None if it is so, or if the item is damaged."""
    try:
        twin = SnapshotMetadata.model_validate(metadata).title__lower
    except ValidationError:
        return None
    return None if twin == metadata.get("title__lower") else twin
