"""What the pages of one process share: a saver, and the pages that are gone and not saved yet."""

import threading
from collections.abc import Callable, Sequence

from savepoint_client.saver import Saver
from savepoint_client.server import Server
from savepoint_client.widgets.choosing import Choice, begin, go_on
from savepoint_client.widgets.core import Core

Who = tuple[str, str, str]
"""The server, the app, and the person: pages of others are never shown."""


class Process:
    """Its methods are called in any thread."""

    def __init__(self, journal_dir: str | None) -> None:
        self.saver = Saver(journal_dir)
        self.left = list[tuple[Who, Core]]()
        self._lock = threading.Lock()

    def visit(
        self,
        who: Who,
        found: tuple[Who, Core] | None,
        server: Callable[[], Server],
        title: str,
        debounce: float,
        pick: Callable[[Sequence[Choice]], str | None],
    ) -> Core:
        """Returns the core of a page that is drawn. `found` is what it had before, maybe of another person."""
        if found and found[0] == who:
            if not self.stay(*found):
                go_on(server(), found[1], title, debounce)
            return found[1]
        by = server()
        core = self.come_back(who, by) or begin(by, title, debounce, pick)
        if found:
            self.leave(*found)
        return core

    def leave(self, who: Who, core: Core) -> None:
        """Saves soon. The page may come back, so nothing is closed."""
        core.on_disconnect()
        with self._lock:
            self.left = [each for each in self.left if each[1] is not core and each[1].document.state.dirty]
            if not core.has_left:
                self.left.append((who, core))

    def come_back(self, who: Who, server: Server) -> Core | None:
        """Returns the newest page of a person that is not saved yet, for another tab."""
        with self._lock:
            found = [each for each in self.left if each[0] == who and each[1].document.state.dirty]
            if not found:
                return None
            self.left.remove(found[-1])
            return found[-1][1].heir(server)

    def stay(self, who: Who, core: Core) -> bool:
        """The page was away for a moment. Returns False if another tab has its document now."""
        with self._lock:
            self.left = [each for each in self.left if each != (who, core)]
            return not core.has_left
