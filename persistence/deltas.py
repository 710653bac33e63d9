"""Deltas: a content as copies from another content and new text. A large state changes in less than a kilobyte.

The format is that of Fossil SCM (https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki):

    SIZE \\n  COMMAND ...  CHECKSUM ;

    COUNT@OFFSET,   copies bytes of the base
    COUNT:TEXT      inserts bytes

Numbers are in base 64. The checksum is the sum of the result's big-endian 32-bit words. It does not notice words
that changed places.
"""

import re

from persistence.errors import ContentTooLarge, DeltaRule, DeltaTooLarge, InvalidDelta

DELTA_MAX_BYTES = 512 * 1024
COMMANDS_MAX = 100_000

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_NUMBER_MAX_DIGITS = 6
_HUGE = 1 << 36
"""More than six digits can say. Larger numbers count as this one, because it exceeds every limit."""

_HEADER = re.compile(rb"([0-9A-Z_a-z~]++)\n")
_COMMAND = re.compile(rb"([0-9A-Z_a-z~]++)(?:@([0-9A-Z_a-z~]++),|([:;]))")


def apply(delta: bytes, base: bytes, limit: int, *, has_digest: bool = False) -> bytes:
    """Returns the content that a delta makes of a base.

    `has_digest` says that the caller compares a SHA-256 of the content. That proves more than the checksum, which
    takes several times as long as all the rest: then it is not compared.
    Raises InvalidDelta; DeltaTooLarge; ContentTooLarge if the delta declares more than `limit` bytes, before
    anything is built. A tenth of a second for 100,000 commands.
    """
    if len(delta) > DELTA_MAX_BYTES:
        raise DeltaTooLarge("bytes", DELTA_MAX_BYTES)
    size, start = _declared(delta)
    if size > limit:
        raise ContentTooLarge("content", size if size < _HUGE else None, limit)
    pieces, checksum = _pieces(delta, start, base, size)
    result = b"".join(pieces)
    if len(result) != size:
        raise InvalidDelta(DeltaRule.SIZE, "makes a content of another size than it declares")
    if not has_digest and checksum_of(result) != checksum:
        raise InvalidDelta(DeltaRule.CHECKSUM, "makes a content with another checksum than it has")
    return result


def declared_size(delta: bytes) -> int:
    """Returns the size of the content that a delta makes, in bytes. Raises InvalidDelta."""
    return _declared(delta)[0]


def checksum_of(content: bytes) -> int:
    """Returns the sum of the big-endian 32-bit words, the last one filled up with zeros, in 32 bits."""
    # Column by column: the sum of bytes makes no large numbers.
    return sum(sum(content[column::4]) << 24 - 8 * column for column in range(4)) & 0xFFFFFFFF


def _declared(delta: bytes) -> tuple[int, int]:
    """Returns the size, and where the commands begin."""
    if (header := _HEADER.match(delta)) is None:
        raise InvalidDelta(DeltaRule.WELL_FORMED, "does not begin with a size")
    return _number(header[1]), header.end()


def _pieces(delta: bytes, start: int, base: bytes, size: int) -> tuple[list[memoryview], int]:
    """Returns the parts of the result, together at most `size` long, and the checksum. Copies nothing."""
    source, text = memoryview(base), memoryview(delta)
    pieces: list[memoryview] = []
    position, left = start, size
    for _ in range(COMMANDS_MAX):
        if (command := _COMMAND.match(delta, position)) is None:
            raise InvalidDelta(DeltaRule.WELL_FORMED, f"has no command at byte {position:,}")
        count, offset, sign = command.groups()
        number, position = _number(count), command.end()
        if sign == b";":
            if position != len(delta):
                raise InvalidDelta(DeltaRule.WELL_FORMED, "goes on after its checksum")
            return pieces, number
        if offset is not None:
            begin = _number(offset)
            if begin + number > len(base):
                raise InvalidDelta(DeltaRule.WITHIN_BASE, "copies from outside the content that it was made from")
            piece = source[begin : begin + number]
        else:
            piece = text[position : position + number]
            if len(piece) != number:
                raise InvalidDelta(DeltaRule.WELL_FORMED, "ends within a text")
            position += number
        left -= number
        if left < 0:
            raise InvalidDelta(DeltaRule.SIZE, "makes a content of another size than it declares")
        pieces.append(piece)
    raise DeltaTooLarge("commands", COMMANDS_MAX)


def _number(digits: bytes) -> int:
    if len(digits) > _NUMBER_MAX_DIGITS and len(digits := digits.lstrip(b"0")) > _NUMBER_MAX_DIGITS:
        return _HUGE
    number = 0
    for digit in digits:
        number = number << 6 | _VALUES[digit]
    return number
