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
    """Waits before a call until the calls before it are within the limits. None is no limit."""

    def __init__(self, inner: Engine, calls_per_s: float | None = None, units_per_s: float | None = None) -> None:
        super().__init__(inner)
        self._calls_per_s, self._units_per_s = calls_per_s, units_per_s
        self._free_at = 0.0

    async def around(self, call: Awaitable[T]) -> T:
        await asyncio.sleep(self._free_at - time.monotonic())
        try:
            with metered() as charge:
                return await call
        finally:
            takes = 0.0 if self._calls_per_s is None else 1 / self._calls_per_s
            if self._units_per_s is not None:
                takes = max(takes, charge.request_units / self._units_per_s)
            self._free_at = max(time.monotonic(), self._free_at) + takes
