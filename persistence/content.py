"""Content: an opaque UTF-8 text that is returned byte for byte, gzipped in storage.

Its identity is the SHA-256 of exactly the bytes received. Our own gzip is isal at level 2, which hardly delays
the event loop: 0.2 ms for a state of 218 KB, where zlib's fastest level needs 1.1 ms for 7% more bytes. A client's
gzip is kept if it is small enough.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple, Self

from isal import igzip, isal_zlib
from zlib_ng import zlib_ng

from persistence.errors import ContentTooLarge, CorruptItem, InvalidMember

CONTENT_MAX_BYTES = 1_572_864
"""1.5 MiB of UTF-8, inclusive."""

PACKED_MAX_BYTES = 2_000_000
"""The largest item. Cosmos DB keeps 2 MB of JSON, in which packed bytes are base64."""

_ITEM_OVERHEAD_BYTES = 2_000
"""Room for the other fields of the item that carries the content."""

_WELL_PACKED = 4
"""A client's gzip is kept if the text is at least this many times longer. States shrink 5 to 12 times."""

_MEMBERS_MAX = 1_000
"""The most gzip members in one body. Tools that cut what they compress make one for each 64 KB or more."""

_SLICE_BYTES = 64 * 1024

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""A gzip header (RFC 1952): deflate, no optional fields, no time, unknown system."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Content ready to store: `payload` is gzip, `hash` the SHA-256 in hex, `size` the bytes of the text."""

    payload: bytes
    hash: str
    size: int


@dataclass(eq=False, slots=True)
class Verified:
    """Content from a store, as `packed` and as `text`. Its text has the size and the hash that were stored.

    Without `known_text` it was verified before, and is unpacked when its text is needed.
    """

    packed: Packed
    known_text: bytes | None = None

    @classmethod
    def of(cls, packed: Packed, id: str) -> Self:
        """Raises CorruptItem as `unpack`."""
        return cls(packed, unpack(packed, id))

    @property
    def text(self) -> bytes:
        """The content in UTF-8."""
        if self.known_text is None:
            self.known_text = isal_zlib.decompress(self.packed.payload, wbits=31, bufsize=self.packed.size + 1)
        return self.known_text


def pack(content: str | bytes) -> Packed:
    """Raises InvalidMember if the bytes are not UTF-8, and ContentTooLarge. About 2 ms per MB."""
    if isinstance(content, bytes):
        check_size(content)  # before the work of decoding it
    raw = _utf8(content)
    check_size(raw)
    return _packed(raw, _compress(raw))


def pack_gzipped(data: bytes) -> Packed:
    """As `pack`, for content that a client sent gzipped. Raises ValueError if it is not gzip.

    Keeps the client's compressed data under our own header, if it is one small member without optional header
    fields: browsers read only one. About 1 ms per MB of text; 2 ms if it is packed again.
    """
    inflated = inflate(data, CONTENT_MAX_BYTES)
    if inflated is None:
        raise ContentTooLarge("content", None, CONTENT_MAX_BYTES)
    raw = _utf8(inflated.text)
    is_small = len(data) * _WELL_PACKED <= len(raw)
    is_kept = inflated.members == 1 and is_small and data.startswith(_HEADER[:4])
    return _packed(raw, _HEADER + data[len(_HEADER) :] if is_kept else _compress(raw))


class Inflated(NamedTuple):
    """A text that came gzipped, and the number of gzip members that it came in."""

    text: bytes
    members: int


def inflate(data: bytes, limit: int) -> Inflated | None:
    """Unpacks what a client sent: gzip members, one after the other (RFC 1952), at most 1,000.

    Raises ValueError if it is anything else. Stops as soon as the text is longer than `limit`, and returns None.
    As strict as zlib, with which browsers unpack: isal accepts incomplete Huffman codes, which they refuse. The
    standard library's zlib is as strict, and makes a gzipped save of a large state cost a quarter more.
    """
    texts, size, rest = list[bytes](), 0, memoryview(data)
    for members in range(1, _MEMBERS_MAX + 1):
        text, rest = _member(rest, limit - size, len(data) if members == 1 else _SLICE_BYTES)
        texts.append(text)
        size += len(text)
        if size > limit:
            return None
        if not rest:
            return Inflated(text if members == 1 else b"".join(texts), members)
    raise ValueError("too many gzip members")


def _member(data: memoryview, limit: int, step: int) -> tuple[bytes, memoryview]:
    """Returns the text of the first gzip member, and what follows. Stops at `limit` + 1 bytes of text.

    Reads `step` bytes at a time, because each read copies those that belong to the next member.
    """
    texts, size, end, member = list[bytes](), 0, 0, zlib_ng.decompressobj(wbits=31)
    while not member.eof and end < len(data) and size <= limit:
        start, end = end, min(len(data), end + step)
        try:
            texts.append(member.decompress(data[start:end], limit + 1 - size))
        except zlib_ng.error as exc:  # type: ignore[misc]  # the stub declares the class as an instance
            raise ValueError("not gzip") from exc
        size += len(texts[-1])
    if size <= limit and not member.eof:
        raise ValueError("not whole gzip")
    return texts[0] if len(texts) == 1 else b"".join(texts), data[end - len(member.unused_data) :]


def check_size(raw: bytes) -> None:
    """Raises ContentTooLarge."""
    if len(raw) > CONTENT_MAX_BYTES:
        raise ContentTooLarge("content", len(raw), CONTENT_MAX_BYTES)


def unpack(packed: Packed, id: str) -> bytes:
    """Returns the content's bytes. Raises CorruptItem if they do not have the size and the hash of `packed`.

    Never unpacks more than `size` + 1 bytes. As strict as `inflate`: browsers can unpack what this accepts. About
    1 ms per MB.
    """
    if not 0 <= packed.size <= CONTENT_MAX_BYTES:
        raise CorruptItem("content", id)
    try:
        member = zlib_ng.decompressobj(wbits=31)
        raw = member.decompress(packed.payload, packed.size + 1)
    except zlib_ng.error:  # type: ignore[misc]  # the stub declares the class as an instance
        raise CorruptItem("content", id) from None
    is_whole = member.eof and len(raw) == packed.size and not member.unused_data
    if not is_whole or _sha256(raw) != packed.hash:
        raise CorruptItem("content", id)
    return raw


def _packed(raw: bytes, payload: bytes) -> Packed:
    packed_size = _base64_size(payload) + _ITEM_OVERHEAD_BYTES
    if packed_size > PACKED_MAX_BYTES:
        raise ContentTooLarge("packed content", packed_size, PACKED_MAX_BYTES)
    return Packed(payload, _sha256(raw), len(raw))


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _compress(raw: bytes) -> bytes:
    # mtime 0, so that the same content packs to the same bytes.
    return igzip.compress(raw, 2, mtime=0)


def _utf8(content: str | bytes) -> bytes:
    try:
        if isinstance(content, str):
            return content.encode("utf-8")
        if not content.isascii():
            content.decode("utf-8")
        return content
    except UnicodeError as exc:
        raise InvalidMember("content", "is not valid UTF-8") from exc


def _base64_size(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4
