"""The limits in calls and in request units a second, by a clock that only waiting puts forward."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from operations import pace
from operations.pace import Paced
from persistence.storage.around import Around
from persistence.storage.charge import add_charge
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Stored

UNITS = 4.0
"""What each call costs."""


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


class Costly(Around):
    """Notes when each call begins."""

    def __init__(self, time: Time) -> None:
        self.time, self.began = time, list[float]()

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        self.began.append(self.time.now)
        add_charge(UNITS)
        return Stored({}, "")


@pytest.fixture
def costly(monkeypatch: pytest.MonkeyPatch) -> Iterator[Costly]:
    time = Time()
    monkeypatch.setattr(pace, "time", time)
    replaced = SimpleNamespace(**{**vars(asyncio), "sleep": time.sleep})
    monkeypatch.setattr(pace, "asyncio", replaced)
    yield Costly(time)


@pytest.mark.parametrize(
    ("calls_per_s", "units_per_s", "seconds"),
    [(20, None, 1 / 20), (None, 10, UNITS / 10), (20, 10, UNITS / 10), (2, 10, 1 / 2), (None, None, 0)],
)
async def test_calls_are_as_far_apart_as_the_slower_limit_asks(
    costly: Costly, calls_per_s: float | None, units_per_s: float | None, seconds: float
) -> None:
    paced = Paced(costly, calls_per_s, units_per_s)
    for _ in range(5):
        await paced.read(SESSIONS, "one", "ann")
    assert costly.began == pytest.approx([1_000 + number * seconds for number in range(5)])


async def test_calls_at_once_wait_for_each_other(costly: Costly) -> None:
    paced = Paced(costly, calls_per_s=20)
    await asyncio.gather(*(paced.read(SESSIONS, "one", "ann") for _ in range(5)))
    assert costly.began == pytest.approx([1_000 + number / 20 for number in range(5)])


async def test_what_calls_at_once_cost_is_waited_for_afterwards(costly: Costly) -> None:
    paced = Paced(costly, units_per_s=10)
    await asyncio.gather(*(paced.read(SESSIONS, "one", "ann") for _ in range(5)))
    await paced.read(SESSIONS, "one", "ann")
    assert costly.began[-1] == pytest.approx(1_000 + 5 * UNITS / 10)


async def test_idle_time_is_not_saved_for_later(costly: Costly) -> None:
    paced = Paced(costly, calls_per_s=20)
    await paced.read(SESSIONS, "one", "ann")
    costly.time.now += 60
    for _ in range(2):
        await paced.read(SESSIONS, "one", "ann")
    assert costly.began[1:] == pytest.approx([1_060, 1_060 + 1 / 20])
