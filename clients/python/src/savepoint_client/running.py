"""Runs the state machine of one document: events, timers, and what is to be done on the disk and on the net.

The state changes under one lock, which nobody holds while something is read, written, sent or called back.
The work of a lane is done by one thread at a time: that of the saver, or one that waits for the document.
"""

import logging
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_urlsafe

from savepoint_client.agenda import LANES, Agenda, Lane
from savepoint_client.effects import Effects
from savepoint_client.errors import Offline
from savepoint_client.events import Due, Edited, Effect, Event, Failed, Flush, Kept, News, Read, SetTimer, Unread
from savepoint_client.machine import next
from savepoint_client.model import Config, State
from savepoint_client.saver import Saver
from savepoint_client.telling import Listener, Telling, call
from savepoint_client.view import DocumentState, view

log = logging.getLogger("savepoint_client")

_SILENT = (Edited, Kept, Read, Unread, Failed, News)
"""Events that need no text."""

KEEP_SECONDS = 5.0


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
        self._telling = Telling()
        self._renew_locks()
        self._shown = view(initial)
        saver.add(self)
        self._name()
        if initial.config.poll:
            self._agenda.plan(SetTimer("poll", initial.config.poll))
            saver.wake("net")

    def _name(self) -> None:
        """The journal holds the name of the document as open until nobody has it any more."""
        weakref.finalize(self, self.saver.presence.open.discard, self.instance).atexit = False

    def _renew_locks(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._agenda = Agenda()
        self._locks = {lane: threading.Lock() for lane in LANES}
        self._workers = dict[Lane, int]()

    @property
    def state(self) -> State:
        return self._state

    @property
    def shown(self) -> DocumentState:
        return self._shown

    @property
    def can_read(self) -> bool:
        """Whether the app has a function that returns the text."""
        return self._serialize is not None

    def is_of(self, base_url: str, owner: str, id: str | None = None) -> bool:
        found = (self._effects.http.base_url, self._effects.owner, self._state.id)
        return found == (base_url, owner, id or self._state.id)

    def dispatch(self, event: Event) -> None:
        if not isinstance(event, _SILENT):
            self.read()
        self._step(event)

    def read(self) -> None:
        """Reads the text if it was edited. It is read without the lock: an app may hold another one."""
        edits = self._state.edits
        if self._state.snapped >= edits or self._serialize is None:
            return
        try:
            text = self._serialize()
            if not isinstance(text, str):
                raise TypeError(f"serialize returned {type(text).__name__}, not str")
        except Exception as error:
            log.exception("the text could not be read")
            self._step(Unread(f"The text could not be read: {error!r}"))
        else:
            self._step(Read(text, edits))

    def _step(self, event: Event, *, silent: bool = False) -> None:
        with self.changed:
            if not self.is_open:
                return
            state, wanted = next(self._state, event)
            lanes = {lane for effect in wanted if (lane := self._agenda.plan(effect))}
            self._state = state  # last, so that an interrupt leaves the state that its effect is repeated for
            now = view(state)
            if now != self._shown:
                self._shown = now
                if not silent:
                    self._telling.add(now)
            self.saver.hold(self, now.dirty or any(self._agenda.queues.values()))
            self.changed.notify_all()
        for lane in lanes:
            self.saver.wake(lane)
        self._failed(self._telling.tell())

    def due(self, lane: Lane) -> float:
        """When there is work, by the monotonic clock."""
        with self.changed:
            if not self.is_open or self._locks[lane].locked():
                return math.inf
            return self._agenda.due(lane)

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
                try:
                    self._do(found, end - time.monotonic())
                except Exception:
                    raise
                except BaseException:  # Ctrl-C: the next one who works here does it
                    with self.changed:
                        self._agenda.put_back(lane, found)
                    raise
        finally:
            self._workers.pop(lane, None)
            lock.release()
            with self.changed:
                self.saver.hold(self, self._shown.dirty or any(self._agenda.queues.values()))
                self.changed.notify_all()
            if self.due(lane) < math.inf:
                self.saver.wake(lane)
        return did

    def _take(self, lane: Lane) -> Effect | Due | None:
        with self.changed:
            return self._agenda.take(lane) if self.is_open else None

    def _do(self, found: Effect | Due, seconds: float) -> None:
        if isinstance(found, Due):
            self.dispatch(found)
        else:
            self._effects.perform(self, found, seconds)

    def until(self, is_over: Callable[[State], bool], seconds: float, lanes: tuple[Lane, ...] = LANES) -> None:
        """Waits, and does the work meanwhile if nobody else does. Raises Offline if the time is over."""
        if threading.get_ident() in self._workers.values():
            raise RuntimeError("A document cannot be waited for in a function that it calls.")
        end = time.monotonic() + seconds
        while self.is_open and not is_over(self._state):
            if any([self.work(lane, end) for lane in lanes]):
                continue
            with self.changed:
                left = end - time.monotonic()
                if left <= 0:
                    raise Offline(f"It was not done in {seconds:g} s.", self._state.problem)
                if not is_over(self._state) and not self._has_work(lanes):
                    self.changed.wait(min(left, 0.2))

    def _has_work(self, lanes: tuple[Lane, ...]) -> bool:
        return any(self._agenda.queues[lane] and not self._locks[lane].locked() for lane in lanes)

    def is_busy(self, s: State | None = None) -> bool:
        s = s or self._state
        return bool(s.attempt and s.attempt.at < 2) or (s.loading and s.trouble != "offline")

    def is_idle(self) -> bool:
        """Whether nothing waits to be asked or shown."""
        return not self._agenda.queues["net"] and (not self._locks["net"].locked())

    def keep(self) -> None:
        """Returns when the journal has everything, or cannot have it."""
        self._step(Due("journal"))
        self.until(lambda s: s.kept >= s.edits or s.failing or not self._shown.dirty, KEEP_SECONDS, ("disk",))

    def is_written(self) -> bool:
        return not self._agenda.queues["disk"] and not self._locks["disk"].locked()

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
            self.until(lambda _: self.is_written(), 1.0, ("disk",))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        leave = self._telling.subscribe(listener)
        self._failed(call(listener, self._shown))
        return leave

    def _failed(self, found: Iterable[str]) -> None:
        for words in found:
            self._step(Failed(words), silent=True)

    def stop(self) -> None:
        """Lets go without saving."""
        with self.changed:
            self.is_open = False
            self.changed.notify_all()
        self.saver.presence.open.discard(self.instance)
        self.saver.remove(self)

    def after_fork(self) -> None:
        """The parent saves its edits. Those of the child have other keys and another entry."""
        self._renew_locks()
        self._telling.after_fork()
        self.instance = self.saver.presence.new_instance()
        self._name()
        s = self._state
        config: Config = s.config
        edits = s.edits
        self._state = State(
            config, s.id, token_urlsafe(16), kind=s.kind, title=s.title, base=s.base, text=s.text, edits=edits,
            snapped=max(edits, 0), acked=edits, seen=s.seen,
        )  # fmt: skip
        self._shown = view(self._state)
