"""Waits for what threads do."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 20
T = TypeVar("T")


def eventually(found: Callable[[], T]) -> T:
    """Returns the first value that is true. Raises AssertionError after 20 s."""
    end = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
    return value
