"""Which log lines reach the log. In Azure, the worker exports what the root logger receives. Each line costs."""

import logging

_OURS = ("savepoint", "functions", "persistence")
_OF_THE_WORKER = ("azure_functions_worker", "proxy_worker")
"""Loggers with a level of their own, so that of the root does not hold for them."""


def set_levels() -> None:
    """Our lines from INFO on, those of all others from WARNING on.

    The worker writes a line for each call, which is longer than ours. The SDK of the database writes two.
    """
    for name in (None, *_OF_THE_WORKER):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
