"""How fast one person may open snapshots: against guessing ids. Each process counts for itself."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from functions.http.problems import TooFast
from persistence.errors import Forbidden, Gone, NotFound

_PEOPLE_MAX = 10_000


class TokenBuckets:
    """A bucket for each person: full at first, refilled evenly, and empty after `per_minute` calls at once.
    0 is no limit. Whoever was away longest is forgotten first, and starts anew with a full bucket."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, person: str) -> None:
        """Takes one token. Raises TooFast where there is none, with the seconds until there is."""
        if not self._per_minute:
            return
        at, per_second = time.monotonic(), self._per_minute / 60
        tokens, since = self._buckets.pop(person, (float(self._per_minute), at))
        tokens = min(self._per_minute, tokens + (at - since) * per_second)
        enough = tokens >= 1
        self._buckets[person] = (tokens - 1 if enough else tokens, at)
        if len(self._buckets) > _PEOPLE_MAX:
            self._buckets.popitem(last=False)
        if not enough:
            raise TooFast((1 - tokens) / per_second)

    @contextmanager
    def taken_by_misses(self, person: str) -> Iterator[None]:
        """Around what only an owner may do: as `take`, for every id that is not one of theirs."""
        try:
            yield
        except (NotFound, Gone, Forbidden):
            self.take(person)
            raise
