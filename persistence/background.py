"""Work beside a request: nobody waits for it, and what it cannot finish somebody else puts right later."""

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from typing import Any

TASK_NAME = "beside a request"
"""By which debuggers and tests tell such tasks."""

_log = logging.getLogger(__name__)


class Background:
    """Tasks that were started and go on. What one of them raises is logged: it has to handle itself what it
    foresees."""

    def __init__(self) -> None:
        # The loop keeps only weak references.
        self._tasks: dict[asyncio.Task[None], Hashable] = {}

    def start(self, work: Coroutine[Any, Any, None], about: Hashable = None) -> None:
        """Goes on with `work` while its caller returns."""
        task = asyncio.create_task(work, name=TASK_NAME)
        self._tasks[task] = about
        task.add_done_callback(self._ended)

    async def settle(self, about: Hashable) -> None:
        """Waits for what was started about that until now."""
        await asyncio.gather(*(task for task, of in self._tasks.items() if of == about), return_exceptions=True)

    async def drain(self) -> None:
        """Waits for everything."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (exc := task.exception()) is not None:
            _log.error("Work beside a request failed", exc_info=exc)
