"""What is to be done for one document: effects in their order, and timers. The caller holds a lock.

Effects and timers are of two lanes, so that a slow server cannot delay the journal.
"""

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Literal

from savepoint_client.events import Aside, Drop, Due, Effect, Keep, SetTimer
from savepoint_client.model import Timer

Lane = Literal["disk", "net"]
LANES: tuple[Lane, Lane] = ("disk", "net")
OF_TIMER: Mapping[Timer, Lane] = {"journal": "disk", "send": "net", "retry": "net", "poll": "net"}


class Agenda:
    def __init__(self) -> None:
        self.queues: dict[Lane, deque[Effect]] = {lane: deque() for lane in LANES}
        self.timers = dict[Timer, tuple[float, float]]()
        """When each is due and when it was started first, by the monotonic clock."""

    def plan(self, effect: Effect) -> Lane | None:
        """Queues an effect, or sets a timer. Returns the lane that has something sooner than before."""
        if not isinstance(effect, SetTimer):
            lane: Lane = "disk" if isinstance(effect, Keep | Drop | Aside) else "net"
            if isinstance(effect, Aside):  # a Keep that waits writes the state of then, without this text
                self.queues[lane].appendleft(effect)
            elif effect != Keep() or Keep() not in self.queues[lane]:
                self.queues[lane].append(effect)
            return lane
        before = self.timers.pop(effect.timer, None)
        if not effect.seconds:
            return None
        now = time.monotonic()
        since = before[1] if before and effect.most < math.inf else now
        due = min(now + effect.seconds, since + effect.most)
        self.timers[effect.timer] = (due, since)
        return OF_TIMER[effect.timer] if before is None or due < before[0] else None

    def due(self, lane: Lane) -> float:
        """When there is work, by the monotonic clock."""
        if self.queues[lane]:
            return 0.0
        return min((due for name, (due, _) in self.timers.items() if OF_TIMER[name] == lane), default=math.inf)

    def take(self, lane: Lane) -> Effect | Due | None:
        """Returns what is due now, if anything, and removes it."""
        if self.queues[lane]:
            return self.queues[lane].popleft()
        now = time.monotonic()
        for name, (due, _) in self.timers.items():
            if OF_TIMER[name] == lane and due <= now:
                del self.timers[name]
                return Due(name)
        return None

    def put_back(self, lane: Lane, found: Effect | Due) -> None:
        """Returns what was taken and not done to its place."""
        if isinstance(found, Due):
            self.timers.setdefault(found.timer, (time.monotonic(), time.monotonic()))
        else:
            self.queues[lane].appendleft(found)
