"""Which log lines reach the log. In Azure, the worker exports what the root logger receives. Each line costs."""

import logging
from typing import Any

from functions.http.traces import trace_id

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


def add_traces() -> None:
    """Gives each line of a request `trace`: its id in brackets. Nothing outside requests."""
    made = logging.getLogRecordFactory()

    def make(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = made(*arguments, **options)
        id = trace_id()
        record.trace = f" [{id}]" if id else ""
        return record

    logging.setLogRecordFactory(make)
