"""Timers: each is one idempotent run and one log line with counts. If steps failed, a second line names them, and
the first fault reaches the host."""

import logging
import time
from dataclasses import dataclass

import azure.functions as func

from persistence.kind import TimerName
from persistence.storage.charge import metered
from persistence.timers.run import Timers

_log = logging.getLogger("savepoint.timers")


@dataclass(frozen=True, slots=True)
class Schedules:
    """When the timers run, as NCRONTAB with six fields, seconds first, in UTC."""

    cleanup: str
    purge: str


def blueprint(timers: Timers, schedules: Schedules) -> func.Blueprint:
    """Returns the timers, each on its schedule."""
    triggers = func.Blueprint()  # type: ignore[no-untyped-call]  # the library has no types

    @triggers.timer_trigger(arg_name="timer", schedule=schedules.cleanup, run_on_startup=False)
    async def mark_deleted_snapshot_logs(timer: func.TimerRequest) -> None:
        await _run(timers, "mark_deleted_snapshot_logs")

    @triggers.timer_trigger(arg_name="timer", schedule=schedules.cleanup, run_on_startup=False)
    async def sweep_sessions(timer: func.TimerRequest) -> None:
        await _run(timers, "sweep_sessions")

    @triggers.timer_trigger(arg_name="timer", schedule=schedules.purge, run_on_startup=False)
    async def purge_stale_drafts(timer: func.TimerRequest) -> None:
        await _run(timers, "purge_stale_drafts")

    return triggers


async def _run(timers: Timers, name: TimerName) -> None:
    """Logs what the run did, how long it took and what it cost. Raises the first fault."""
    started = time.perf_counter()
    with metered() as charge:
        run = await timers.attempt(name)
    seconds = time.perf_counter() - started
    # The alert of a timer that does not run waits for a line that begins with the name and a colon.
    title = f"{name} in part" if run.failed else name
    # The alert of a backlog reads its number here.
    figures = f"backlog {run.counts.backlog}, {run.figures}"
    _log.info("%s: %s in %.1f s for %.1f RU, %s", title, run.counts, seconds, charge.request_units, figures)
    if run.failed:
        _log.error("%s ended with errors, in %s", name, "; ".join(step for step, _ in run.failed))
    run.raise_first()
