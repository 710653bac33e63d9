"""The erasure of everything that one person stores."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from persistence.call_time import CallTime
from persistence.kind import Kind

ERASE_ITEMS = 1_000
"""Number of removed items after which a call stops. The same call continues."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one call removed, by the names in `Erase.counts`. `done` is False if the call must be repeated."""

    counts: Mapping[str, int]
    done: bool


async def erase(kinds: Sequence[Kind], owner_id: str) -> Erasure:
    """Removes what a person stores, kind after kind. It is safe to repeat. Stops after ERASE_ITEMS, or if the time
    is over.

    What is written at the same time is removed or stays as a whole.
    """
    erasures = [kind.erase for kind in kinds if kind.erase is not None]
    counts = {name: 0 for each in erasures for name in each.counts}
    items, call_time = 0, CallTime()
    with suppress(TimeoutError):
        async with call_time.limit():
            for each in erasures:
                async with aclosing(each.run(owner_id)) as removed:
                    async for erased in removed:
                        for name in erased.counts:
                            counts[name] += 1
                        if (items := items + erased.items) >= ERASE_ITEMS or call_time.is_over:
                            return Erasure(counts, done=False)
            return Erasure(counts, done=True)
    return Erasure(counts, done=False)
