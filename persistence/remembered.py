"""Values by key that are remembered for a short time."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from datetime import timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEYS_MAX = 10_000


class Remembered(Generic[K, V]):
    """One value per key, until a time after it was set. Has at most `KEYS_MAX` keys: the oldest goes first."""

    def __init__(self, lifetime: timedelta) -> None:
        self._seconds = lifetime.total_seconds()
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def find(self, key: K) -> V | None:
        """Returns the value, or None if there is none any more."""
        until, value = self._values.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def set(self, key: K, value: V) -> None:
        """Remembers a value from now on."""
        self.forget(key)
        self._values[key] = (time.monotonic() + self._seconds, value)
        if len(self._values) > KEYS_MAX:
            self._values.popitem(last=False)

    def update(self, key: K, value: V) -> None:
        """Changes a value that is remembered, without remembering it for longer."""
        if self.find(key) is not None:
            self._values[key] = (self._values[key][0], value)

    def forget(self, key: K) -> None:
        """Forgets the value of a key, if there is one."""
        self._values.pop(key, None)
