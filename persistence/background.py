"""Background work: no request waits for it. What it cannot finish, a timer finishes later."""

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from typing import Any

from persistence.faults import traced

TASK_NAME = "background"
"""The name of every task, for debuggers and tests."""

_log = logging.getLogger(__name__)


class Background:
    """Tasks that continue after their caller has returned. Tasks handle the errors that they expect; others are
    logged."""

    def __init__(self) -> None:
        # The event loop keeps only weak references.
        self._tasks: dict[asyncio.Task[None], Hashable] = {}

    def start(self, work: Coroutine[Any, Any, None], about: Hashable = None) -> None:
        """Starts a task. `about` is a key by which `settle` finds it."""
        task = asyncio.create_task(work, name=TASK_NAME)
        self._tasks[task] = about
        task.add_done_callback(self._ended)

    async def settle(self, about: Hashable) -> None:
        """Waits for the tasks that were started with this key until now."""
        await asyncio.gather(*(task for task, of in self._tasks.items() if of == about), return_exceptions=True)

    async def drain(self) -> None:
        """Waits for all tasks, including those that start meanwhile."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (exc := task.exception()) is not None:
            _log.error("Background work failed: %s", traced(exc))
