"""The metrics in the code: their names, kinds, units and attributes."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.devhost.server import REPOSITORY

ATTRIBUTES: dict[str, set[str]] = {
    "savepoint.request.duration": {"http.route", "http.request.method", "http.response.status_code"},
    "savepoint.server.errors": set(),
    "savepoint.save.size": {"kind", "outcome", "form"},
    "savepoint.store.charge": {"http.route", "timer"},
    "savepoint.store.refusals": {"reason"},
    "savepoint.timer.duration": {"timer", "outcome"},
    "savepoint.timer.backlog": {"timer"},
    "savepoint.timer.oldest": {"timer"},
    "savepoint.timer.trash": {"timer"},
    "savepoint.background.lost": {"kind"},
}
_CREATED = re.compile(r'create_(counter|histogram)\(\s*"(savepoint\.[a-z.]+)",\s*(?:unit=)?"([^"]+)"')
_OF_TIMERS = re.compile(r'_histogram\("([a-z]+)", "([^"]+)"')
_UNITS = {"s": "_seconds", "By": "_bytes"}
_SERIES = {"counter": ("_total",), "histogram": ("_count", "_sum", "_bucket")}


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric as the code creates it."""

    kind: str
    name: str
    unit: str

    @property
    def series(self) -> set[str]:
        """The names that Prometheus has for it."""
        name = self.name.replace(".", "_") + _UNITS.get(self.unit, "")
        return {name + ending for ending in _SERIES[self.kind]}


def instruments() -> list[Instrument]:
    """Returns the metrics that the code creates."""
    paths = (path for package in ("functions", "persistence") for path in Path(REPOSITORY, package).rglob("*.py"))
    text = "\n".join(path.read_text() for path in paths)
    found = [Instrument(*each) for each in _CREATED.findall(text)]
    return found + [
        Instrument("histogram", f"savepoint.timer.{name}", unit) for name, unit in _OF_TIMERS.findall(text)
    ]


def emitted() -> set[str]:
    """Returns the names of the metrics."""
    return {one.name for one in instruments()}
