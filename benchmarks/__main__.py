"""Measures, prints the results as Markdown, and reports which aims are met: `python -m benchmarks`."""

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.cold_start import cold_starts
from benchmarks.machine import machine
from benchmarks.measure import Pace, Side, compare
from benchmarks.report import Row, aims, aims_table, as_json, table
from benchmarks.requests import (
    delta_save,
    list_of,
    named,
    open_snapshot,
    operations,
    raw_save,
    save_same,
    validate,
)
from benchmarks.scale import LIMITS
from benchmarks.scale import comparisons as comparisons_of_scale
from benchmarks.seed import LARGE_LIST, SMALL_LIST, SNAPSHOT_STATE, Seeded, seed
from benchmarks.servers import Servers, in_folders, over_the_wire, record, served
from benchmarks.states import State, states

OPERATIONS = ("create", "get", "poll", "metadata", "list", "save", "content", "save-content")
NAMES = (
    *OPERATIONS,
    "save-same",
    "snapshot",
    "raw-save",
    "delta",
    "validate",
    "list-sizes",
    "scale",
    "cold-start",
)
CONCURRENCIES = (1, 8)
ENGINE = "the engine"
LARGEST = "1,474 KB"


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a run. `many` is the number of things that some people keep in the part `scale`."""

    pace: Pace
    cold_start_runs: int
    keep_revisions: int
    many: int


FULL = Extent(Pace(rounds=24, seconds=0.1, warm_up_seconds=0.3), cold_start_runs=9, keep_revisions=20, many=10_000)
QUICK = Extent(Pace(rounds=1, seconds=0.02, warm_up_seconds=0.0), cold_start_runs=1, keep_revisions=2, many=100)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two sides of one row in the results."""

    name: str
    size: str
    one: Side
    against: str
    other: Side
    concurrencies: Sequence[int] = CONCURRENCIES


def main() -> int:
    arguments = _arguments()
    extent = QUICK if arguments.quick else FULL
    names = frozenset(arguments.only or NAMES)
    measured_on, contents = machine(), states()
    print(f"{measured_on}\n{_sources(contents)}\n", flush=True)
    rows = []
    if names - {"cold-start"}:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rows = runner.run(_measure(names, contents, extent, arguments.against, arguments.wire))
    starts = cold_starts(extent.cold_start_runs) if "cold-start" in names else []
    found = aims(rows, starts)
    print(f"{table(rows, starts)}\n\n{aims_table(found)}")
    if arguments.json:
        result = as_json(measured_on, _sources(contents), rows, starts, found)
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


async def _measure(
    names: Collection[str], contents: Sequence[State], extent: Extent, against: Path | None, over_wire: bool
) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, keep = Path(name), extent.keep_revisions
        many, limits = (extent.many, LIMITS) if "scale" in names else (None, None)
        if over_wire:
            databases = await over_the_wire(stack)
            # An older checkout may read only the first format. A SQLite file always has the present one.
            older = {**databases.other, "STORED_FORMAT": "1"}
            seeded = [await seed(each, contents, keep, many) for each in (databases.real, older)]
        else:
            databases = in_folders(folder)
            seeded = [await seed(databases.real, contents, keep, many)] * 2
            shutil.copytree(databases.real["DATA_DIR"], databases.other["DATA_DIR"])
        with served(folder, databases, keep, against, limits) as servers:
            for state in () if against else contents:
                await record(servers, operations(state, seeded[0]))
            gc.freeze()
            rows, label = [], ENGINE if against is None else against.name
            for one in _comparisons(names, contents, seeded, servers, label):
                for concurrency in one.concurrencies:
                    print(f"{one.name} {one.size} at {concurrency}", file=sys.stderr, flush=True)
                    series, others = await compare(one.one, one.other, concurrency, extent.pace)
                    rows.append(Row.of(one.name, one.size, concurrency, series, one.against, others))
            return rows


def _comparisons(
    names: Collection[str], contents: Sequence[State], both: Sequence[Seeded], servers: Servers, other: str
) -> Iterator[Comparison]:
    seeded, seeded_other = both
    for name in OPERATIONS:
        for state in contents if name in names else ():
            sides = (
                Side(named(operations(state, seeded), name), servers.real),
                Side(named(operations(state, seeded_other), name), servers.other),
            )
            yield Comparison(name, state.label, sides[0], other, sides[1])
    for state in contents if other != ENGINE and "save-same" in names else ():
        sides = Side(save_same(state, seeded), servers.real), Side(save_same(state, seeded_other), servers.other)
        yield Comparison("save of one session", state.label, sides[0], other, sides[1])
    if "snapshot" in names:
        state = next(state for state in contents if state.label == SNAPSHOT_STATE)
        get = named(operations(state, seeded), "get")
        snapshot = open_snapshot(seeded)
        sides = Side(snapshot, servers.real), Side(get, servers.real)
        yield Comparison("snapshot", state.label, sides[0], "a session", sides[1])
    if "raw-save" in names:
        state = next(state for state in contents if state.label == LARGEST)
        save = named(operations(state, seeded), "save")
        sides = Side(raw_save(state, seeded), servers.real), Side(save, servers.real)
        yield Comparison("raw save", state.label, sides[0], "a save in JSON", sides[1])
    if "delta" in names:
        state = next(state for state in contents if state.label == LARGEST)
        sides = Side(delta_save(state, seeded), servers.real), Side(raw_save(state, seeded), servers.real)
        yield Comparison("delta save", state.label, sides[0], "a raw save", sides[1])
    if "validate" in names:
        state = next(state for state in contents if state.label == SNAPSHOT_STATE)
        poll = named(operations(state, seeded), "metadata")
        sides = Side(validate(state, seeded), servers.real), Side(poll, servers.real)
        yield Comparison("validate", state.label, sides[0], "a poll", sides[1])
    if "list-sizes" in names:
        sides = Side(list_of(LARGE_LIST), servers.real), Side(list_of(SMALL_LIST), servers.real)
        yield Comparison("list of large", "20 x 1.5 MB", sides[0], "20 x 1 KB", sides[1])
    if seeded.people is not None:
        for name, one, against, another in comparisons_of_scale(seeded.people, servers):
            yield Comparison(name, seeded.people.label, one, against, another, concurrencies=(1,))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run for seconds only; the figures mean little")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure only this; may be repeated")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="compare with the app of another checkout",
    )
    parser.add_argument(
        "--wire", action="store_true", help="with --against: over a Cosmos DB server in memory for each app"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all results as JSON")
    arguments = parser.parse_args()
    if arguments.wire and not arguments.against:
        parser.error("--wire needs --against")
    return arguments


def _sources(contents: Sequence[State]) -> str:
    made = [state.label for state in contents if not state.real]
    if not made:
        return "Contents: states of a real application."
    return f"Contents: generated, of the size and compressibility of real states: {', '.join(made)}."


if __name__ == "__main__":
    sys.exit(main())
