"""Limits how fast one person may open snapshots, so that nobody guesses ids. Each process counts for itself."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from functions.http.errors import TooFast
from persistence.errors import Forbidden, Gone, NotFound

_PEOPLE_MAX = 10_000


class TokenBuckets:
    """A token bucket for each person, with `per_minute` tokens. 0 is no limit.

    The buckets of at most 10,000 people are kept. The least recently used goes first; that person starts with a
    full bucket again.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, person: str) -> None:
        """Takes one token. Raises TooFast, with the seconds until the next token, if there is none."""
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
        """Takes one token if the block finds that the person owns no such snapshot. Raises TooFast as `take`."""
        try:
            yield
        except (NotFound, Gone, Forbidden):
            self.take(person)
            raise
