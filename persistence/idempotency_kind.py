"""The erasure and the timer step of idempotency records."""

from collections.abc import AsyncGenerator
from datetime import datetime

from persistence.idempotency import RETENTION, IdempotencyRecord
from persistence.kind import Counts, Erase, Erased, Kind, Step
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Query
from persistence.timers.scan import Scan, TimerRules


def idempotency_kind(shared: Shared, rules: TimerRules) -> Kind:
    """Records are neither counted nor exported. They are only removed."""
    chores = IdempotencyChores(shared.engine, rules)
    step = Step(("reservations_forgotten",), chores.forget_old)
    return Kind(erase=Erase(chores.erase), timer_steps={"purge_stale_drafts": [step]})


class IdempotencyChores:
    """A step of the timer `purge_stale_drafts`, and the erasure of a person's records."""

    def __init__(self, engine: Engine, rules: TimerRules) -> None:
        self._engine, self._scan = engine, Scan(engine, rules.items_max)
        self._records = DocumentSet(engine, SESSIONS, IdempotencyRecord)

    async def forget_old(self, at: datetime, counts: Counts) -> None:
        """Removes records after their retention."""

        async def forget(record: Item) -> None:
            await self._records.discard(record["id"], record["owner_id"])
            counts.add("reservations_forgotten")

        await self._scan.each_due(counts, self._records, "reserved_at", at - RETENTION, forget)

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Removes each record of a person."""
        async for page in pages_of(self._engine, SESSIONS, Query(self._records.kind, owner_id, ("id",))):
            for record in page:
                await self._records.discard(record["id"], owner_id)
                yield Erased()
