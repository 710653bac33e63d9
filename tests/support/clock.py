"""A clock for tests of what takes minutes or days."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from persistence import documents

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    """Goes on by `tick` each time it is looked at, and by as much as one likes in between."""

    def __init__(self, tick: timedelta = timedelta(microseconds=1)) -> None:
        self.at = NOON
        self.tick = tick

    def __call__(self) -> datetime:
        self.at += self.tick
        return self.at

    def advance(self, **duration: float) -> None:
        self.at += timedelta(**duration)

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> "Clock":
        """Every store and timer of this process goes by it."""
        clock, present = cls(), documents.now
        for name, module in list(sys.modules.items()):
            if name.startswith(("persistence.", "tests.kinds.")) and vars(module).get("now") is present:
                monkeypatch.setattr(module, "now", clock)
        return clock
