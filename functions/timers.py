"""Timers: each is one idempotent run and one log line with counts. If steps failed, a second line names them, and
the first fault reaches the host."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import azure.functions as func

from functions.timer_metrics import count_run, flush
from persistence.errors import PersistenceError
from persistence.faults import named
from persistence.kind import TimerName
from persistence.storage.charge import metered
from persistence.timers.records import TimerRecords
from persistence.timers.run import Run, Timers
from persistence.timers.schedules import Schedule

_log = logging.getLogger("savepoint.timers")


@dataclass(frozen=True, slots=True)
class Schedules:
    """When the timers run."""

    cleanup: Schedule
    purge: Schedule

    def by_timer(self) -> Mapping[TimerName, Schedule]:
        """Returns the schedule of each timer."""
        return {
            "mark_deleted_snapshot_logs": self.cleanup,
            "sweep_sessions": self.cleanup,
            "purge_stale_drafts": self.purge,
        }


def blueprint(timers: Timers, records: TimerRecords) -> func.Blueprint:
    """Returns the timers, each on its schedule. Each run is recorded."""
    triggers = func.Blueprint()  # type: ignore[no-untyped-call]  # the library has no types
    due = {name: schedule.text for name, schedule in records.schedules.items()}

    @triggers.timer_trigger(arg_name="timer", schedule=due["mark_deleted_snapshot_logs"], run_on_startup=False)
    async def mark_deleted_snapshot_logs(timer: func.TimerRequest) -> None:
        await _run(timers, records, "mark_deleted_snapshot_logs")

    @triggers.timer_trigger(arg_name="timer", schedule=due["sweep_sessions"], run_on_startup=False)
    async def sweep_sessions(timer: func.TimerRequest) -> None:
        await _run(timers, records, "sweep_sessions")

    @triggers.timer_trigger(arg_name="timer", schedule=due["purge_stale_drafts"], run_on_startup=False)
    async def purge_stale_drafts(timer: func.TimerRequest) -> None:
        await _run(timers, records, "purge_stale_drafts")

    return triggers


async def _run(timers: Timers, records: TimerRecords, name: TimerName) -> None:
    """Logs what the run did, how long it took and what it cost, and records it. Raises the first fault."""
    try:
        with metered(("timer", name)) as charge:
            run, seconds = await _attempt(timers, records, name)
            title = f"{name} in part" if run.failed else name
            figures = f"backlog {run.counts.backlog}, {run.figures}"
            _log.info(
                "%s: %s in %.1f s for %.1f RU, %s", title, run.counts, seconds, charge.request_units, figures
            )
            if run.failed:
                _log.error("%s ended with errors, in %s", name, "; ".join(step for step, _ in run.failed))
            await _record(records, name, is_failed=bool(run.failed))
    finally:
        await flush()
    run.raise_first()


async def _attempt(timers: Timers, records: TimerRecords, name: TimerName) -> tuple[Run, float]:
    """Returns what a run did, and its seconds. Counts it, also if it cannot begin."""
    started = time.perf_counter()
    run: Run | None = None
    try:
        run = await timers.attempt(name)
        return run, time.perf_counter() - started
    except PersistenceError:
        await _record(records, name, is_failed=True)
        raise
    finally:
        count_run(name, time.perf_counter() - started, run)


async def _record(records: TimerRecords, name: TimerName, *, is_failed: bool) -> None:
    """A run whose record cannot be written has done its work all the same."""
    try:
        await records.ended(name, "failed" if is_failed else "succeeded")
    except PersistenceError as exc:
        _log.warning("The run of %s is not recorded: %s", name, named(exc))
