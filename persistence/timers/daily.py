"""The guard of the daily timer, which deletes by days: it does not trust a clock that may have been set."""

import logging
from datetime import datetime, timedelta
from typing import Literal

from persistence.documents import Document, Timestamp, new_id, now, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemNotFound
from persistence.kind import TimerName
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import Engine

DAILY: TimerName = "purge_stale_drafts"
GAP_MAX = timedelta(days=2)
RARE_GAP_MAX = timedelta(days=32)
"""A schedule may be as rare as once a month. Such a gap is trusted if the one before was about as long."""

SAME_RUN = timedelta(hours=1)
"""How far apart the runs of several processes on one schedule may be."""

_ID = "daily"
_PROCESS = new_id()
_log = logging.getLogger(__name__)


class LastRun(Document):
    """The last run of the daily timer. `refused_by` is the process in which it deleted nothing, if it did not.
    `gap_s` is how long after the run before it came. None if that is not known, or no schedule."""

    kind: Literal["last_run"] = "last_run"
    owner_id: str = TIMERS_PARTITION
    ran_at: Timestamp
    refused_by: str | None = None
    gap_s: float | None = None


class DailyRuns:
    """Notes each run, and refuses those that must delete nothing."""

    def __init__(self, engine: Engine, process: str = _PROCESS) -> None:
        self._runs, self._process = DocumentSet(engine, SESSIONS, LastRun), process

    async def may_delete(self) -> bool:
        """Notes that the timer runs now. Returns False if this run must delete nothing. The next run goes on. One
        read and one write.

        That is so for the first run, for one that comes more than an hour before the last one, and for one that
        comes more than two days after it. Rarer runs are trusted if the time before was about as long.

        If several processes run the timer at the same time, all of them take what the first one has decided.
        """
        last = await self._find()
        at = now()  # after the read: what another process of this machine has noted is not later
        if last is not None and self._is_of_refused_run(last.document, at):
            return False
        before = None if last is None else last.document
        trusted = self._is_trusted(before, at)
        refused_by = None if trusted else self._process
        await self._note(LastRun(id=_ID, ran_at=at, refused_by=refused_by, gap_s=_gap(before, at)), last)
        return trusted

    def _is_of_refused_run(self, last: LastRun, at: datetime) -> bool:
        by_another = last.refused_by not in (None, self._process)
        return by_another and abs(at - last.ran_at) < SAME_RUN

    def _is_trusted(self, last: LastRun | None, at: datetime) -> bool:
        if last is None:
            _log.info("The daily timer runs for the first time. It deletes nothing yet: the next run does.")
            return False
        usual = GAP_MAX if last.gap_s is None else max(GAP_MAX, 1.5 * timedelta(seconds=last.gap_s))
        # The clocks of two processes differ a little.
        if -SAME_RUN <= at - last.ran_at <= usual:
            return True
        _log.error(
            "The daily timer deletes nothing this time: its last run was at %s, and now it is %s. "
            "The next run deletes again: if the clock is wrong, set it before.",
            timestamp_text(last.ran_at),
            timestamp_text(at),
        )
        return False

    async def _find(self) -> Versioned[LastRun] | None:
        try:
            return await self._runs.read(_ID, TIMERS_PARTITION)
        except ItemNotFound:
            return None
        except CorruptItem:
            await self._runs.discard(_ID, TIMERS_PARTITION)  # nothing else could repair it
            return None

    async def _note(self, run: LastRun, last: Versioned[LastRun] | None) -> None:
        try:
            if last is None:
                await self._runs.create_once(run)
            else:
                await self._runs.replace(run, last.etag)
        except (ItemChanged, ItemNotFound):
            pass  # another process runs it at the same time, and has decided by the same note


def _gap(last: LastRun | None, at: datetime) -> float | None:
    """Returns the seconds since the last run. None if no schedule is like that."""
    gap = None if last is None else at - last.ran_at
    return gap.total_seconds() if gap is not None and timedelta() < gap <= RARE_GAP_MAX else None
