"""Timers: each is one idempotent call and one log line with counts. What fails rises, so that the host sees it."""

import logging
import time
from collections.abc import Awaitable, Callable

import azure.functions as func

from persistence.storage.charge import metered
from persistence.timers.cleanup import Cleanup
from settings import Settings

_log = logging.getLogger("savepoint.timers")


def blueprint(cleanup: Cleanup, settings: Settings) -> func.Blueprint:
    """The timers, each on its schedule: six-field NCRONTAB, seconds first, UTC."""
    timers = func.Blueprint()  # type: ignore[no-untyped-call]  # the library leaves it without types

    @timers.timer_trigger(arg_name="timer", schedule=settings.cleanup_schedule, run_on_startup=False)
    async def mark_deleted_snapshot_logs(timer: func.TimerRequest) -> None:
        await _run("mark_deleted_snapshot_logs", cleanup.run)

    @timers.timer_trigger(arg_name="timer", schedule=settings.purge_schedule, run_on_startup=False)
    async def purge_stale_drafts(timer: func.TimerRequest) -> None:
        await _run("purge_stale_drafts", cleanup.purge_stale_drafts)

    return timers


async def _run(name: str, work: Callable[[], Awaitable[object]]) -> None:
    started = time.perf_counter()
    with metered() as charge:
        counts = await work()
    seconds = time.perf_counter() - started
    _log.info("%s: %s in %.1f s for %.1f RU", name, counts, seconds, charge.request_units)
