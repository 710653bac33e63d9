"""Attempts: how many there are, and how long they wait."""

import pytest

from persistence.errors import ItemChanged
from persistence.retry import ATTEMPTS, Attempts


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The bounds that waits were drawn below. Every wait is 0."""
    bounds: list[float] = []

    def draw(low: float, high: float) -> float:
        bounds.append(high)
        return low

    monkeypatch.setattr("random.uniform", draw)
    return bounds


async def test_the_longest_waits_between_attempts_double_up_to_a_second(longest: list[float]) -> None:
    assert [attempt async for attempt in Attempts()] == list(range(ATTEMPTS))
    assert len(longest) == ATTEMPTS - 1, "the first attempt does not wait"
    assert longest[0] < 0.1
    assert longest[1:] == [min(1.0, 2 * before) for before in longest[:-1]]


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_there_are_no_more_attempts_than_the_limit(longest: list[float], limit: int) -> None:
    assert [attempt async for attempt in Attempts(limit)] == list(range(limit))
    assert len(longest) == max(0, limit - 1)


async def test_a_loop_that_succeeds_makes_no_further_attempt(longest: list[float]) -> None:
    async def succeed_at(number: int) -> int | None:
        async for attempt in Attempts():
            if attempt == number:
                return attempt
        return None

    assert await succeed_at(0) == 0 and longest == []
    assert await succeed_at(2) == 2 and len(longest) == 2
    assert await succeed_at(ATTEMPTS) is None


async def test_an_exception_ends_the_attempts(longest: list[float]) -> None:
    attempts = []
    with pytest.raises(ItemChanged):
        async for attempt in Attempts():
            attempts.append(attempt)
            if attempt == 1:
                raise ItemChanged
    assert attempts == [0, 1] and len(longest) == 1
