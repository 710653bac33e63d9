"""Deltas in the format of Fossil: what both texts begin and end with, and the middle as one insert."""

from base64 import b64encode
from hashlib import sha256

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_STEP = 4096


def delta_of(old: bytes, new: bytes) -> bytes:
    """Returns what makes `new` of `old`. The checksum is 0, because the server checks a digest."""
    head = _same(old, new)
    tail = _same_end(old, new, min(len(old), len(new)) - head)
    middle = new[head : len(new) - tail]
    parts = [_number(len(new)), b"\n"]
    if head:
        parts += [_number(head), b"@0,"]
    if middle:
        parts += [_number(len(middle)), b":", middle]
    if tail:
        parts += [_number(tail), b"@", _number(len(old) - tail), b","]
    return b"".join([*parts, b"0;"])


def digest(content: bytes) -> str:
    """Returns the value of a digest header."""
    return f"sha-256=:{b64encode(sha256(content).digest()).decode()}:"


def _number(n: int) -> bytes:
    return (_number(n >> 6) if n >= 64 else b"") + _DIGITS[n & 63 : (n & 63) + 1]


def _same(old: bytes, new: bytes) -> int:
    """Returns how many bytes both begin with. Compares blocks first, because that is done in C."""
    most, at = min(len(old), len(new)), 0
    while at < most and old[at : at + _STEP] == new[at : at + _STEP]:
        at += _STEP
    at = min(at, most)
    while at < most and old[at] == new[at]:
        at += 1
    return at


def _same_end(old: bytes, new: bytes, most: int) -> int:
    at, ends = 0, (len(old), len(new))
    while at + _STEP <= most:
        one, other = (text[end - at - _STEP : end - at] for text, end in zip((old, new), ends, strict=True))
        if one != other:
            break
        at += _STEP
    while at < most and old[-1 - at] == new[-1 - at]:
        at += 1
    return at
