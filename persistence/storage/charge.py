"""The cost of a piece of work, summed over every call that it makes to an engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Charge:
    """Request units and calls so far. `estimated`: the engine has no request units and estimates them by size."""

    request_units: float = 0.0
    calls: int = 0
    estimated: bool = False


_current: ContextVar[Charge | None] = ContextVar("charge", default=None)


@contextmanager
def metered() -> Iterator[Charge]:
    """Collects the cost of everything awaited in the block, including tasks that start there."""
    charge = Charge()
    token = _current.set(charge)
    try:
        yield charge
    finally:
        _current.reset(token)


def add_charge(request_units: float, *, estimated: bool = False) -> None:
    """Adds one call to an engine and its cost."""
    charge = _current.get()
    if charge is not None:
        charge.request_units += request_units
        charge.calls += 1
        charge.estimated = charge.estimated or estimated
