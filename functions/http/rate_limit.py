"""Limits how fast one person may write, and open snapshots, so that nobody guesses ids. Each process counts for
itself."""

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

    def take(self, person: str, tokens: int = 1) -> None:
        """Takes tokens. Raises TooFast, with the seconds until there are enough.

        A full bucket is enough for any number. What it lacks is taken in advance, and must come back first.
        """
        if not self._per_minute or not tokens:
            return
        at, per_second = time.monotonic(), self._per_minute / 60
        left, since = self._buckets.pop(person, (float(self._per_minute), at))
        left = min(self._per_minute, left + (at - since) * per_second)
        missing = min(tokens, self._per_minute) - left
        self._buckets[person] = (left if missing > 0 else left - tokens, at)
        if len(self._buckets) > _PEOPLE_MAX:
            self._buckets.popitem(last=False)
        if missing > 0:
            raise TooFast(missing / per_second)

    def give_back(self, person: str) -> None:
        """Undoes a `take` of one token. Does nothing if the person was forgotten since."""
        if (bucket := self._buckets.get(person)) is not None:
            self._buckets[person] = (bucket[0] + 1, bucket[1])

    @contextmanager
    def taken_by_misses(self, person: str) -> Iterator[None]:
        """Takes one token, and gives it back unless the block finds that the person owns no such snapshot.

        Raises TooFast as `take`, before the block: a guess that is refused must not cost the database anything.
        """
        self.take(person)
        try:
            yield
        except (NotFound, Gone, Forbidden):
            raise
        except BaseException:
            self.give_back(person)
            raise
        self.give_back(person)


class WriteLimit:
    """How many calls that write, and how many bytes of bodies, one person may send in a minute. 0 is no limit."""

    def __init__(self, calls_per_minute: int = 0, bytes_per_minute: int = 0) -> None:
        self._calls, self._bytes = TokenBuckets(calls_per_minute), TokenBuckets(bytes_per_minute)

    def take(self, person: str, size: int) -> None:
        """Takes one call with a body of `size` bytes, as they were sent. Raises TooFast."""
        self._calls.take(person)
        try:
            self._bytes.take(person, size)
        except TooFast:
            self._calls.give_back(person)
            raise
