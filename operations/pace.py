"""A limit of what a verb asks of a store, so that people who save do not wait for it."""

import asyncio
import math
import time
from argparse import ArgumentTypeError
from collections.abc import Awaitable
from typing import TypeVar

from persistence.storage.around import Around
from persistence.storage.charge import metered
from persistence.storage.engine import Engine

T = TypeVar("T")


def limit(text: str) -> float:
    """Returns a limit that an argument names. Raises ArgumentTypeError if it is none."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (number > 0 and math.isfinite(number)):
        raise ArgumentTypeError("a limit is a number above 0")
    return number


class Paced(Around):
    """Waits before a call until the calls before it are within the limits. None is no limit.

    What a call costs is known when it has ended. So calls at once can exceed the units together, and the next ones
    wait for that.
    """

    def __init__(self, inner: Engine, calls_per_s: float | None = None, units_per_s: float | None = None) -> None:
        super().__init__(inner)
        self._seconds_a_call = 0.0 if calls_per_s is None else 1 / calls_per_s
        self._seconds_a_unit = 0.0 if units_per_s is None else 1 / units_per_s
        self._next_call_at = self._paid_at = 0.0

    async def around(self, call: Awaitable[T]) -> T:
        now = time.monotonic()
        begins_at = max(now, self._next_call_at, self._paid_at)
        self._next_call_at = begins_at + self._seconds_a_call
        try:
            await asyncio.sleep(begins_at - now)
        except asyncio.CancelledError:
            if asyncio.iscoroutine(call):
                call.close()  # else Python warns that it was never awaited
            raise
        with metered() as charge:
            try:
                return await call
            finally:
                self._paid_at = max(time.monotonic(), self._paid_at) + charge.request_units * self._seconds_a_unit
