"""Timers: each is one idempotent call and one log line with counts. What fails rises, so that the host sees it."""

import logging
import time

import azure.functions as func

from persistence.cleanup import Cleanup
from persistence.engines.charge import metered

_log = logging.getLogger("savepoint.timers")


def blueprint(cleanup: Cleanup, cleanup_schedule: str) -> func.Blueprint:
    """The timers, each on its schedule: six-field NCRONTAB, seconds first, UTC."""
    timers = func.Blueprint()  # type: ignore[no-untyped-call]  # the library leaves it without types

    @timers.timer_trigger(arg_name="timer", schedule=cleanup_schedule, run_on_startup=False)
    async def mark_deleted_snapshot_logs(timer: func.TimerRequest) -> None:
        started = time.perf_counter()
        with metered() as charge:
            counts = await cleanup.run()
        seconds = time.perf_counter() - started
        _log.info("mark_deleted_snapshot_logs: %s in %.1f s for %.1f RU", counts, seconds, charge.request_units)

    return timers
