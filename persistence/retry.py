"""Retries of a compare-and-set, with full jitter."""

import asyncio
import random
from typing import Self

ATTEMPTS = 10
_BASE_SECONDS = 0.02
_MAX_SECONDS = 1.0


class Attempts:
    """Counts attempts in an `async for` loop, from 0 to `limit` - 1.

    Waits before each attempt but the first: a random time below a bound that doubles each time, up to one second.
    The loop is left by `return` as soon as an attempt succeeds. What follows it handles the failure of all.
    """

    # Not a generator: asyncio starts a task to close each one that a loop leaves early.

    def __init__(self, limit: int = ATTEMPTS) -> None:
        self._limit = limit
        self._next = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        attempt = self._next
        if attempt == self._limit:
            raise StopAsyncIteration
        self._next += 1
        if attempt:
            await asyncio.sleep(random.uniform(0, min(_MAX_SECONDS, _BASE_SECONDS * 2**attempt)))
        return attempt
