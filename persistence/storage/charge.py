"""The cost of a piece of work, summed over every call that it makes to an engine."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock

from opentelemetry import metrics

from persistence.storage.readings import before_reading

Spender = tuple[str, str]
"""Whose request units they are in metrics: the name of an attribute, and its value."""


class _Spent:
    """Request units by spender, until metrics are read. A request makes several calls to an engine."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._units = defaultdict[Spender | None, float](float)
        self._counter = metrics.get_meter("savepoint").create_counter(
            "savepoint.store.charge", "{RU}", "Request units, by the route or the timer that spent them."
        )
        before_reading(self._count)

    def add(self, spender: Spender | None, request_units: float) -> None:
        with self._lock:
            self._units[spender] += request_units

    def _count(self) -> None:
        with self._lock:
            units, self._units = self._units, defaultdict(float)
        for spender, request_units in units.items():
            self._counter.add(request_units, dict([spender]) if spender else None)


@dataclass(slots=True)
class Charge:
    """Request units and calls so far. `estimated`: the engine has no request units and estimates them by size."""

    request_units: float = 0.0
    calls: int = 0
    estimated: bool = False
    spender: Spender | None = None


_spent = _Spent()
_current: ContextVar[Charge | None] = ContextVar("charge", default=None)


@contextmanager
def metered(spender: Spender | None = None) -> Iterator[Charge]:
    """Collects the cost of everything awaited in the block, including tasks that start there.

    Without a spender, it is that of the block around this one.
    """
    around = _current.get()
    charge = Charge(spender=spender or (around.spender if around is not None else None))
    token = _current.set(charge)
    try:
        yield charge
    finally:
        _current.reset(token)


def add_charge(request_units: float, *, estimated: bool = False) -> None:
    """Adds one call to an engine and its cost."""
    charge = _current.get()
    _spent.add(None if charge is None else charge.spender, request_units)
    if charge is not None:
        charge.request_units += request_units
        charge.calls += 1
        charge.estimated = charge.estimated or estimated
