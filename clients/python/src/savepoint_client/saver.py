"""The background threads: one writes the journal, so that a slow server cannot delay it, and one saves.
If a request hangs, another one saves the other documents meanwhile.

They are daemons and start at the first edit. A document can do without them: who waits for it does their work.
"""

import atexit
import logging
import math
import os
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import platformdirs

from savepoint_client.agenda import LANES, Lane
from savepoint_client.http import new_client
from savepoint_client.presence import Presence

if TYPE_CHECKING:
    from savepoint_client.running import Running

AT_EXIT_SECONDS = 5.0
TURNS = 64
_IDLE_SECONDS = 60.0
HANGING_SECONDS = 5.0
STAND_INS = 3
"""Threads that save while requests of other documents hang."""

log = logging.getLogger("savepoint_client")


class Saver:
    """Saves the documents of one or more servers. People may share it: each document has other headers."""

    def __init__(self, journal_dir: str | os.PathLike[str] | None = None) -> None:
        root = Path(journal_dir) if journal_dir else platformdirs.user_data_path("savepoint", appauthor=False)
        self.presence = Presence(root / "journal")
        self.client = new_client()
        self.forked = False
        """True in a child, whose exit may skip everything."""
        self._documents: weakref.WeakSet[Running] = weakref.WeakSet()
        self._unsaved: set[Running] = set()
        self._start()
        _savers.add(self)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._turns = [threading.RLock() for _ in range(TURNS)]
        self._wakes = {lane: threading.Event() for lane in LANES}
        self._threads = dict[Lane, threading.Thread]()
        self._stand_ins = set[threading.Thread]()
        self._asking = dict[threading.Thread, float]()
        """Since when each thread works at one document for the net."""
        self._closed = False

    def add(self, document: "Running") -> None:
        with self._lock:
            self._documents.add(document)

    def remove(self, document: "Running") -> None:
        with self._lock:
            self._documents.discard(document)
            self._unsaved.discard(document)

    def hold(self, document: "Running", unsaved: bool) -> None:
        """Keeps a document that its app has let go of until it is saved."""
        (self._unsaved.add if unsaved else self._unsaved.discard)(document)

    def turn(self, id: str) -> threading.RLock:
        """A lock for those who open a document: the second one must see what the first one took of the journal."""
        return self._turns[hash(id) % TURNS]

    def documents(self) -> list["Running"]:
        """Those that are open."""
        with self._lock:
            return list(self._documents)

    def wake(self, lane: Lane) -> None:
        """Lets a thread look what is due. Starts it, unless the process ends."""
        self._wakes[lane].set()
        if lane not in self._threads and not self._closed:
            with self._lock, suppress(RuntimeError):  # no threads start any more: flush at exit does it
                if lane not in self._threads:
                    name = f"savepoint-{'journal' if lane == 'disk' else 'saver'}"
                    thread = threading.Thread(target=self._run, args=(lane,), name=name, daemon=True)
                    thread.start()
                    self._threads[lane] = thread

    def _run(self, lane: Lane) -> None:
        wake = self._wakes[lane]
        while not self._closed:
            wake.clear()
            self._pass(lane)
            if lane == "disk":
                self._relieve()
            soonest = min((each.due(lane) for each in self.documents()), default=math.inf)
            idle = HANGING_SECONDS if lane == "disk" and self._asking else _IDLE_SECONDS
            wake.wait(max(0.0, min(idle, soonest - time.monotonic())))

    def _pass(self, lane: Lane) -> bool:
        """Does what is due now. Returns whether there was anything."""
        now, thread = time.monotonic(), threading.current_thread()
        due = [each for each in self.documents() if each.due(lane) <= now]
        for document in due:
            if lane == "net":
                self._asking[thread] = time.monotonic()
                self._wakes["disk"].set()
            try:
                document.work(lane)
            except Exception:
                log.exception("a document could not be saved; the others are")
            finally:
                self._asking.pop(thread, None)
        return bool(due)

    def _relieve(self) -> None:
        """Lets another thread save the other documents if a request hangs."""
        now = time.monotonic()
        hanging = [since for since in list(self._asking.values()) if now - since >= HANGING_SECONDS]
        if len(hanging) <= len(self._stand_ins) or len(self._stand_ins) == STAND_INS:
            return
        if any(each.due("net") <= now for each in self.documents()):
            thread = threading.Thread(target=self._stand_in, name="savepoint-stand-in", daemon=True)
            self._stand_ins.add(thread)
            try:
                thread.start()
            except RuntimeError:  # no threads start any more
                self._stand_ins.discard(thread)

    def _stand_in(self) -> None:
        while not self._closed and self._pass("net"):
            pass
        self._stand_ins.discard(threading.current_thread())

    def flush(self, seconds: float = AT_EXIT_SECONDS, *, ending: bool = False) -> None:
        """Saves everything in this thread, as far as there is time. The rest is in the journal."""
        end = time.monotonic() + seconds
        for document in list(self._unsaved):
            document.last(end, ending=ending)

    def close(self) -> None:
        """Ends the threads, and closes the documents. What they have not saved is in the journal."""
        self._closed = True
        for document in self.documents():
            document.stop()
        for wake in self._wakes.values():
            wake.set()
        end = time.monotonic() + AT_EXIT_SECONDS
        for thread in [*self._threads.values(), *self._stand_ins]:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))
        self.client.close()
        self.presence.end()

    def after_fork(self) -> None:
        """The child has no edits that wait, and other locks, connections and names."""
        _inherited.append(self.client)
        self.client = new_client()
        self.forked = True
        self.presence.after_fork()
        documents, self._unsaved = list(self._documents), set()
        self._start()
        for document in documents:
            document.after_fork()
            self._documents.add(document)


_savers = weakref.WeakSet[Saver]()
_inherited: list[httpx2.Client] = []
"""Clients of the parent. They are kept, because to close them would end its connections."""


def _flush_at_exit() -> None:
    end = time.monotonic() + AT_EXIT_SECONDS
    for saver in list(_savers):
        saver.flush(max(0.0, end - time.monotonic()), ending=True)


def _after_fork() -> None:
    for saver in list(_savers):
        saver.after_fork()


atexit.register(_flush_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
