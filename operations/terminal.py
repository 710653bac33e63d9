"""What a verb shows: progress on stderr, and its result on stdout, as lines or as JSON."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.progress import Progress, TaskID


class Terminal:
    """One progress bar at a time. Results are lines, or one JSON object each with `as_json`."""

    def __init__(self, bars: Progress, *, as_json: bool) -> None:
        self._bars, self._as_json = bars, as_json
        self._what, self._task = "", TaskID(0)

    def progress(self, what: str, done: float, total: float | None = None) -> None:
        """Shows how far something is. Another `what` is another bar."""
        if what != self._what:
            self._what, self._task = what, self._bars.add_task(what, total=total)
        self._bars.update(self._task, completed=done, total=total)

    def result(self, fields: Mapping[str, Any], line: str) -> None:
        """Prints one result: the fields as JSON, or the line."""
        print(json.dumps(fields) if self._as_json else line, file=sys.stdout, flush=True)
