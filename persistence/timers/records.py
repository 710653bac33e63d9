"""When each timer last succeeded, and which timers are late.

A timer that has died cannot report itself. So each run is recorded, and requests compare the records with the
schedules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from persistence.documents import Document, Timestamp, now, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemNotFound, LateTimer
from persistence.kind import TimerName
from persistence.retry import Attempts
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import Engine
from persistence.timers.schedules import Schedule

GRACE = timedelta(minutes=30)
"""How long after its moment a run may end."""

EARLY = timedelta(minutes=1)
"""How much earlier than its moment a run may end, because the clocks of two machines differ."""

Outcome = Literal["succeeded", "failed"]


class TimerRecord(Document):
    """The schedule of a timer, and the end of its last run that succeeded. None if no run has.

    `since` is when the schedule was first seen. `outcome` is that of the last run.
    """

    kind: Literal["timer"] = "timer"
    owner_id: str = TIMERS_PARTITION
    schedule: str
    since: Timestamp
    ended_at: Timestamp | None = None
    outcome: Outcome | None = None

    @classmethod
    def of(cls, name: TimerName, schedule: Schedule, at: datetime, before: Self | None) -> Self:
        """Returns the record of a timer at a time. A time later than that counts as none: the clock was ahead.

        With another schedule, or without a time that counts, the record begins anew at this time.
        """
        if before is None:
            return cls(id=f"timer-{name}", schedule=schedule.text, since=at)
        is_ahead = before.since > at or (before.ended_at is not None and before.ended_at > at)
        if before.schedule == schedule.text and not is_ahead:
            return before
        ended_at = None if is_ahead else before.ended_at
        return before.model_copy(update={"schedule": schedule.text, "since": at, "ended_at": ended_at})

    def due_at(self, schedule: Schedule) -> datetime:
        """Returns the moment for which a run must have ended."""
        known = self.since if self.ended_at is None else max(self.since, self.ended_at + EARLY)
        return schedule.after(known)


@dataclass(frozen=True, slots=True)
class TimerRecords:
    """The records of all timers with a schedule."""

    engine: Engine
    schedules: Mapping[TimerName, Schedule]

    async def ended(self, name: TimerName, outcome: Outcome) -> None:
        """Records a run that ended now. One read and one write. Ignores that others write at the same time."""
        async for _ in Attempts():
            at = now()
            before = await self._find(name)
            record = TimerRecord.of(name, self.schedules[name], at, None if before is None else before.document)
            ended_at = at if outcome == "succeeded" else record.ended_at
            record = record.model_copy(update={"outcome": outcome, "ended_at": ended_at})
            if await self._write(record, before):
                return

    async def late(self) -> list[LateTimer]:
        """Returns the timers whose next run should have ended GRACE ago. One read of each record.

        Writes the record of a timer whose schedule is new.
        """
        late = []
        for name, schedule in self.schedules.items():
            record = await self._seen(name)
            due = record.due_at(schedule)
            if now() > due + GRACE:
                ended_at = None if record.ended_at is None else timestamp_text(record.ended_at)
                late.append(LateTimer(name, timestamp_text(due), ended_at, record.outcome))
        return late

    async def _seen(self, name: TimerName) -> TimerRecord:
        before = await self._find(name)
        record = TimerRecord.of(name, self.schedules[name], now(), None if before is None else before.document)
        if before is None or record != before.document:
            await self._write(record, before)  # else another process has written as much
        return record

    async def _find(self, name: TimerName) -> Versioned[TimerRecord] | None:
        id = f"timer-{name}"
        try:
            return await self._records.read(id, TIMERS_PARTITION)
        except ItemNotFound:
            return None
        except CorruptItem:
            await self._records.discard(id, TIMERS_PARTITION)  # nothing else could repair it
            return None

    async def _write(self, record: TimerRecord, before: Versioned[TimerRecord] | None) -> bool:
        """Returns False if the stored record has changed since it was read."""
        if before is None:
            return await self._records.create_once(record)
        try:
            await self._records.replace(record, before.etag)
            return True
        except (ItemChanged, ItemNotFound):
            return False

    @property
    def _records(self) -> DocumentSet[TimerRecord]:
        return DocumentSet(self.engine, SESSIONS, TimerRecord)
