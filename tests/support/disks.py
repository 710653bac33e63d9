"""A small disk, and others who fill it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1024 * 1024


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mounts a file system of its own on a new folder. Skips the test if this user may not mount any."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=0700,uid={os.getuid()},gid={os.getgid()}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    try:
        subprocess.run([*as_root, *mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"a small disk is a mounted tmpfs, which is not allowed here: {exc}")
    try:
        yield folder
    finally:
        # Lazily, because a failed test may leave files open.
        subprocess.run([*as_root, "umount", "--lazy", str(folder)], check=True)


class Ballast:
    """A file of somebody else on a disk. It takes all room that is left."""

    def __init__(self, disk: Path) -> None:
        self._path = disk / "ballast"

    def fill(self) -> None:
        """Takes everything that is free now."""
        with self._path.open("ab") as file:
            try:
                while True:
                    os.write(file.fileno(), bytes(4096))
            except OSError:
                return

    def remove(self) -> None:
        self._path.unlink()
