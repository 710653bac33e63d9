"""Counts the calls that a database refused, or did not respond to."""

from collections.abc import Awaitable
from typing import TypeVar

from opentelemetry import metrics

from persistence.errors import EngineError, OwnerFull, StorageExhausted, StoreUnavailable, Throttled
from persistence.storage.around import Around

T = TypeVar("T")

_refused = metrics.get_meter("savepoint").create_counter(
    "savepoint.store.refusals", unit="{call}", description="Calls that the database refused, by reason."
)


def count_contended() -> None:
    """Counts a change that was given up, because other writers were always faster."""
    _refused.add(1, {"reason": "contended"})


class CountedRefusals(Around):
    """An engine whose refusals are counted."""

    async def around(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except EngineError as exc:
            if (reason := _reason(exc)) is not None:
                _refused.add(1, {"reason": reason})
            raise


def _reason(exc: EngineError) -> str | None:
    match exc:
        case Throttled():
            return "throttled"
        case StorageExhausted() | OwnerFull():
            return "storage_full"
        case StoreUnavailable():
            return "unavailable"
    return None
