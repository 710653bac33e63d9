"""Timer triggers: each fires on its schedule. Two runs of one timer never overlap."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from azure.functions.timer import TimerRequest

from devhost.host import TimerFunction

# A change of the clock, or a sleep of the machine, is noticed within this time.
LONGEST_SLEEP = timedelta(seconds=5)
SET_BY_MIN = timedelta(minutes=1)
"""A clock that goes back by less is not worth a line: timers then rest for as long."""

STOP_GRACE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Timers:
    """Runs timers in the event loop that calls `start`."""

    def __init__(self, timers: Sequence[TimerFunction]) -> None:
        self._locks = {timer.name: asyncio.Lock() for timer in timers}
        self._timers = timers
        self._schedules: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._runs: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Starts all schedules. Timers with `run_on_startup` fire at once."""
        for timer in self._timers:
            if timer.run_on_startup:
                self.run(timer)
        self._follow_all()
        self._watch = asyncio.create_task(self._watch_the_clock())

    def run(self, timer: TimerFunction) -> asyncio.Task[None]:
        """Fires a timer now, or after its current run. The task never raises: errors of the handler are logged."""
        task = asyncio.create_task(self._run(timer))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        return task

    async def stop(self) -> None:
        """Stops all schedules. Cancels runs that do not finish within STOP_GRACE_SECONDS."""
        followers = [*self._schedules, *([self._watch] if self._watch else [])]
        for follower in followers:
            follower.cancel()
        runs = set(self._runs)
        if runs:
            _, late = await asyncio.wait(runs, timeout=STOP_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.gather(*followers, return_exceptions=True)

    def _follow_all(self) -> None:
        """Computes the next moment of every schedule by the present time. Runs that have started go on."""
        for schedule in self._schedules:
            schedule.cancel()
        self._schedules = [asyncio.create_task(self._follow(timer)) for timer in self._timers]

    async def _watch_the_clock(self) -> None:
        """Starts the schedules anew if the clock is put back: their next moments may be hours away. If it is put
        forward, or if the machine slept, moments have passed, and each timer fires once."""
        before = _clock_ahead_of_running_time()
        while True:
            await asyncio.sleep(LONGEST_SLEEP.total_seconds())
            ahead = _clock_ahead_of_running_time()
            if before - ahead > SET_BY_MIN:
                log.warning("the clock was put back by %s: the timers follow it", before - ahead)
                self._follow_all()
            before = ahead

    async def _follow(self, timer: TimerFunction) -> None:
        moment = datetime.now(UTC)
        while True:
            due = timer.schedule.after(moment)
            await _sleep_until(due)
            await asyncio.wait({self.run(timer)})
            # Moments that passed during the run are skipped. If the clock goes back a little, none fires twice.
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


def _clock_ahead_of_running_time() -> timedelta:
    return timedelta(seconds=round(time.time() - time.monotonic()))
