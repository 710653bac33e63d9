"""Types of the fields of stored documents: times and ids."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from persistence.documents import Timestamp, is_id, new_id, now, timestamp_text

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
