"""Values by key that exist while they are referenced."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

V = TypeVar("V")


class Keyed(Generic[V]):
    """One value per key, such as a lock. It is made at its first use and dropped when nothing references it."""

    def __init__(self, make: Callable[[], V]) -> None:
        self._make = make
        self._values: WeakValueDictionary[Hashable, V] = WeakValueDictionary()

    def __getitem__(self, key: Hashable) -> V:
        # A local variable references the value until the caller does.
        value = self._values.get(key)
        if value is None:
            value = self._values[key] = self._make()
        return value
