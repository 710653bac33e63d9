"""Background work: no request waits for it. What it cannot finish, a timer finishes later."""

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from contextlib import suppress
from typing import Any

from opentelemetry import metrics

from persistence.faults import traced

TASK_NAME = "background"
"""The name of every task, for debuggers and tests."""

_log = logging.getLogger(__name__)
_lost = metrics.get_meter("savepoint").create_counter(
    "savepoint.background.lost", unit="{task}", description="Background work that was given up, by kind."
)


def count_lost(kind: str, number: int = 1) -> None:
    """Counts background work that was given up."""
    _lost.add(number, {"kind": kind})


class Background:
    """Tasks that continue after their caller has returned. Tasks handle the errors that they expect; others are
    logged."""

    def __init__(self) -> None:
        # The event loop keeps only weak references.
        self._tasks: dict[asyncio.Task[None], Hashable] = {}
        self._draining = 0
        self._pauses: set[asyncio.Event] = set()

    def start(self, work: Coroutine[Any, Any, None], about: Hashable = None) -> None:
        """Starts a task. `about` is a key by which `settle` finds it."""
        task = asyncio.create_task(work, name=TASK_NAME)
        self._tasks[task] = about
        task.add_done_callback(self._ended)

    @property
    def is_draining(self) -> bool:
        """True while someone waits for all tasks, as at the end of the process."""
        return self._draining > 0

    async def pause(self, seconds: float, end: asyncio.Event) -> None:
        """Waits within a task until `end` is set, at most for so long. Not at all while the tasks are drained."""
        if self._draining:
            return
        self._pauses.add(end)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await end.wait()
        finally:
            self._pauses.discard(end)

    async def settle(self, about: Hashable) -> None:
        """Waits for the tasks that were started with this key until now."""
        await _ends({task for task, of in self._tasks.items() if of == about})

    async def drain(self) -> None:
        """Waits for all tasks, including those that start meanwhile."""
        self._draining += 1
        for end in self._pauses:
            end.set()
        try:
            while self._tasks:
                await _ends(set(self._tasks))
        finally:
            self._draining -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (exc := task.exception()) is not None:
            count_lost("task")
            _log.error("Background work failed: %s", traced(exc))


async def _ends(tasks: set[asyncio.Task[None]]) -> None:
    """Waits for tasks. Unlike `asyncio.gather`, does not cancel them if the waiting request is cancelled."""
    if tasks:
        await asyncio.wait(tasks)
