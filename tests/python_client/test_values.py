"""Values of widgets come back equal."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import numpy
import pandas
import pytest
from savepoint_client.widgets.values import decode, encode


class Tyre(Enum):
    SOFT = "soft"


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    "value",
    [
        *[None, True, 3, 2.5, "text", [1, [2]], {"a": {"b": 1}}, (1, (2, "x")), {1, 2}, b"\x00\xff"],
        *[date(2026, 11, 27), datetime(2026, 11, 27, 9, 30, 1, 123456, tzinfo=UTC), time(9, 30, 1, 5)],
        *[timedelta(days=1, microseconds=7), Decimal("1.230"), UUID(int=7), Tyre.SOFT],
        *[(date(2026, 1, 1), date(2026, 2, 1)), {"$other": 1}],
    ],
)
def test_p10_values_come_back_equal(value: Any) -> None:
    read = decode(json.loads(json.dumps(encode(value))))
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("value", [numpy.float64(1.5), numpy.int32(3), numpy.bool_(True), numpy.array([[1, 2]])])
def test_p10_values_of_numpy_come_back_equal(value: Any) -> None:
    read = decode(json.loads(json.dumps(encode(value))))
    assert (read == value).all() and read.dtype == value.dtype and type(read) is type(value)


def test_p10_tables_come_back_equal() -> None:
    table = pandas.DataFrame(
        {
            "lap": [1, 2],
            "time": [83.5, None],
            "at": pandas.to_datetime(["2026-11-27T09:30:00.123456", None]),
            "driver": ["Ann", None],
            "fast": [True, False],
        },
        index=["a", "b"],
    )
    pandas.testing.assert_frame_equal(decode(json.loads(json.dumps(encode(table)))), table, check_index_type=False)


def test_p10_two_columns_of_one_name_come_back_equal() -> None:
    table = pandas.DataFrame([[1, "Ann"], [2, "Ben"]], columns=["a", "a"])
    pandas.testing.assert_frame_equal(decode(json.loads(json.dumps(encode(table)))), table, check_index_type=False)


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$savepoint": 1}, [object()], lambda: 1, Point(1, 2)])
def test_p10_what_would_not_come_back_equal_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("value", [numpy.array([1 + 2j]), numpy.array([b"a"]), numpy.longdouble(1) / 3])
def test_p10_values_of_numpy_that_would_not_come_back_equal_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_nothing_is_imported_or_executed_by_reading() -> None:
    with pytest.raises(LookupError):
        decode({"$savepoint": "enum", "value": ["antigravity", "Enum", "NAME"]})
