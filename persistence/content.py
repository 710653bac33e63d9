"""Content: an opaque UTF-8 text that comes back byte for byte, packed for storing.

The hash of exactly the bytes received is its identity. It is packed with our own compressor, at a level
that does not stall the event loop (isal level 2: 0.2 ms for 218 KB, where zlib's level 6 takes 1.7), unless it
comes packed well already.
"""

import hashlib
from dataclasses import dataclass

from isal import igzip, isal_zlib
from zlib_ng import zlib_ng

from persistence.errors import ContentTooLarge, CorruptItem, InvalidMember

CONTENT_MAX_BYTES = 1_572_864
"""1.5 MiB of UTF-8, inclusive."""

PACKED_MAX_BYTES = 2_000_000
"""What one item may weigh: Cosmos DB keeps 2 MB of JSON, and packed bytes travel there as base64."""

_ITEM_OVERHEAD_BYTES = 2_000
"""Room for the other fields of the item that carries the content."""

_WELL_PACKED = 4
"""How many times shorter a client's gzip has to be than its text to be kept: states shrink 5 to 12 times."""

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Of gzip (RFC 1952): deflate, no name, no comment, no extra field; of no time, from an unknown system."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Content ready to store: `payload` is gzip, `hash` the SHA-256 in hex and `size` the bytes of the text."""

    payload: bytes
    hash: str
    size: int


Content = str | bytes | Packed
"""Text, its UTF-8 bytes, or ready to store."""


def pack(content: Content) -> Packed:
    """Raises InvalidMember for what is not UTF-8 and ContentTooLarge for what cannot be kept. About 2 ms a MB."""
    if isinstance(content, Packed):
        return content
    if isinstance(content, bytes):
        _refuse_too_large(content)  # before anything is made of it
    raw = _utf8(content)
    _refuse_too_large(raw)
    return _packed(raw, _compress(raw))


def pack_gzipped(data: bytes) -> Packed:
    """As `pack`, of content that a client sent gzipped. Raises ValueError for what is no gzip. About 1 ms a MB
    where what came is kept: packed well, and under a plain header, which is replaced by our own."""
    raw = _utf8(gunzip(data))
    is_kept = data.startswith(_HEADER[:4]) and len(data) * _WELL_PACKED <= len(raw)
    return _packed(raw, _HEADER + data[len(_HEADER) :] if is_kept else _compress(raw))


def gunzip(data: bytes) -> bytes:
    """What a client sent gzipped. Raises ValueError for what is no gzip, and ContentTooLarge as soon as more
    comes out than can be kept, however much more it would be.

    As strict as zlib, by which browsers unpack: isal takes incomplete Huffman codes, which they refuse.
    """
    try:
        inflate = zlib_ng.decompressobj(wbits=31)
        raw = inflate.decompress(data, CONTENT_MAX_BYTES + 1)
    except zlib_ng.error as exc:  # type: ignore[misc]  # a class; the stub declares an instance
        raise ValueError("not gzip") from exc
    if len(raw) > CONTENT_MAX_BYTES:
        raise ContentTooLarge("content", None, CONTENT_MAX_BYTES)
    if not inflate.eof or inflate.unused_data:
        raise ValueError("not one whole gzip member")
    return raw


def unpack(payload: bytes, size: int, id: str) -> bytes:
    """The content's bytes. Raises CorruptItem where they are not `size` bytes of sound gzip; never makes more."""
    if not 0 <= size <= CONTENT_MAX_BYTES:
        raise CorruptItem("content", id)
    try:
        inflate = isal_zlib.decompressobj(wbits=31)
        raw = inflate.decompress(payload, size + 1)
        if inflate.eof and len(raw) == size and not inflate.unused_data:
            return raw
        raise CorruptItem("content", id)
    except isal_zlib.error as exc:  # type: ignore[misc]  # a class; the stub declares an instance
        raise CorruptItem("content", id) from exc


def _refuse_too_large(raw: bytes) -> None:
    if len(raw) > CONTENT_MAX_BYTES:
        raise ContentTooLarge("content", len(raw), CONTENT_MAX_BYTES)


def _packed(raw: bytes, payload: bytes) -> Packed:
    packed_size = _base64_size(payload) + _ITEM_OVERHEAD_BYTES
    if packed_size > PACKED_MAX_BYTES:
        raise ContentTooLarge("packed content", packed_size, PACKED_MAX_BYTES)
    return Packed(payload, hashlib.sha256(raw).hexdigest(), len(raw))


def _compress(raw: bytes) -> bytes:
    # mtime 0: the same content packs to the same bytes.
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
