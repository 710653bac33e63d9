"""Timer triggers: each fires on its schedule, never twice at once."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from azure.functions.timer import TimerRequest

from devhost.host import TimerFunction

# A clock that is set, or a machine that slept, is noticed within this time.
LONGEST_SLEEP = timedelta(seconds=30)
STOP_GRACE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Timers:
    """Runs timers in the event loop in which it was started."""

    def __init__(self, timers: Sequence[TimerFunction]) -> None:
        self._locks = {timer.name: asyncio.Lock() for timer in timers}
        self._timers = timers
        self._schedules: list[asyncio.Task[None]] = []
        self._runs: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Follows every schedule from now on, and fires those that ask to run at start."""
        for timer in self._timers:
            if timer.run_on_startup:
                self.run(timer)
            self._schedules.append(asyncio.create_task(self._follow(timer)))

    def run(self, timer: TimerFunction) -> asyncio.Task[None]:
        """Fires a timer at once, or as soon as a run that is under way has ended. The task never fails."""
        task = asyncio.create_task(self._run(timer))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        return task

    async def stop(self) -> None:
        """Ends the schedules and gives runs that are under way a moment to finish."""
        for schedule in self._schedules:
            schedule.cancel()
        runs = set(self._runs)
        if runs:
            _, late = await asyncio.wait(runs, timeout=STOP_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.gather(*self._schedules, return_exceptions=True)

    async def _follow(self, timer: TimerFunction) -> None:
        moment = datetime.now(UTC)
        while True:
            due = timer.schedule.after(moment)
            await _sleep_until(due)
            await asyncio.wait({self.run(timer)})
            # What fell due during the run is left out. A clock set back does not fire the same moment again.
            moment = max(due, datetime.now(UTC))

    async def _run(self, timer: TimerFunction) -> None:
        async with self._locks[timer.name]:
            try:
                await timer.call(TimerRequest(past_due=False))
            except asyncio.CancelledError:
                log.warning("timer %s was interrupted by the shutdown", timer.name)
                raise
            except Exception:
                log.exception("timer %s failed", timer.name)


async def _sleep_until(moment: datetime) -> None:
    while (left := moment - datetime.now(UTC)) > timedelta():
        await asyncio.sleep(min(left, LONGEST_SLEEP).total_seconds())
