"""Deltas of known edits, in the format of Fossil. What browsers make of the same edits is a little longer.

Tests and `make verify-cloud` use it, too. The server reads deltas, and makes none.
"""

from persistence.deltas import checksum_of

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"

Command = bytes | tuple[int, int]
"""A text to insert, or the count and the offset of a copy."""


def delta_of(target: bytes, *commands: Command) -> bytes:
    """Returns a delta of these commands with the size and the checksum of the content that they should make."""
    return written(len(target), *commands, checksum=checksum_of(target))


def written(size: int, *commands: Command, checksum: int = 0) -> bytes:
    """Returns a delta of these commands, whatever they make."""
    return b"".join([number(size), b"\n", *map(_command, commands), number(checksum), b";"])


def number(value: int) -> bytes:
    """Returns a number as the format writes it."""
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits.encode()


def _command(command: Command) -> bytes:
    if isinstance(command, bytes):
        return number(len(command)) + b":" + command
    count, offset = command
    return number(count) + b"@" + number(offset) + b","
