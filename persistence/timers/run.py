"""One run of a timer: the steps of all kinds for it, one after the other."""

from collections.abc import Sequence

from persistence.documents import now
from persistence.kind import Counts, Kind, TimerName
from persistence.storage.engine import Engine
from persistence.timers.daily import DAILY, DailyRuns


class Timers:
    """Runs timers by name. Two runs at the same time do no harm: some work is done twice."""

    def __init__(self, kinds: Sequence[Kind], engine: Engine) -> None:
        self._kinds, self._daily = kinds, DailyRuns(engine)

    async def run(self, name: TimerName) -> Counts:
        """Returns what all steps of the timer did. Raises what the store raises; the next run continues.

        The daily timer takes no step if `DailyRuns` refuses the run.
        """
        steps = [step for kind in self._kinds for step in kind.timer_steps.get(name, ())]
        counts = Counts(name for step in steps for name in step.counts)
        if name == DAILY and not await self._daily.may_delete():
            return counts
        at = now()
        for step in steps:
            await step.run(at, counts)
        return counts
