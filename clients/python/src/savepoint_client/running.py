"""Runs the state machine of one document: events, timers, and what is to be done on the disk and on the net.

The state changes under one lock, which nobody holds while something is read, written, sent or called back.
The work of a lane is done by one thread at a time: that of the saver, or one that waits for the document.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from secrets import token_urlsafe

from savepoint_client.effects import Effects
from savepoint_client.errors import Offline
from savepoint_client.events import (
    Aside,
    Drop,
    Due,
    Edited,
    Effect,
    Event,
    Failed,
    Flush,
    Keep,
    Kept,
    News,
    Read,
    SetTimer,
    Unread,
)
from savepoint_client.machine import next
from savepoint_client.model import Config, State
from savepoint_client.saver import LANES, Lane, Saver
from savepoint_client.view import DocumentState, view

log = logging.getLogger("savepoint_client")

TIMERS: Mapping[str, Lane] = {"journal": "disk", "send": "net", "retry": "net", "poll": "net"}
_SILENT = (Edited, Kept, Read, Unread, Failed, News)
"""Events that need no text."""

KEEP_SECONDS = 5.0

Listener = Callable[[DocumentState], object]


class Running:
    def __init__(
        self, saver: Saver, initial: State, effects: Effects, serialize: Callable[[], str] | None, instance: str
    ) -> None:
        self.saver = saver
        self.instance = instance
        self.is_open = True
        self._effects = effects
        self._serialize = serialize
        self._state = initial
        self._listeners: list[Listener] = []
        self._renew_locks()
        self._shown = view(initial)
        saver.add(self)
        if initial.config.poll:
            self._timers["poll"] = (time.monotonic() + initial.config.poll, 0.0)
            saver.wake("net")

    def _renew_locks(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._timers = dict[str, tuple[float, float]]()
        self._queues: dict[Lane, deque[Effect]] = {lane: deque() for lane in LANES}
        self._locks = {lane: threading.Lock() for lane in LANES}
        self._workers = dict[Lane, int]()
        self._told = deque[DocumentState]()
        self._telling = threading.Lock()

    @property
    def state(self) -> State:
        return self._state

    @property
    def shown(self) -> DocumentState:
        return self._shown

    def is_of(self, base_url: str, owner: str, id: str | None = None) -> bool:
        found = (self._effects.http.base_url, self._effects.owner, self._state.id)
        return found == (base_url, owner, id or self._state.id)

    def dispatch(self, event: Event) -> None:
        if not isinstance(event, _SILENT):
            self.read()
        self._step(event)

    def read(self) -> None:
        """Reads the text if it was edited. It is read without the lock: an app may hold one of its own."""
        edits = self._state.edits
        if self._state.snapped >= edits or self._serialize is None:
            return
        try:
            text = self._serialize()
        except Exception as error:
            log.exception("the text could not be read")
            self._step(Unread(f"The text could not be read: {error!r}"))
        else:
            self._step(Read(text, edits))

    def _step(self, event: Event, *, silent: bool = False) -> None:
        with self.changed:
            if not self.is_open:
                return
            self._state, wanted = next(self._state, event)
            lanes = {lane for effect in wanted if (lane := self._plan(effect))}
            now = view(self._state)
            if now != self._shown:
                self._shown = now
                if not silent:
                    self._told.append(now)
            self.saver.hold(self, now.dirty or any(self._queues.values()))
            self.changed.notify_all()
        for lane in lanes:
            self.saver.wake(lane)
        self._tell()

    def _plan(self, effect: Effect) -> Lane | None:
        """Queues an effect, or sets a timer. Returns the lane that has something sooner than before."""
        if not isinstance(effect, SetTimer):
            lane: Lane = "disk" if isinstance(effect, Keep | Drop | Aside) else "net"
            if effect != Keep() or Keep() not in self._queues[lane]:
                self._queues[lane].append(effect)
            return lane
        before = self._timers.pop(effect.timer, None)
        if not effect.seconds:
            return None
        now = time.monotonic()
        since = before[1] if before and effect.most < math.inf else now
        due = min(now + effect.seconds, since + effect.most)
        self._timers[effect.timer] = (due, since)
        return TIMERS[effect.timer] if before is None or due < before[0] else None

    def due(self, lane: Lane) -> float:
        """When there is work, by the monotonic clock."""
        with self.changed:
            if not self.is_open or self._locks[lane].locked():
                return math.inf
            if self._queues[lane]:
                return 0.0
            return min((due for name, (due, _) in self._timers.items() if TIMERS[name] == lane), default=math.inf)

    def work(self, lane: Lane, end: float = math.inf) -> bool:
        """Does what is due, unless another thread does it. Returns whether there was anything."""
        lock = self._locks[lane]
        if not lock.acquire(blocking=False):
            return False
        self._workers[lane] = threading.get_ident()
        did = False
        try:
            while time.monotonic() < end and (found := self._take(lane)):
                did = True
                if isinstance(found, Due):
                    self.dispatch(found)
                else:
                    self._effects.perform(self, found, end - time.monotonic())
        finally:
            self._workers.pop(lane, None)
            lock.release()
            with self.changed:
                self.saver.hold(self, self._shown.dirty or any(self._queues.values()))
                self.changed.notify_all()
        if self.due(lane) < math.inf:
            self.saver.wake(lane)
        return did

    def _take(self, lane: Lane) -> Effect | Due | None:
        with self.changed:
            if not self.is_open:
                return None
            if self._queues[lane]:
                return self._queues[lane].popleft()
            now = time.monotonic()
            for name, (due, _) in self._timers.items():
                if TIMERS[name] == lane and due <= now:
                    del self._timers[name]
                    return Due(name)  # type: ignore[arg-type]
        return None

    def until(self, is_over: Callable[[State], bool], seconds: float) -> None:
        """Waits, and does the work meanwhile if nobody else does. Raises Offline if the time is over."""
        if threading.get_ident() in self._workers.values():
            raise RuntimeError("A document cannot be waited for in a function that it calls.")
        end = time.monotonic() + seconds
        while self.is_open and not is_over(self._state):
            if any([self.work(lane, end) for lane in LANES]):
                continue
            with self.changed:
                left = end - time.monotonic()
                if left <= 0:
                    raise Offline(f"It was not done in {seconds:g} s.", self._state.problem)
                if not is_over(self._state) and not self._has_work():
                    self.changed.wait(min(left, 0.2))

    def _has_work(self) -> bool:
        return any(self._queues[lane] and not self._locks[lane].locked() for lane in LANES)

    def is_busy(self, s: State | None = None) -> bool:
        s = s or self._state
        return bool(s.attempt and s.attempt.at < 2) or (s.loading and s.trouble != "offline")

    def is_idle(self) -> bool:
        """Whether nothing waits to be asked or shown."""
        return not self._queues["net"] and (not self._locks["net"].locked())

    def keep(self) -> None:
        """Returns when the journal has everything, or cannot have it."""
        self._step(Due("journal"))
        self.until(lambda s: s.kept >= s.edits or s.failing or not self._shown.dirty, KEEP_SECONDS)

    def is_written(self) -> bool:
        return not self._queues["disk"] and not self._locks["disk"].locked()

    def last(self, end: float, *, ending: bool) -> None:
        """Saves as far as there is time, and at least writes the journal. Raises nothing."""

        def is_settled(s: State) -> bool:
            return not self.is_busy(s) and (bool(s.trouble) or not self._shown.dirty)

        with suppress(Exception):
            self.dispatch(Due("journal"))
            self.work("disk")
            self.dispatch(Flush(ending))
            self.until(is_settled, max(0.0, end - time.monotonic()))
        with suppress(Exception):
            self.until(lambda _: self.is_written(), 1.0)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        self._call(listener, self._shown)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def _tell(self) -> None:
        """Tells each state in order. Whoever finds another thread at it leaves the rest to that one."""
        while self._told and self._telling.acquire(blocking=False):
            try:
                while self._told:
                    state = self._told.popleft()
                    for listener in list(self._listeners):
                        self._call(listener, state)
            finally:
                self._telling.release()

    def _call(self, listener: Listener, state: DocumentState) -> None:
        try:
            listener(state)
        except Exception as error:
            log.exception("a subscriber failed")
            self._step(Failed(f"A subscriber failed: {error!r}"), silent=True)

    def stop(self) -> None:
        """Lets go without saving."""
        with self.changed:
            self.is_open = False
            self.changed.notify_all()
        self.saver.presence.open.discard(self.instance)
        self.saver.remove(self)

    def after_fork(self) -> None:
        """The parent saves its edits. Those of the child have keys and an entry of their own."""
        self._renew_locks()
        self.instance = self.saver.presence.new_instance()
        s = self._state
        config: Config = s.config
        edits = s.edits
        self._state = State(
            config, s.id, token_urlsafe(16), kind=s.kind, title=s.title, base=s.base, text=s.text, edits=edits,
            snapped=max(edits, 0), acked=edits, seen=s.seen,
        )  # fmt: skip
        self._shown = view(self._state)
