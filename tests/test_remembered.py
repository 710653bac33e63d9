"""Values that are remembered for a short time."""

from datetime import timedelta
from unittest.mock import MagicMock

import pytest
from pytest_mock import MockerFixture

from persistence.remembered import Remembered


@pytest.fixture
def clock(mocker: MockerFixture) -> MagicMock:
    """The seconds are its return value."""
    return mocker.patch("persistence.remembered.time.monotonic", return_value=1000.0)


@pytest.fixture
def values(clock: MagicMock) -> Remembered[str, int]:
    return Remembered(timedelta(seconds=10))


def test_a_value_is_found_until_its_time_is_over(values: Remembered[str, int], clock: MagicMock) -> None:
    assert values.find("a") is None
    values.set("a", 1)
    clock.return_value += 9.9
    assert values.find("a") == 1
    clock.return_value += 0.1
    assert values.find("a") is None


def test_an_update_does_not_prolong_the_time(values: Remembered[str, int], clock: MagicMock) -> None:
    values.set("a", 1)
    clock.return_value += 5
    values.update("a", 2)
    assert values.find("a") == 2
    clock.return_value += 5
    values.update("a", 3)
    assert values.find("a") is None
    values.set("a", 4)
    clock.return_value += 9
    assert values.find("a") == 4


def test_what_was_forgotten_is_not_found(values: Remembered[str, int]) -> None:
    values.set("a", 1)
    values.forget("a")
    values.forget("a")
    values.update("a", 2)
    assert values.find("a") is None


def test_the_oldest_of_too_many_goes_first(values: Remembered[str, int], mocker: MockerFixture) -> None:
    mocker.patch("persistence.remembered.KEYS_MAX", 2)
    for number, key in enumerate("abac"):
        values.set(key, number)
    assert [values.find(key) for key in "abc"] == [2, None, 3]
