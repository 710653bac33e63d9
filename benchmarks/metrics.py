"""Measures what counting costs: `python -m benchmarks.metrics`.

Two servers serve the same requests in turns. One counts for Prometheus, the other one counts nothing. Their CPU
time is compared, which hardly depends on what else the machine does. In a second pair neither counts: its ratio
shows how exact the first one is.
"""

import argparse
import asyncio
import gc
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path

import uvloop

from benchmarks.cold_start import metrics_imports
from benchmarks.machine import machine
from benchmarks.measure import Pace, Side, compare
from benchmarks.report import line
from benchmarks.requests import Operation, named, operations, scrape
from benchmarks.seed import seed
from benchmarks.servers import Databases, Servers, in_folders, served
from benchmarks.states import states
from tests.devhost.server import REPOSITORY

CLIENTS = 4
KEEP_REVISIONS = 5
NOTHING_IS_COUNTED = {"OTEL_SDK_DISABLED": "true"}
SUBJECTS = ("get", "save", "list", "poll")
SIZED = ("get", "save")
"""Operations that cost more if the content is larger. Of the largest, counting is a negligible part."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a run. `starts`: how often all servers are started, because no two processes are equal."""

    starts: int
    pace: Pace
    imports: int


FULL = Extent(3, Pace(rounds=100, seconds=0.03, warm_up_seconds=0.5), imports=25)
QUICK = Extent(1, Pace(rounds=2, seconds=0.05, warm_up_seconds=0.0), imports=1)


@dataclass(slots=True)
class Figures:
    """CPU seconds per request by block, of a server that counts and of one that does not.

    `control` has the ratios of two servers that do not count.
    """

    counting: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)

    def add(self, counting: Sequence[float], silent: Sequence[float]) -> None:
        self.counting += counting
        self.silent += silent

    def cells(self) -> list[str]:
        times = [f"{statistics.median(each) * 1e6:,.0f}" for each in (self.counting, self.silent)]
        ratios = [*map(truediv, self.counting, self.silent)]
        return [*times, *_spread(ratios), *_spread(self.control)]


Results = dict[tuple[str, str], Figures]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run for seconds only; the figures mean little")
    parser.add_argument("--only", action="append", choices=SUBJECTS, help="measure only this; may be repeated")
    arguments = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    extent = QUICK if arguments.quick else FULL
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results, scrapes = runner.run(_measure(arguments.only or SUBJECTS, extent))
    imports = metrics_imports(extent.imports)
    titles = ["Name", "Size", "counting, µs", "silent, µs", "ratio", "middle half", "control", "middle half"]
    print(line(titles), "|---|---:|---:|---:|---:|---:|---:|---:|", sep="\n")
    for key, figures in results.items():
        print(line([*key, *figures.cells()]))
    print(f"\nA scrape takes {statistics.median(scrapes) * 1e3:.1f} ms of CPU time.")
    for name, times in zip(("the app", "devhost"), imports, strict=True):
        best, middle = (f"{each(times) * 1e3:.0f} ms" for each in (min, statistics.median))
        print(f"Metrics add {best} of CPU time to the start of {name}. Best of {extent.imports}; median {middle}.")


async def _measure(names: Sequence[str], extent: Extent) -> tuple[Results, list[float]]:
    """Returns the figures by name and size, and the CPU time of each scrape."""
    contents = states()[:2]
    chosen = [(name, state) for name in names for state in (contents if name in SIZED else contents[:1])]
    results: Results = {(name, state.label): Figures() for name, state in chosen}
    scrapes: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        data = in_folders(Path(folder)).real
        seeded = await seed(data, contents, KEEP_REVISIONS)
        for start in range(extent.starts):
            with _pair(data, {}) as pair, _pair(data, NOTHING_IS_COUNTED) as control:
                gc.freeze()
                for name, state in chosen:
                    print(f"{name} {state.label}, {start + 1} of {extent.starts}", file=sys.stderr, flush=True)
                    operation = named(operations(state, seeded), name)
                    figures = results[name, state.label]
                    figures.add(*await _cpu_times(operation, pair, extent.pace))
                    figures.control += map(truediv, *await _cpu_times(operation, control, extent.pace))
                ones, others = await compare(Side(scrape(), pair.real), Side(scrape(), pair.real), 1, extent.pace)
                scrapes += ones.cpu_times + others.cpu_times
    return results, scrapes


@contextmanager
def _pair(data: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[Servers]:
    """Runs two servers, each with its own copy of the data. The second one counts nothing."""
    with tempfile.TemporaryDirectory() as name:
        copies = in_folders(Path(name))
        for copy in (copies.real, copies.other):
            shutil.copytree(data["DATA_DIR"], copy["DATA_DIR"])
        databases = Databases({**copies.real, **settings}, {**copies.other, **NOTHING_IS_COUNTED})
        with served(Path(name), databases, KEEP_REVISIONS, against=REPOSITORY) as servers:
            yield servers


async def _cpu_times(operation: Operation, pair: Servers, pace: Pace) -> tuple[list[float], list[float]]:
    one, other = await compare(Side(operation, pair.real), Side(operation, pair.other), CLIENTS, pace)
    return one.cpu_times, other.cpu_times


def _spread(ratios: Sequence[float]) -> list[str]:
    """Returns the median, and between which ratios the middle half is."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return [f"{middle:.3f}", f"{low:.3f} to {high:.3f}"]


if __name__ == "__main__":
    main()
