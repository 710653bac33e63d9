"""One run of a timer: the steps of all kinds for it, one after the other."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace

from persistence.documents import now
from persistence.errors import PersistenceError
from persistence.faults import log_fault, named
from persistence.kind import Counts, Kind, TimerName
from persistence.read_only import Switch
from persistence.storage.engine import Engine
from persistence.timers.daily import DAILY, DailyRuns
from persistence.timers.figures import Figures, Gauge

_log = logging.getLogger(__name__)


class StepFailed(Exception):
    """A step of a timer raised an error that is none of ours. The log has it with a reference."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did, the figures after it, and the names of the steps that failed, each with its fault."""

    name: TimerName
    counts: Counts
    failed: list[tuple[str, Exception]]
    figures: Figures = field(default_factory=Figures)

    def raise_first(self) -> None:
        """Raises the first fault if a step failed, without its cause, which can repeat what an item holds."""
        for step, fault in self.failed:
            raise fault if isinstance(fault, PersistenceError) else StepFailed(f"{step}: {named(fault)}") from None


class Timers:
    """Runs timers by name. Two runs at the same time do no harm: some work is done twice."""

    def __init__(self, kinds: Sequence[Kind], engine: Engine, switch: Switch | None = None) -> None:
        self._kinds, self._engine, self._daily = kinds, engine, DailyRuns(engine)
        self._switch = switch or Switch(engine)
        self._gauge = Gauge(kinds, engine)

    async def run(self, name: TimerName) -> Counts:
        """Returns what all steps of the timer did. Raises the first fault, but after all steps."""
        run = await self.attempt(name)
        run.raise_first()
        return run.counts

    async def attempt(self, name: TimerName) -> Run:
        """Runs each step, also after one that failed. Its fault is logged with a reference.

        Takes no step in read-only mode. The daily timer takes none if `DailyRuns` refuses the run, and raises if
        that cannot be known.
        """
        steps = [step for kind in self._kinds for step in kind.timer_steps.get(name, ())]
        run = Run(name, Counts(name for step in steps for name in step.counts), [])
        is_refused = name == DAILY and not await self._daily.may_delete()
        if is_read_only := await self._switch.is_on():
            _log.info("%s does nothing in read-only mode", name)
        if is_refused or is_read_only:
            steps = []
        at = now()
        for step in steps:
            await _attempt(run, step.name, step.run(at, run.counts))
        # What was deleted or replaced since the last run, also by requests.
        await _attempt(run, "scrub", self._engine.scrub())
        return run if is_refused or is_read_only else replace(run, figures=await self._gauge.measure(name, at))


async def _attempt(run: Run, step: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as exc:
        log_fault(f"A step of {run.name} failed: {step}", exc)
        run.failed.append((step, exc))
