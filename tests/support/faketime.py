"""A clock for server processes that a test sets: libfaketime, which is in Debian's package `faketime`."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

_LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

needs_faketime = pytest.mark.skipif(
    _LIBRARY is None and not os.environ.get("CI"), reason="needs libfaketime: install the package faketime"
)


@dataclass(frozen=True)
class SetClock:
    """The clock of the processes that are started with `env`. It is right until it is set."""

    file: Path

    @property
    def env(self) -> dict[str, str]:
        assert _LIBRARY is not None, "CI installs it"
        if not self.file.exists():
            self.set("+0")
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # Setting a clock changes neither the time that passes nor the times of files.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset: str) -> None:
        """Sets the clock: an offset from the right time, such as -1h or +366d."""
        new = self.file.with_suffix(".new")
        new.write_text(offset + "\n")
        new.replace(self.file)
