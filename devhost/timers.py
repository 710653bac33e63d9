"""Timer triggers: each fires on its schedule. Two runs of one timer never overlap."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from azure.functions.timer import TimerRequest

from devhost.host import TimerFunction

# A change of the clock, or a sleep of the machine, is noticed within this time.
LONGEST_SLEEP = timedelta(seconds=30)
STOP_GRACE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Timers:
    """Runs timers in the event loop that calls `start`."""

    def __init__(self, timers: Sequence[TimerFunction]) -> None:
        self._locks = {timer.name: asyncio.Lock() for timer in timers}
        self._timers = timers
        self._schedules: list[asyncio.Task[None]] = []
        self._runs: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Starts all schedules. Timers with `run_on_startup` fire at once."""
        for timer in self._timers:
            if timer.run_on_startup:
                self.run(timer)
            self._schedules.append(asyncio.create_task(self._follow(timer)))

    def run(self, timer: TimerFunction) -> asyncio.Task[None]:
        """Fires a timer now, or after its current run. The task never raises: errors of the handler are logged."""
        task = asyncio.create_task(self._run(timer))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        return task

    async def stop(self) -> None:
        """Stops all schedules. Cancels runs that do not finish within STOP_GRACE_SECONDS."""
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
            # Moments that passed during the run are skipped. If the clock is set back, no moment fires twice.
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
