"""Types of the fields of stored documents: times and ids."""

import sys
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from persistence.documents import Timestamp, caseless, is_id, new_id, now, timestamp_text

timestamps: TypeAdapter[datetime] = TypeAdapter(Timestamp)
moments = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes))),
)


def stored(moment: datetime) -> Any:
    return timestamps.dump_python(timestamps.validate_python(moment), mode="json")


@given(moments, moments)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    first, second = stored(one), stored(other)
    assert (first < second) == (one < other) and (first == second) == (one == other)


@given(moments)
def test_a_time_is_stored_as_utc_in_fixed_width_and_comes_back(moment: datetime) -> None:
    text = stored(moment)
    assert len(text) == 27 and text.endswith("Z")
    back = timestamps.validate_json(f'"{text}"')
    assert back == moment and back.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00.000000Z"),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2023-12-31T23:00:00.000000Z"),
        (datetime(5, 6, 7, 8, 9, 10, 11, tzinfo=UTC), "0005-06-07T08:09:10.000011Z"),
    ],
)
def test_the_stored_form_of_a_time(moment: datetime, text: str) -> None:
    assert stored(moment) == text


def test_a_time_without_a_zone_or_out_of_range_is_refused() -> None:
    east, west = timezone(timedelta(hours=1)), timezone(timedelta(hours=-1))
    for moment in (datetime(2024, 1, 1), datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=west)):
        with pytest.raises(ValidationError):
            timestamps.validate_python(moment)


def test_now_is_in_utc() -> None:
    assert now().tzinfo is UTC
    assert timestamp_text(now()) <= timestamp_text(now())


def test_ids_are_twelve_characters_that_a_url_takes_and_never_the_same() -> None:
    ids = {new_id() for _ in range(10_000)}
    assert len(ids) == 10_000 and all(is_id(id) and len(id) == 12 for id in ids)
    assert len(set("".join(ids))) == 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 11,
        "x" * 13,
        "abcdefghijk\n",
        "abcdefghijkl\n",
        "abcdefghijk~",
        "abc/efghijkl",
        "äbcdefghijkl",
    ]
    + ["١٢٣٤٥٦٧٨٩٠١٢", "abcdefghijk ", "..%2F..%2F..", "abcdefghijk\0"],
    ids=ascii,
)
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΌΣ", "οδός"),
        ("STRASSE", "Straße"),
        ("É", "e\u0301"),
        ("caf\u00e9", "CAFE\u0301"),
        ("\u1e9b\u0323", "\u017f\u0323\u0307"),
        ("İ", "i\u0307"),
        ("\u1fb3\u0301", "\u03b1\u0301\u0345"),
        ("ﬃ", "FFI"),
        ("\u212b", "å"),
        ("ǅ", "ǆ"),
    ],
)
def test_texts_that_differ_in_case_or_composition_alone_are_the_same(one: str, other: str) -> None:
    assert caseless(one) == caseless(other)


@pytest.mark.parametrize(("one", "other"), [("ı", "i"), ("I", "ı"), ("İ", "i"), ("e", "é"), ("ﬁ x", "fi y")])
def test_other_texts_are_told_apart(one: str, other: str) -> None:
    assert caseless(one) != caseless(other)


def test_a_caseless_text_is_composed_and_stays_as_it_is() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        found = caseless(character)
        assert caseless(found) == found and unicodedata.is_normalized("NFC", found), ascii(character)


texts = st.text(max_size=20)


@given(texts)
def test_every_text_matches_itself_in_other_cases_and_forms(text: str) -> None:
    # Definition D145, in which both sides are folded and decomposed.
    def folded(given: str) -> str:
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", given).casefold())

    for other in (text.casefold(), *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))):
        assert (caseless(text) == caseless(other)) == (folded(text) == folded(other))
    for form in ("NFC", "NFD"):
        assert caseless(unicodedata.normalize(form, text)) == caseless(text)


@given(texts, texts)
def test_two_texts_are_the_same_if_the_standard_says_so(one: str, other: str) -> None:
    def folded(given: str) -> str:
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", given).casefold())

    assert (caseless(one) == caseless(other)) == (folded(one) == folded(other))


@pytest.mark.parametrize("value", [7, 0, 1.5, 1e12, True])
def test_a_number_is_no_time(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Timestamp).validate_python(value)
