"""Timers: each is one idempotent call and one log line with counts. What fails rises, so that the host sees it."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import azure.functions as func

from persistence.storage.charge import metered
from persistence.timers.cleanup import Cleanup

_log = logging.getLogger("savepoint.timers")


@dataclass(frozen=True, slots=True)
class Schedules:
    """When each timer runs, as NCRONTAB with six fields, seconds first, in UTC."""

    cleanup: str
    purge: str


def blueprint(cleanup: Cleanup, schedules: Schedules) -> func.Blueprint:
    """Returns the timers, each on its schedule."""
    timers = func.Blueprint()  # type: ignore[no-untyped-call]  # the library leaves it without types

    @timers.timer_trigger(arg_name="timer", schedule=schedules.cleanup, run_on_startup=False)
    async def mark_deleted_snapshot_logs(timer: func.TimerRequest) -> None:
        await _run("mark_deleted_snapshot_logs", cleanup.run)

    @timers.timer_trigger(arg_name="timer", schedule=schedules.purge, run_on_startup=False)
    async def purge_stale_drafts(timer: func.TimerRequest) -> None:
        await _run("purge_stale_drafts", cleanup.purge_stale_drafts)

    return timers


async def _run(name: str, work: Callable[[], Awaitable[object]]) -> None:
    started = time.perf_counter()
    with metered() as charge:
        counts = await work()
    seconds = time.perf_counter() - started
    _log.info("%s: %s in %.1f s for %.1f RU", name, counts, seconds, charge.request_units)
