"""Copies of a SQLite file, page by page, that are whole and on disk, or are not there."""

import glob
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[str, int, int | None], None]
"""Is told what is done now, how much of it is done, and how much there is, None if that is not known."""

_STEP_PAGES = 500


def no_progress(what: str, done: int, total: int | None) -> None:
    """For callers without a progress bar."""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yields a file beside `path`, readable by its user only, that takes the name `path` when the block ends.

    It is on disk then. If the block raises, the file is removed. If the process is killed, it stays as
    `<name>.<random>.unfinished`, until the next file of that name is made.
    """
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.unfinished*"):
        left.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".unfinished", dir=path.parent)
    os.close(descriptor)
    unfinished = Path(name)
    try:
        yield unfinished
        flush(unfinished)
        unfinished.replace(path)
    except BaseException:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{name}{suffix}").unlink(missing_ok=True)
        raise
    flush(path.parent)


def copy_to_file(
    source: sqlite3.Connection, path: Path, progress: Progress = no_progress, what: str = "Copying"
) -> None:
    """Copies the committed state to an empty file, which then needs no log beside it. Does not flush it."""
    target = sqlite3.connect(path, isolation_level=None)
    try:
        # Without shared memory, which file systems of networks lack.
        target.execute("PRAGMA locking_mode=EXCLUSIVE")
        copy_pages(source, target, progress, what)
        (mode,) = target.execute("PRAGMA journal_mode=DELETE").fetchone()
        if mode != "delete":
            raise sqlite3.OperationalError(f"{path.name} stays in journal_mode={mode}")
    finally:
        target.close()


def copy_pages(source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress, what: str) -> None:
    """Replaces the target's content by the source's committed state, in one transaction of the target.

    Writers of the source are not delayed. Their log grows until the copy is complete.
    """

    def step(status: int, remaining: int, total: int) -> None:
        progress(what, total - remaining, total)

    # One read transaction. Without it, the copy begins again whenever another process has written.
    source.execute("BEGIN")
    try:
        source.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        source.backup(target, pages=_STEP_PAGES, progress=step)
    finally:
        source.execute("ROLLBACK")


def flush(path: Path) -> None:
    """Returns when a file or the entries of a folder are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
