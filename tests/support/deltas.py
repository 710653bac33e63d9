"""Deltas in tests: made by the npm package `fossil-delta`, as browsers make them, or by hand."""

import base64
import json
import subprocess
from functools import cache
from pathlib import Path

from benchmarks.deltas import delta_of
from tests.support.node import NODE

FOLDER = Path(__file__).resolve().parents[1] / "typescript"


def missing_encoder() -> str | None:
    """Returns why there is no encoder, or None."""
    if NODE is None or not (FOLDER / "node_modules" / "fossil-delta").is_dir():
        return "the encoder of deltas is not installed: make setup"
    return None


def delta_between(base: bytes, target: bytes) -> bytes:
    """Returns the delta that the npm encoder makes. One process makes all."""
    line = json.dumps([base64.b64encode(each).decode() for each in (base, target)])
    encoder = _encoder()
    assert encoder.stdin is not None and encoder.stdout is not None
    encoder.stdin.write(f"{line}\n".encode())
    encoder.stdin.flush()
    return base64.b64decode(encoder.stdout.readline())


@cache
def _encoder() -> "subprocess.Popen[bytes]":
    """It ends with this process, which closes its input."""
    assert NODE is not None
    return subprocess.Popen(
        [NODE, "deltas.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True
    )


def inserting(target: bytes) -> bytes:
    """Returns the delta that copies nothing. It fits every base."""
    return delta_of(target, target)
