"""The guard of the daily timer, which deletes by days: it does not trust a clock that may have been set."""

import logging
from datetime import datetime, timedelta
from typing import Literal

from persistence.documents import Document, Timestamp, new_id, now, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemNotFound
from persistence.kind import TimerName
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import Engine
from persistence.timers.watermarks import PARTITION

DAILY: TimerName = "purge_stale_drafts"
GAP_MAX = timedelta(days=2)
SAME_RUN = timedelta(hours=1)
"""How far apart the runs of several processes on one schedule may be."""

_ID = "daily"
_PROCESS = new_id()
_log = logging.getLogger(__name__)


class LastRun(Document):
    """The last run of the daily timer. `refused_by` is the process in which it deleted nothing, if it did not."""

    kind: Literal["last_run"] = "last_run"
    owner_id: str = PARTITION
    ran_at: Timestamp
    refused_by: str | None = None


class DailyRuns:
    """Notes each run, and refuses those that must delete nothing."""

    def __init__(self, engine: Engine, process: str = _PROCESS) -> None:
        self._runs, self._process = DocumentSet(engine, SESSIONS, LastRun), process

    async def may_delete(self) -> bool:
        """Notes that the timer runs now. Returns False if this run must delete nothing: it is the first one, or it
        comes before the last one, or more than two days after. The next run goes on. One read and one write.

        If several processes run the timer at the same time, all of them take what the first one has decided.
        """
        last = await self._find()
        at = now()  # after the read: what another process of this machine has noted is not later
        if last is not None and self._is_of_refused_run(last.document, at):
            return False
        trusted = self._is_trusted(None if last is None else last.document.ran_at, at)
        await self._note(LastRun(id=_ID, ran_at=at, refused_by=None if trusted else self._process), last)
        return trusted

    def _is_of_refused_run(self, last: LastRun, at: datetime) -> bool:
        by_another = last.refused_by not in (None, self._process)
        return by_another and abs(at - last.ran_at) < SAME_RUN

    def _is_trusted(self, last: datetime | None, at: datetime) -> bool:
        if last is None:
            _log.info("The daily timer runs for the first time. It deletes nothing yet: the next run does.")
            return False
        if timedelta() <= at - last <= GAP_MAX:
            return True
        _log.error(
            "The daily timer deletes nothing this time: its last run was at %s, and now it is %s. "
            "The next run deletes again: if the clock is wrong, set it before.",
            timestamp_text(last),
            timestamp_text(at),
        )
        return False

    async def _find(self) -> Versioned[LastRun] | None:
        try:
            return await self._runs.read(_ID, PARTITION)
        except ItemNotFound:
            return None
        except CorruptItem:
            await self._runs.discard(_ID, PARTITION)  # nothing else could repair it
            return None

    async def _note(self, run: LastRun, last: Versioned[LastRun] | None) -> None:
        try:
            if last is None:
                await self._runs.create_once(run)
            else:
                await self._runs.replace(run, last.etag)
        except (ItemChanged, ItemNotFound):
            pass  # another process runs it at the same time, and has decided by the same note
