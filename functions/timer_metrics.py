"""What is counted of runs of timers. Without an SDK, nothing is. Each run is one measurement."""

import asyncio

from opentelemetry import metrics

from persistence.kind import TimerName
from persistence.timers.run import Run

_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 600)
_ITEMS = (0, 10, 100, 1_000, 10_000, 100_000)
_AGES = (0, 60, 900, 3_600, 14_400, 86_400, 604_800)
_BYTES = (0, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11)
_FLUSH_MS = 5_000


def _histogram(name: str, unit: str, bounds: tuple[float, ...], description: str) -> metrics.Histogram:
    meter = metrics.get_meter("savepoint")
    return meter.create_histogram(
        f"savepoint.timer.{name}", unit, description, explicit_bucket_boundaries_advisory=bounds
    )


_runs = _histogram("duration", "s", _SECONDS, "Time of runs of timers.")
_backlogs = _histogram("backlog", "{item}", _ITEMS, "Due items that a run left to the next one.")
_oldest = _histogram("oldest", "s", _AGES, "Age of the oldest item that a timer must complete.")
_trash = _histogram("trash", "By", _BYTES, "Contents in the trash, at the last daily run.")


def count_run(name: TimerName, seconds: float, run: Run | None) -> None:
    """Counts a run of a timer. None: it could not begin. Unknown figures are left out."""
    timer = {"timer": name}
    succeeded = run is not None and not run.failed
    _runs.record(seconds, {**timer, "outcome": "succeeded" if succeeded else "failed"})
    if run is None:
        return
    _backlogs.record(run.counts.backlog, timer)
    if run.figures.oldest_unsettled_s is not None:
        _oldest.record(run.figures.oldest_unsettled_s, timer)
    if run.figures.trash_bytes is not None:
        _trash.record(run.figures.trash_bytes, timer)


async def flush() -> None:
    """Sends what was counted. For the end of a timer, after which Azure may end the process."""
    force = getattr(metrics.get_meter_provider(), "force_flush", None)
    if force is not None:
        await asyncio.to_thread(force, _FLUSH_MS)
