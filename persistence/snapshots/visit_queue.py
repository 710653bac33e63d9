"""Visits that this process has not written yet. They wait in memory, summed for each person and snapshot."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from persistence.background import Background, count_lost
from persistence.documents import now
from persistence.errors import PersistenceError
from persistence.faults import named
from persistence.snapshots.documents import Snapshot
from persistence.snapshots.visits import Visits
from persistence.storage.charge import metered

_log = logging.getLogger(__name__)

GROUP_SECONDS = 1.0
"""The least time from one group of writes to the next, if there is room. The first visit after a quiet second is
written at once."""

WAITING_MAX = 10_000
"""Number of keys from which a visit waits for room, for at most `ROOM_SECONDS`. It is counted in any case."""

ROOM_SECONDS = 1.0

_LOST_FROM = 5 * WAITING_MAX
"""Number of keys from which visits are lost, so that the memory of a process is bounded."""

_CONCURRENCY = 32

_Key = tuple[str, str]
"""A snapshot's id and a visitor's."""


class VisitQueue:
    """Visits that wait, and those that `count` is writing: one call at a time for each person and snapshot."""

    def __init__(self, background: Background, count: Callable[[Visits], Awaitable[None]]) -> None:
        self._background, self._count = background, count
        self._waiting: dict[_Key, Visits] = {}
        self._writing: set[_Key] = set()
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        # One open at a time waits for room, so that a free place wakes one.
        self._turn, self._has_room = asyncio.Lock(), asyncio.Event()
        self._hurry = asyncio.Event()
        self._is_flushing = False
        self._next_group = 0.0
        self._lost = 0

    async def add(self, snapshot: Snapshot, visitor_id: str) -> None:
        """Adds a visit. Waits a little if the queue is full."""
        at, key = now(), (snapshot.id, visitor_id)
        if self._is_full() and key not in self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(ROOM_SECONDS), self._turn:
                    while self._is_full() and key not in self._waiting:
                        await self._has_room.wait()
        if (visits := self._waiting.get(key)) is not None:
            visits.number += 1
            visits.last = max(visits.last, at)
        elif len(self._waiting) < _LOST_FROM:
            self._waiting[key] = Visits(snapshot, visitor_id, at, at)
            if self._is_full():
                self._has_room.clear()
                self._hurry.set()
        else:
            self._lost += 1
        self._flush_soon()

    async def settle(self, visitor_id: str) -> None:
        """Writes the visits of one person that were added until now."""
        # Twice: a visit to a snapshot that is just being counted waits for the end of that.
        for _ in range(2):
            for key in [key for key in self._startable() if key[1] == visitor_id]:
                await self._start(key)
            await self._background.settle(visitor_id)

    def _is_full(self) -> bool:
        return len(self._waiting) >= WAITING_MAX

    def _startable(self) -> list[_Key]:
        return [key for key in self._waiting if key not in self._writing]

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._background.start(self._flush())

    async def _flush(self) -> None:
        """Starts to write all visits, group by group. Ends when none is left but for keys that are being written:
        the end of that starts it again."""
        try:
            while self._startable():
                await self._background.pause(self._next_group - time.monotonic(), self._hurry)
                self._hurry.clear()
                self._next_group = time.monotonic() + GROUP_SECONDS
                for key in self._startable():
                    await self._start(key)
                if self._lost:
                    count_lost("visit", self._lost)
                    _log.error("%d visits were not counted: too many wait to be written", self._lost)
                    self._lost = 0
        finally:
            self._is_flushing = False

    async def _start(self, key: _Key) -> None:
        """Starts to write the visits of a key as soon as there is a slot, unless another call has started it."""
        await self._slots.acquire()
        if key in self._writing or (visits := self._waiting.pop(key, None)) is None:
            self._slots.release()
            return
        if not self._is_full():
            self._has_room.set()
        self._writing.add(key)
        self._background.start(self._write(key, visits), about=key[1])

    async def _write(self, key: _Key, visits: Visits) -> None:
        try:
            with metered() as charge:
                await self._count(visits)
            _log.debug("%d visits were counted for %.2f RU", visits.number, charge.request_units)
        except (PersistenceError, ValueError) as exc:
            # ValueError: the entry is damaged, and no visit can be added to it.
            count_lost("visit", visits.number)
            _log.error("%d visits were not counted, or only in part: %s", visits.number, named(exc))
        finally:
            self._writing.discard(key)
            self._slots.release()
            if key in self._waiting:
                self._flush_soon()
