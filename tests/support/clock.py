"""A clock for tests of changes that take minutes or days."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from persistence import documents

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    """Advances by `tick` each time it is read, and by any duration in between."""

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
        """Replaces the clock of every store and timer in this process. Returns it."""
        clock, present = cls(), documents.now
        for name, module in list(sys.modules.items()):
            if name.startswith(("persistence.", "tests.kinds.")) and vars(module).get("now") is present:
                monkeypatch.setattr(module, "now", clock)
        return clock
