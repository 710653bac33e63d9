"""Deltas in the format of Fossil: what the npm encoder makes is applied exactly, and what is wrong is named."""

import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.deltas import number, written
from persistence.deltas import COMMANDS_MAX, DELTA_MAX_BYTES, apply, checksum_of
from persistence.errors import ContentTooLarge, DeltaTooLarge, InvalidDelta
from tests.support.deltas import delta_between, inserting, missing_encoder

LIMIT = 2_000
BASE = b"The quick brown fox jumps over the lazy dog. " * 4
needs_encoder = pytest.mark.skipif(bool(missing_encoder()), reason=missing_encoder() or "")


@needs_encoder
@settings(max_examples=500)
@given(base=st.text(max_size=400), target=st.text(max_size=400))
@example(base="", target="")
@example(base="a" * 16, target="a" * 17)
def test_the_delta_between_two_texts_makes_the_second_of_the_first(base: str, target: str) -> None:
    before, after = base.encode(), target.encode()
    assert apply(delta_between(before, after), before, LIMIT) == after


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A text of repeated pieces, and the text after a few cuts, moves and insertions."""
    pieces = draw(st.lists(st.text(min_size=8, max_size=40), min_size=1, max_size=6))
    base = "".join(draw(st.lists(st.sampled_from(pieces), max_size=30)))
    parts = [base]
    for _ in range(draw(st.integers(0, 6))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(base)), st.integers(0, len(base)))))
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from([base[start:end], draw(st.text())])))
    return base.encode(), "".join(parts).encode()


@needs_encoder
@settings(max_examples=300)
@given(edits())
def test_the_delta_of_edits_makes_the_edited_text(texts: tuple[bytes, bytes]) -> None:
    before, after = texts
    assert apply(delta_between(before, after), before, 1_000_000) == after


@needs_encoder
def test_a_change_of_a_large_text_is_a_small_delta() -> None:
    base = "".join(f"line {line}: {line * 7919}\n" for line in range(40_000)).encode()
    changed = base.replace(b"line 20000:", b"line 20000, changed:").replace(b"line 3:", b"")
    delta = delta_between(base, changed)
    assert len(delta) < 200
    assert apply(delta, base, len(changed)) == changed


@pytest.mark.parametrize(
    ("delta", "rule", "word"),
    [
        (b"", "well_formed", "size"),
        (b"\n0;", "well_formed", "size"),
        (b"3", "well_formed", "size"),
        (b"-3\n", "well_formed", "size"),
        (b"3\n", "well_formed", "byte 2"),
        (b"3\n3:abc", "well_formed", "byte 7"),
        (b"3\n3:ab", "well_formed", "within a text"),
        (b"3\n~~~~~~:abc", "well_formed", "within a text"),
        (b"3\n~~~~~~~~~~~~:abc", "well_formed", "within a text"),
        (b"3\n3@0;", "well_formed", "byte 2"),
        (b"3\n3@,", "well_formed", "byte 2"),
        (b"3\n@0,", "well_formed", "byte 2"),
        (b"3\n:abc", "well_formed", "byte 2"),
        (b"3\n3@0", "well_formed", "byte 2"),
        (b"3\n;", "well_formed", "byte 2"),
        (b"0\n0;0;", "well_formed", "after its checksum"),
        (b"0\n0;\n", "well_formed", "after its checksum"),
        (b"0\r\n0;", "well_formed", "size"),
        (written(4, (4, len(BASE) - 3)), "within_base", "outside"),
        (written(4, (4, 10_000)), "within_base", "outside"),
        (written(LIMIT, (LIMIT, 0)), "within_base", "outside"),
        (b"4\n~~~~~~~~@0,0;", "within_base", "outside"),
        (b"4\n4@~~~~~~~~,0;", "within_base", "outside"),
        (written(3, b"ab", checksum=checksum_of(b"ab")), "size", "size"),
        (written(1, b"ab", checksum=checksum_of(b"ab")), "size", "size"),
        (written(7, (4, 0), (4, 0)), "size", "size"),
        (written(2, b"ab"), "checksum", "checksum"),
        (b"2\n2:ab~~~~~~~~;", "checksum", "checksum"),
    ],
)
def test_the_broken_rule_is_named(delta: bytes, rule: str, word: str) -> None:
    with pytest.raises(InvalidDelta, match=word) as refused:
        apply(delta, BASE, LIMIT)
    assert refused.value.facts == {"rule": rule}


@pytest.mark.parametrize(
    ("delta", "size"), [(written(LIMIT + 1), LIMIT + 1), (b"~~~~~\n", 64**5 - 1), (b"~" * 300_000 + b"\n", None)]
)
def test_a_size_over_the_limit_is_refused_before_anything_is_built(delta: bytes, size: int | None) -> None:
    with pytest.raises(ContentTooLarge) as refused:
        apply(delta, BASE, LIMIT)
    assert (refused.value.what, refused.value.size, refused.value.limit) == ("content", size, LIMIT)


def test_what_is_at_a_limit_is_allowed_and_one_more_is_refused() -> None:
    full = b"x" * LIMIT
    assert apply(inserting(full), BASE, LIMIT) == full
    copies = [(0, 0)] * (COMMANDS_MAX - 1)  # the checksum is a command, too
    assert apply(written(0, *copies), BASE, LIMIT) == b""
    with pytest.raises(DeltaTooLarge, match="100,000") as many:
        apply(written(0, *copies, (0, 0)), BASE, LIMIT)
    assert many.value.what == "commands"
    text = b"x" * (DELTA_MAX_BYTES - 20)
    padded = inserting(text)
    at_most = b"0" * (DELTA_MAX_BYTES - len(padded)) + padded
    assert apply(at_most, b"", DELTA_MAX_BYTES) == text
    with pytest.raises(DeltaTooLarge, match="524,288") as large:
        apply(b"0" + at_most, b"", DELTA_MAX_BYTES)
    assert large.value.what == "bytes"


def test_copies_that_exceed_the_declared_size_are_never_put_together() -> None:
    base = b"x" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDelta, match="size"):
            apply(written(10, *[(len(base), 0)] * 50), base, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_zeros_before_a_number_change_nothing() -> None:
    assert (
        apply(b"00000003\n0000000003@0000000000000004,000" + number(checksum_of(b"qui")) + b";", BASE, 9) == b"qui"
    )


def test_the_checksum_is_not_compared_if_the_caller_has_a_better_one() -> None:
    assert apply(written(2, b"ab"), BASE, LIMIT, has_digest=True) == b"ab"
    with pytest.raises(InvalidDelta, match="size"):
        apply(written(3, b"ab"), BASE, LIMIT, has_digest=True)


@given(st.binary(max_size=40))
def test_the_checksum_is_the_sum_of_the_words(content: bytes) -> None:
    padded = content + bytes(-len(content) % 4)
    words = (int.from_bytes(padded[at : at + 4], "big") for at in range(0, len(padded), 4))
    assert checksum_of(content) == sum(words) % 2**32


def test_the_checksum_of_large_words_stays_in_32_bits() -> None:
    assert checksum_of(b"\xff" * 1_500_003) == (0xFFFFFFFF * 375_000 + 0xFFFFFF00) % 2**32


@settings(max_examples=500)
@given(st.binary(max_size=60) | st.text("0123@,:;~\nab", max_size=60).map(str.encode))
def test_garbage_is_refused_or_makes_what_it_declares(delta: bytes) -> None:
    try:
        result = apply(delta, BASE, LIMIT)
    except (InvalidDelta, ContentTooLarge):
        return
    assert delta.startswith(number(len(result))) or delta.startswith(b"0")


def test_no_encoder_is_written_twice() -> None:
    """Two would differ one day. The Python client is installed alone, so it has one of two texts."""
    root = Path(__file__).parents[1]
    listed = subprocess.check_output(["git", "ls-files", "*.py"], cwd=root, text=True).split()
    having = [name for name in listed if "PQRSTUVWXYZ_abc" + "defghi" in (root / name).read_text()]
    client = "clients/python/src/savepoint_client/delta.py"
    assert having == ["benchmarks/deltas.py", client, "persistence/deltas.py"]
