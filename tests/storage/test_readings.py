"""Measurements that wait are recorded in groups, and each exactly once."""

from threading import Event, Thread
from typing import Any

import pytest
from opentelemetry.metrics import CallbackOptions, NoOpCounter, NoOpHistogram

from persistence.storage import charge
from persistence.storage.readings import _GROUP_MAX, Group, _complete


class Kept(NoOpHistogram):
    """Keeps what is recorded."""

    def __init__(self) -> None:
        super().__init__("kept")
        self.amounts: list[float] = []

    def record(self, amount: float, *_: Any) -> None:
        self.amounts.append(amount)


def read() -> None:
    """Does what an SDK does before it reads."""
    assert _complete(CallbackOptions()) == ()


def test_a_reading_records_what_waits() -> None:
    kept = Kept()
    group = Group(kept)
    group.add(1, {})
    assert not kept.amounts
    read()
    read()
    assert kept.amounts == [1]


def test_a_full_group_is_recorded_although_nobody_reads() -> None:
    kept = Kept()
    group = Group(kept)
    for number in range(_GROUP_MAX + 1):
        group.add(number, {})
    assert kept.amounts == [*range(_GROUP_MAX)]


class Spent(NoOpCounter):
    """Adds up what is added."""

    def __init__(self) -> None:
        super().__init__("spent")
        self.units = 0.0

    def add(self, amount: float, *_: Any) -> None:
        self.units += amount


def test_readings_by_other_threads_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, spent, ended = Kept(), Spent(), Event()
    group = Group(kept)
    read()
    monkeypatch.setattr(charge._spent, "_counter", spent)

    def read_again_and_again() -> None:
        while not ended.is_set():
            read()

    threads = [Thread(target=read_again_and_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(5_000):
        group.add(number, {})
        charge.add_charge(1)
    ended.set()
    for thread in threads:
        thread.join()
    read()
    assert sorted(kept.amounts) == [*range(5_000)] and spent.units == 5_000
