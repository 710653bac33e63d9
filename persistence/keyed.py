"""Values by key that exist while somebody holds them."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

V = TypeVar("V")


class Keyed(Generic[V]):
    """One value per key, such as a lock. It is made at its first use and dropped when nobody holds it."""

    def __init__(self, make: Callable[[], V]) -> None:
        self._make = make
        self._values: WeakValueDictionary[Hashable, V] = WeakValueDictionary()

    def __getitem__(self, key: Hashable) -> V:
        # A local variable holds the value from here to the caller.
        value = self._values.get(key)
        if value is None:
            value = self._values[key] = self._make()
        return value
