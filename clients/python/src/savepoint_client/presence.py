"""Which processes live, so that others know what is left behind: each holds a lock on another file."""

import os
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

try:
    import fcntl
except ImportError:  # then every entry of another process is offered; saving it twice makes one version
    fcntl = None  # type: ignore[assignment]

LOCK_KEPT_SECONDS = 24 * 3600


class Presence:
    """This process, under a random name, because containers repeat the number 1. Nothing here waits for a lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._handle: int | None = None
        self.name = token_urlsafe(9)
        self.open = set[str]()
        """Documents that are open in this process."""
        self._opened = 0

    def new_instance(self) -> str:
        self._opened += 1
        instance = f"{self.name}.{self._opened}"
        self.open.add(instance)
        return instance

    def is_orphan(self, instance: str) -> bool:
        """Whether the document that wrote an entry is closed, or its process is gone. True if nobody knows."""
        process = instance.partition(".")[0]
        if process == self.name:
            return instance not in self.open
        try:
            handle = os.open(self._path(process), os.O_RDWR)
        except OSError:
            return True
        try:
            return _locks(handle)
        finally:
            os.close(handle)

    def show(self) -> None:
        """Holds the lock. Raises OSError if the disk does not work. Old locks of nobody are removed."""
        if self._handle is not None:
            return
        path = self._path(self.name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _locks(handle)
        self._handle = handle
        for other in path.parent.iterdir():
            with suppress(OSError):
                if other.stat().st_mtime < time.time() - LOCK_KEPT_SECONDS and self.is_orphan(other.name):
                    other.unlink()

    def end(self) -> None:
        """Lets the lock go. Nothing may be written afterwards."""
        if self._handle is not None:
            with suppress(OSError):
                self._path(self.name).unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def after_fork(self) -> None:
        """The child is another process. Closing the copy keeps the lock of the parent."""
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None
        self.name = token_urlsafe(9)
        self.open.clear()

    def _path(self, process: str) -> Path:
        return self.root / "alive" / process


def _locks(handle: int) -> bool:
    """Takes a lock without waiting. Returns False if another process holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True
