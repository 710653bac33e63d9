"""The grace: what a request may still work with."""

from datetime import datetime, timedelta


def is_settled(time: datetime, at: datetime, grace: timedelta) -> bool:
    """Returns True if a time lies at least `grace` before `at`, or after it.

    A time that far after `at` was written before the clock was put back. So no request works with it any more.
    """
    return abs(at - time) >= grace
