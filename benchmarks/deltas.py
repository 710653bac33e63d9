"""Deltas of known edits, in the format of Fossil. What browsers make of the same edits is a little longer."""

from collections.abc import Sequence

from persistence.deltas import checksum_of

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"

Command = bytes | tuple[int, int]
"""A text to insert, or the count and the offset of a copy."""


def written(target: bytes, commands: Sequence[Command]) -> bytes:
    """Returns the delta of these commands, which make the target."""
    return b"".join([_number(len(target)), b"\n", *map(_command, commands), _number(checksum_of(target)), b";"])


def _command(command: Command) -> bytes:
    if isinstance(command, bytes):
        return _number(len(command)) + b":" + command
    count, offset = command
    return _number(count) + b"@" + _number(offset) + b","


def _number(value: int) -> bytes:
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits.encode()
