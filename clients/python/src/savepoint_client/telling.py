"""Tells the functions of the app what has become of a document, each state in order."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

from savepoint_client.view import DocumentState

log = logging.getLogger("savepoint_client")

Listener = Callable[[DocumentState], object]


class Telling:
    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self.after_fork()

    def after_fork(self) -> None:
        self._states = deque[DocumentState]()
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def add(self, state: DocumentState) -> None:
        """Queues a state, which `tell` tells."""
        self._states.append(state)

    def tell(self) -> Iterator[str]:
        """Yields what is wrong with each listener that raises. If another thread tells, it does the rest."""
        while self._states and self._lock.acquire(blocking=False):
            try:
                while self._states:
                    state = self._states.popleft()
                    for listener in list(self._listeners):
                        yield from call(listener, state)
            finally:
                self._lock.release()


def call(listener: Listener, state: DocumentState) -> Iterator[str]:
    """Yields what is wrong if the listener raises."""
    try:
        listener(state)
    except Exception as error:
        log.exception("a subscriber failed")
        yield f"A subscriber failed: {error!r}"
