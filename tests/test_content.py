"""Content is returned byte for byte. What is too large is refused, and damage is detected."""

import gzip
import hashlib
import io
import random
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib
from zlib_ng import zlib_ng

from persistence.content import (
    CONTENT_MAX_BYTES,
    PACKED_MAX_BYTES,
    Packed,
    Verified,
    inflate,
    pack,
    pack_gzipped,
    unpack,
)
from persistence.documents import now
from persistence.errors import ContentTooLarge, CorruptItem, InvalidField
from persistence.sessions.documents import SessionContent
from persistence.storage.checks import item_size
from persistence.storage.engine import ITEM_MAX_BYTES, PAYLOAD

SAMPLE = "Some content: naïve, \U0001f600, \0 and \u2028. " * 20


def noise(size: int) -> str:
    """Returns text that hardly compresses, of `size` UTF-8 bytes or one less.

    UTF-8 always has a pattern. But here a compressor that looks at single bytes finds 7.75 bits in each, because
    characters of one and of two bytes are mixed in the proportion that spreads the bytes most evenly.
    """
    drawn = random.Random(1)
    one_byte = drawn.choices((True, False), (745, 255), k=size)
    characters = (chr(drawn.randrange(0x80) if one else drawn.randrange(0x80, 0x800)) for one in one_byte)
    return "".join(characters).encode()[:size].decode(errors="ignore")


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    packed = pack(text)
    assert unpack(packed, "id") == text.encode()
    assert pack(text.encode()) == packed


def test_every_character_of_every_plane_comes_back() -> None:
    everything = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(everything), 300_000):
        text = "".join(everything[start : start + 300_000])
        packed = pack(text)
        assert unpack(packed, "id").decode() == text


def test_the_hash_and_the_size_are_of_the_bytes_received() -> None:
    packed = pack("abc")
    assert packed.hash == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert packed.size == 3
    packed = pack("é\r\n")
    assert (packed.hash, packed.size) == (hashlib.sha256(b"\xc3\xa9\r\n").hexdigest(), 4)


def test_nothing_is_content_too() -> None:
    packed = pack("")
    assert packed.size == 0
    assert unpack(packed, "id") == b""


def test_the_payload_is_gzip_and_always_the_same() -> None:
    assert gzip.decompress(pack(SAMPLE).payload) == SAMPLE.encode()
    assert pack(SAMPLE) == pack(SAMPLE)


@pytest.mark.parametrize("character", ["x", "é", "語", "\U0001f600", '"', "\0"], ids=ascii)
def test_a_mebibyte_and_a_half_fits_and_one_byte_more_does_not(character: str) -> None:
    size = len(character.encode())
    text = character * (CONTENT_MAX_BYTES // size)
    assert CONTENT_MAX_BYTES == 1_572_864 == len(text.encode())
    packed = pack(text)
    assert unpack(packed, "id") == text.encode()
    for content in (text + "x", (text + "x").encode()):
        with pytest.raises(ContentTooLarge) as refused:
            pack(content)
        assert (refused.value.what, refused.value.size, refused.value.limit) == ("content", 1_572_865, 1_572_864)


def test_text_that_does_not_pack_into_an_item_is_refused() -> None:
    text = noise(CONTENT_MAX_BYTES)
    assert CONTENT_MAX_BYTES - 1 <= len(text.encode()) <= CONTENT_MAX_BYTES
    with pytest.raises(ContentTooLarge) as refused:
        pack(text)
    assert (refused.value.what, refused.value.limit) == ("packed content", PACKED_MAX_BYTES)
    assert refused.value.size is not None and refused.value.size > PACKED_MAX_BYTES
    assert (
        str(refused.value)
        == f"The packed content has {refused.value.size:,} bytes; at most 2,000,000 can be kept."
    )


def test_what_packs_fits_into_an_item_whoever_owns_it() -> None:
    text = noise(CONTENT_MAX_BYTES)
    fits, too_much = 0, len(text)
    while too_much - fits > 1:
        middle = (fits + too_much) // 2
        try:
            largest = pack(text[:middle])
            fits = middle
        except ContentTooLarge:
            too_much = middle
    for owner_id in ("\U0010ffff" * 255, '"' * 255, "\\" * 255):
        content = SessionContent(
            id="s" * 12 + "~" + "c" * 12, owner_id=owner_id, session_id="s" * 12, saved_at=now()
        )
        weight = item_size({**content.to_item(), PAYLOAD: largest.payload})
        assert ITEM_MAX_BYTES - 2_000 < weight <= ITEM_MAX_BYTES


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "\ud83d\ude00"], ids=ascii)
def test_lone_surrogates_are_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="content: is not valid UTF-8"):
        pack(text)


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\x80", "é".encode("latin-1")],
    ids=repr,
)
def test_bytes_that_are_not_utf_8_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidField, match="content: is not valid UTF-8"):
        pack(b"before" + raw)


def test_every_truncation_is_corrupt() -> None:
    packed = pack(SAMPLE)
    for length in range(len(packed.payload)):
        with pytest.raises(CorruptItem):
            unpack(replace(packed, payload=packed.payload[:length]), "id")


def test_every_flipped_bit_is_corrupt_or_changes_nothing() -> None:
    packed = pack(SAMPLE)
    corrupt = 0
    for position in range(len(packed.payload)):
        for bit in range(8):
            damaged = bytearray(packed.payload)
            damaged[position] ^= 1 << bit
            try:
                assert unpack(replace(packed, payload=bytes(damaged)), "id") == SAMPLE.encode()
            except CorruptItem:
                corrupt += 1
    # Not in the parts of the header without a meaning for the text, such as the time.
    assert corrupt > (len(packed.payload) - 12) * 8


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x1f\x8b", b"plain text", SAMPLE.encode(), b"\0" * 100, b"PK\x03\x04" + b"\0" * 30],
    ids=["nothing", "magic", "text", "unpacked", "zeros", "zip"],
)
def test_what_is_no_gzip_is_corrupt(payload: bytes) -> None:
    for size in (0, 1, len(payload)):
        with pytest.raises(CorruptItem):
            unpack(Packed(payload, hashlib.sha256(payload).hexdigest(), size), "id")


def test_another_size_than_expected_is_corrupt() -> None:
    packed = pack(SAMPLE)
    for size in (
        0,
        1,
        packed.size - 1,
        packed.size + 1,
        CONTENT_MAX_BYTES,
        CONTENT_MAX_BYTES + 1,
        10**15,
        -1,
        -(10**9),
    ):
        with pytest.raises(CorruptItem) as told:
            unpack(replace(packed, size=size), "abc")
        assert (told.value.kind, told.value.id) == ("content", "abc")


def test_anything_behind_the_gzip_is_corrupt() -> None:
    packed = pack(SAMPLE)
    for more in (b"\0", b"more", packed.payload):
        with pytest.raises(CorruptItem):
            unpack(replace(packed, payload=packed.payload + more), "id")


def test_sound_gzip_of_another_text_is_corrupt() -> None:
    packed = pack(SAMPLE)
    for other in (SAMPLE[::-1], SAMPLE.swapcase()):
        assert pack(other).size == packed.size
        for read in (unpack, Verified.of):
            with pytest.raises(CorruptItem) as told:
                read(replace(packed, payload=pack(other).payload), "abc")
            assert (told.value.kind, told.value.id) == ("content", "abc")


@pytest.mark.parametrize("hash", ["", "0" * 64, pack(SAMPLE).hash.upper(), pack(SAMPLE).hash[:-1]])
def test_another_hash_than_expected_is_corrupt(hash: str) -> None:
    with pytest.raises(CorruptItem):
        unpack(replace(pack(SAMPLE), hash=hash), "id")


def peak_bytes_of(work: Callable[[], object], error: type[Exception]) -> int:
    """Returns the peak of allocated memory until the error was raised."""
    tracemalloc.start()
    try:
        with pytest.raises(error):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return gzip.compress(bytes(50_000_000), 9)


@pytest.mark.parametrize("size", [0, 1000, CONTENT_MAX_BYTES, 10**12, -1])
def test_a_bomb_is_corrupt_and_never_unpacked(bomb: bytes, size: int) -> None:
    assert (
        peak_bytes_of(lambda: unpack(Packed(bomb, "", size), "id"), CorruptItem)
        < 2 * CONTENT_MAX_BYTES + 1_000_000
    )


def test_what_is_too_large_is_refused_before_it_is_decoded() -> None:
    content = b"a" * 50_000_000 + "🙂".encode()
    assert peak_bytes_of(lambda: pack(content), ContentTooLarge) < 1_000_000
    with pytest.raises(ContentTooLarge):
        pack(b"\xff" * (CONTENT_MAX_BYTES + 1))


def gunzip(data: bytes) -> bytes:
    inflated = inflate(data, CONTENT_MAX_BYTES)
    assert inflated is not None
    return inflated.text


def test_a_bomb_from_a_client_is_too_large_and_never_unpacked(bomb: bytes) -> None:
    assert peak_bytes_of(lambda: pack_gzipped(bomb), ContentTooLarge) < 2 * CONTENT_MAX_BYTES + 1_000_000


@pytest.mark.parametrize("size", [0, 1, 1000, CONTENT_MAX_BYTES])
def test_what_a_client_gzipped_is_unpacked(size: int) -> None:
    raw = random.Random(size).randbytes(size)
    for level in (0, 1, 9):
        assert gunzip(gzip.compress(raw, level)) == raw


def test_a_byte_too_many_from_a_client_is_too_large() -> None:
    with pytest.raises(ContentTooLarge) as refused:
        pack_gzipped(gzip.compress(b"x" * (CONTENT_MAX_BYTES + 1)))
    assert (refused.value.what, refused.value.size, refused.value.limit) == ("content", None, CONTENT_MAX_BYTES)


def test_no_gzip_from_a_client_is_a_value_error() -> None:
    whole = gzip.compress(SAMPLE.encode())
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [
        b"text" * 10,
        whole + b"more",
        whole + whole[:-1],
        whole + b"\0",
        whole + whole + b"\0",
        whole[:-8] + bytes(8),
        SAMPLE.encode(),
    ]
    for data in damaged:
        with pytest.raises(ValueError, match="gzip"):
            gunzip(data)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=50), min_size=1, max_size=20), st.sampled_from([0, 1, 9]))
def test_several_members_are_one_text_and_are_stored_as_one_member(texts: list[str], level: int) -> None:
    data = b"".join(gzip.compress(text.encode(), level) for text in texts)
    whole = "".join(texts).encode()
    packed = pack_gzipped(data)
    assert gunzip(data) == whole == unpack(packed, "id")
    member = zlib.decompressobj(31)
    assert member.decompress(packed.payload) == whole and not member.unused_data


def test_large_members_are_one_text() -> None:
    parts = [noise(200_000).encode(), WELL_PACKED.encode(), noise(300_000).encode()]
    data = b"".join(gzip.compress(part, 1) for part in parts)
    assert gunzip(data) == b"".join(parts) == unpack(pack_gzipped(data), "id")


def test_the_limit_is_that_of_all_members_together() -> None:
    half = gzip.compress(b"x" * (CONTENT_MAX_BYTES // 2))
    assert len(gunzip(half + half)) == CONTENT_MAX_BYTES
    for more in (gzip.compress(b"x"), half):
        with pytest.raises(ContentTooLarge):
            pack_gzipped(half + half + more)


def test_members_without_end_are_refused_soon(mocker) -> None:
    empty = gzip.compress(b"")
    assert gunzip(empty * 1_000) == b""
    opened = mocker.spy(zlib_ng, "decompressobj")
    with pytest.raises(ValueError, match="gzip"):
        gunzip(empty * 80_000)
    assert opened.call_count == 1_000


WELL_PACKED = "A state repeats itself: naïve, again and again. " * 100

# Deflate data with an incomplete Huffman code.
LENIENT = bytes.fromhex("05c10101000008c2f0ac083afa2770eb72ea79aaac031d9735cb118f9da8de95b9b30a3045993c")


@settings(max_examples=200, deadline=None)
@given(st.text(), st.integers(1, 100), st.sampled_from([0, 1, 6, 9]))
def test_whatever_comes_gzipped_is_what_would_have_come_without(text: str, times: int, level: int) -> None:
    raw = (text * times).encode()
    packed, plain = pack_gzipped(gzip.compress(raw, level)), pack(raw)
    assert (packed.hash, packed.size) == (plain.hash, plain.size)
    assert unpack(packed, "id") == zlib.decompress(packed.payload, 31) == raw


def test_what_comes_packed_well_is_kept_under_our_own_header() -> None:
    sent = gzip.compress(WELL_PACKED.encode(), 9, mtime=1_700_000_000)
    assert pack_gzipped(sent).payload == pack("").payload[:10] + sent[10:]


@pytest.mark.parametrize("level", [0, 1])
def test_what_comes_packed_badly_is_packed_anew(level: int) -> None:
    text = noise(10_000) if level else WELL_PACKED
    assert pack_gzipped(gzip.compress(text.encode(), level)) == pack(text)


def test_nothing_that_a_client_says_in_the_header_is_kept() -> None:
    file = io.BytesIO()
    with gzip.GzipFile("my secret plan.json", "wb", fileobj=file) as zipped:
        zipped.write(WELL_PACKED.encode())
    assert b"secret" in file.getvalue()
    assert pack_gzipped(file.getvalue()) == pack(WELL_PACKED)


def test_what_only_a_lenient_reader_would_unpack_is_refused() -> None:
    raw = isal_zlib.decompressobj(wbits=-15).decompress(LENIENT)
    assert raw
    trailer = zlib.crc32(raw).to_bytes(4, "little") + len(raw).to_bytes(4, "little")
    member = pack("").payload[:10] + LENIENT + trailer
    assert isal_zlib.decompress(member, wbits=31) == raw
    for reader in (lambda: zlib.decompress(member, 31), lambda: gunzip(member), lambda: pack_gzipped(member)):
        with pytest.raises((zlib.error, ValueError)):
            reader()


@pytest.mark.parametrize("level", [1, 9])
def test_text_that_does_not_pack_into_an_item_is_refused_however_it_comes(level: int) -> None:
    with pytest.raises(ContentTooLarge) as refused:
        pack_gzipped(gzip.compress(noise(CONTENT_MAX_BYTES).encode(), level))
    assert refused.value.what == "packed content"


@pytest.mark.parametrize("what", ["state", "other characters", "repeats"])
def test_what_is_unpacked_although_a_bit_flipped_is_the_same_for_every_reader(what: str) -> None:
    draw = random.Random(4)
    text = {
        "state": "".join(f'{{"id":{draw.randrange(10**6)}}}' for _ in range(60)),
        "other characters": "".join(chr(draw.randrange(0x100, 0x4000)) for _ in range(120)),
        "repeats": "ab" * 900,
    }[what]
    packed, refused = pack(text), 0
    for bit in range(8 * len(packed.payload)):
        damaged = bytearray(packed.payload)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            read = unpack(replace(packed, payload=bytes(damaged)), "one")
        except CorruptItem:
            refused += 1
            continue
        # As strict as browsers are: they would show nothing of what they cannot unpack.
        assert read == text.encode() == zlib.decompress(damaged, 31), bit
    assert refused > 0.5 * 8 * len(packed.payload)
