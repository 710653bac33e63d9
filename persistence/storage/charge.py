"""The cost of a piece of work, summed over every call that it makes to an engine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import metrics

_spent = metrics.get_meter("savepoint").create_counter(
    "savepoint.store.charge", unit="{RU}", description="Request units, by the route or the timer that spent them."
)


@dataclass(slots=True)
class Charge:
    """Request units and calls so far. `estimated`: the engine has no request units and estimates them by size.

    `spender` names the route or the timer in metrics.
    """

    request_units: float = 0.0
    calls: int = 0
    estimated: bool = False
    spender: Mapping[str, str] = field(default_factory=dict)


_current: ContextVar[Charge | None] = ContextVar("charge", default=None)


@contextmanager
def metered(spender: Mapping[str, str] | None = None) -> Iterator[Charge]:
    """Collects the cost of everything awaited in the block, including tasks that start there.

    Without a spender, it is that of the block around this one.
    """
    around = _current.get()
    charge = Charge(spender=spender or (around.spender if around is not None else {}))
    token = _current.set(charge)
    try:
        yield charge
    finally:
        _current.reset(token)


def add_charge(request_units: float, *, estimated: bool = False) -> None:
    """Adds one call to an engine and its cost."""
    charge = _current.get()
    _spent.add(request_units, {} if charge is None else charge.spender)
    if charge is not None:
        charge.request_units += request_units
        charge.calls += 1
        charge.estimated = charge.estimated or estimated
