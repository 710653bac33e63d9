"""Builds the browser module from its sources."""

import os
import subprocess
from pathlib import Path

import pytest

from functions.client import FOLDER as BUILT
from tests.support.node import NODE

SOURCE = Path(__file__).resolve().parents[2] / "clients" / "browser"

needs_node = pytest.mark.skipif(
    (NODE is None or not (SOURCE / "node_modules").is_dir()) and os.environ.get("CI") != "true",
    reason="the tools of the browser module are not installed: run `make setup`",
)


def node(*arguments: str | Path, cwd: Path = SOURCE, seconds: float = 100) -> str:
    """Returns the output of Node. Raises AssertionError with it if Node fails."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build() -> Path:
    """Returns the folder of the files that the server serves, built from the sources as they are now."""
    node("build.mjs")
    return BUILT
