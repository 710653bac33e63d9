"""A clock for tests of what takes minutes or days."""

from datetime import UTC, datetime, timedelta

import pytest

from persistence import (
    access_log_store,
    cleanup,
    documents,
    idempotency,
    session_contents,
    session_reads,
    session_rules,
    snapshot_store,
)

# The modules that ask what time it is.
ASKING = (
    access_log_store,
    cleanup,
    documents,
    idempotency,
    session_contents,
    session_reads,
    session_rules,
    snapshot_store,
)
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
        clock = cls()
        for module in ASKING:
            monkeypatch.setattr(module, "now", clock)
        return clock
