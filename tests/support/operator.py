"""What an operator types, without `make`."""

import subprocess
import sys
from pathlib import Path

from tests.devhost.server import REPOSITORY


def command(name: str, folder: Path, *file: Path) -> list[str]:
    """The command line of `make backup`, `make restore` or `make compact`."""
    return [sys.executable, "-m", "persistence.storage.sqlite", name, str(folder), *map(str, file)]


def operate(name: str, folder: Path, *file: Path) -> str:
    """Runs it and returns what it says at the end. Raises AssertionError if it fails."""
    done = subprocess.run(command(name, folder, *file), cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(name: str, folder: Path, *file: Path) -> str:
    """Runs it and returns the one line with which it refuses."""
    done = subprocess.run(command(name, folder, *file), cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    return done.stderr
