"""Deltas in tests: made by the npm package `fossil-delta`, as browsers make them, or by hand."""

import base64
import json
import subprocess
from functools import cache
from pathlib import Path

from persistence.deltas import checksum_of
from tests.support.node import NODE

FOLDER = Path(__file__).resolve().parents[1] / "typescript"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
Command = bytes | tuple[int, int]


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


def number(value: int) -> bytes:
    """Returns a number as the format writes it."""
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits.encode()


def written(size: int, *commands: Command, checksum: int = 0) -> bytes:
    """Returns a delta of these commands: a text to insert, or the count and the offset of a copy."""
    body = b"".join(
        number(len(one)) + b":" + one if isinstance(one, bytes) else number(one[0]) + b"@" + number(one[1]) + b","
        for one in commands
    )
    return number(size) + b"\n" + body + number(checksum) + b";"


def inserting(target: bytes) -> bytes:
    """Returns the delta that copies nothing. It fits every base."""
    return delta_of(target, target)


def delta_of(target: bytes, *commands: Command) -> bytes:
    """Returns a delta of these commands with the size and the checksum of the content that they should make."""
    return written(len(target), *commands, checksum=checksum_of(target))
