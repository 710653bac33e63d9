"""Reports the results: as a table, as a list of aims that are met or not, and as JSON."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.cold_start import ColdStart
from benchmarks.measure import Series
from benchmarks.people import FEW
from benchmarks.scale import USAGE

RATIO_MAX = 2.0
SNAPSHOT_RATIO_MAX = 1.5
LIST_RATIO_MAX = 1.3
COLD_START_RATIO_MAX = 1.3
RAW_SAVE_RATIO_MAX = 0.5
DELTA_RATIO_MAX = 1.5
VALIDATE_RATIO_MAX = 1.2
FLAT_RATIO_MAX = 1.3
LIMITS_RATIO_MAX = 1.2
USAGE_SECONDS_MAX = 0.003
POLLS_PER_SECOND_MIN = 2_000
SAVE_SIZE, SAVE_SECONDS_MAX = "218 KB", 0.005


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement, with times in ms.

    The ratios compare it with `against`. A ratio above 1 means that `against` is faster. `cpu_ratio` compares the
    CPU time of the servers per request.

    Ratios are medians over the blocks. They are taken per block, because a quiet block has more requests than a
    noisy one. Over all requests, quiet blocks would count more, most of all for the faster side.
    """

    name: str
    size: str
    concurrency: int
    p50: float
    p95: float
    rate: float
    against: str
    against_p50: float
    against_rate: float
    p50_ratio: float
    rate_ratio: float
    cpu_ratio: float
    requests: int
    client_is_bottleneck: bool

    @classmethod
    def of(cls, name: str, size: str, concurrency: int, one: Series, against: str, other: Series) -> "Row":
        return cls(
            name,
            size,
            concurrency,
            p50=one.p50 * 1e3,
            p95=one.p95 * 1e3,
            rate=one.rate,
            against=against,
            against_p50=other.p50 * 1e3,
            against_rate=other.rate,
            p50_ratio=_median_ratio(one.medians, other.medians),
            rate_ratio=_median_ratio(other.rates, one.rates),
            cpu_ratio=_median_ratio(one.cpu_times, other.cpu_times),
            requests=len(one.latencies),
            client_is_bottleneck=one.client_is_bottleneck or other.client_is_bottleneck,
        )

    @property
    def worst_ratio(self) -> float:
        """The larger of the ratios that a caller notices: longer waits or fewer responses per second."""
        return max(self.p50_ratio, self.rate_ratio)


@dataclass(frozen=True, slots=True)
class Aim:
    """A promise, its measurement, and whether it is met."""

    promise: str
    measured: str
    met: bool


def table(rows: Sequence[Row], starts: Sequence[ColdStart]) -> str:
    """Returns Markdown."""
    lines = [
        "| Name | Size | Concurrency | p50 ms | p95 ms | req/s | against | p50 ms | req/s "
        "| ratio p50 | ratio req/s | ratio CPU |",
        "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        mark = " \\*" if row.client_is_bottleneck else ""
        cells = [row.name, row.size, row.concurrency, f"{row.p50:.2f}", f"{row.p95:.2f}", f"{row.rate:,.0f}{mark}"]
        cells += [row.against, f"{row.against_p50:.2f}", f"{row.against_rate:,.0f}"]
        cells += [f"{row.p50_ratio:.2f}", f"{row.rate_ratio:.2f}", f"{row.cpu_ratio:.2f}"]
        lines.append(line(cells))
    for start in starts:
        cells = ["cold start", start.label, "", f"{start.app * 1e3:.0f}", "", ""]
        cells += ["the libraries alone", f"{start.libraries * 1e3:.0f}", "", f"{start.ratio:.2f}", "", ""]
        lines.append(line(cells))
    if any(row.client_is_bottleneck for row in rows):
        lines += ["", "\\* The client was busy all the time, so the servers could have done more."]
    return "\n".join(lines)


def aims(rows: Sequence[Row], starts: Sequence[ColdStart]) -> list[Aim]:
    """Returns the aims for which there is a measurement."""
    found = []
    if engine := [row for row in rows if row.against == "the engine"]:
        over = [row for row in engine if row.worst_ratio > RATIO_MAX]
        measured = f"worst {max(row.worst_ratio for row in engine):.2f}"
        if over:
            measured += f"; over it {len(over)} of {len(engine)}: {_named(over)}"
        found.append(Aim(f"every operation within {RATIO_MAX:g}x of the engine", measured, not over))
    if polls := [row.rate for row in rows if row.name == "poll" and row.concurrency > 1]:
        promise = f"{POLLS_PER_SECOND_MIN:,} polls a second"
        found.append(Aim(promise, f"{min(polls):,.0f}", min(polls) >= POLLS_PER_SECOND_MIN))
    if saves := [r.p50 for r in rows if (r.name, r.size, r.concurrency) == ("save", SAVE_SIZE, 1)]:
        promise = f"a save of {SAVE_SIZE} in less than {SAVE_SECONDS_MAX * 1e3:g} ms"
        found.append(Aim(promise, f"{saves[0]:.2f} ms", saves[0] < SAVE_SECONDS_MAX * 1e3))
    if opened := [row.p50_ratio for row in rows if row.name == "snapshot"]:
        promise = f"opening a snapshot within {SNAPSHOT_RATIO_MAX:g}x of opening a session"
        found.append(_within(promise, opened, SNAPSHOT_RATIO_MAX))
    if raw := [row.p50_ratio for row in rows if row.name == "raw save"]:
        promise = f"a raw save, gzipped, within {RAW_SAVE_RATIO_MAX:g}x of one in JSON"
        found.append(_within(promise, raw, RAW_SAVE_RATIO_MAX))
    if deltas := [row.p50_ratio for row in rows if row.name == "delta save"]:
        promise = f"a save by delta within {DELTA_RATIO_MAX:g}x of a raw save"
        found.append(_within(promise, deltas, DELTA_RATIO_MAX))
    if validated := [row.p50_ratio for row in rows if row.name == "validate"]:
        promise = f"validating within {VALIDATE_RATIO_MAX:g}x of a poll"
        found.append(_within(promise, validated, VALIDATE_RATIO_MAX))
    if listed := [row.p50_ratio for row in rows if row.name == "list of large"]:
        promise = f"a list of sessions of 1.5 MB within {LIST_RATIO_MAX:g}x of one of 1 KB"
        found.append(_within(promise, listed, LIST_RATIO_MAX))
    if scaled := [row for row in rows if row.against == str(FEW) and row.name != USAGE]:
        worst = max(scaled, key=lambda row: row.p50_ratio)
        promise = f"every list of many within {FLAT_RATIO_MAX:g}x of one of {FEW}"
        measured = f"worst {worst.p50_ratio:.2f}: {worst.name}"
        found.append(Aim(promise, measured, worst.p50_ratio <= FLAT_RATIO_MAX))
    if usages := [row.p50 for row in rows if row.name == USAGE]:
        promise = f"the usage in at most {USAGE_SECONDS_MAX * 1e3:g} ms"
        found.append(Aim(promise, f"{usages[0]:.2f} ms", usages[0] <= USAGE_SECONDS_MAX * 1e3))
    if limited := [row.p50_ratio for row in rows if row.against == "without limits"]:
        promise = f"a save and a create with limits within {LIMITS_RATIO_MAX:g}x of those without"
        found.append(_within(promise, limited, LIMITS_RATIO_MAX))
    if starts:
        promise = f"a cold start within {COLD_START_RATIO_MAX:g}x of importing the libraries"
        found.append(_within(promise, [start.ratio for start in starts], COLD_START_RATIO_MAX))
    return found


def aims_table(found: Sequence[Aim]) -> str:
    """Returns Markdown."""
    lines = ["| Aim | Measured | |", "|---|---|---|"]
    return "\n".join(
        lines + [f"| {aim.promise} | {aim.measured} | {'met' if aim.met else '**not met**'} |" for aim in found]
    )


def as_json(
    machine: str, states: str, rows: Sequence[Row], starts: Sequence[ColdStart], found: Sequence[Aim]
) -> dict[str, object]:
    """Returns all results, including the ratios."""
    return {
        "machine": machine,
        "states": states,
        "rows": [asdict(row) for row in rows],
        "cold_starts": [asdict(start) | {"ratio": start.ratio} for start in starts],
        "aims": [asdict(aim) for aim in found],
    }


def line(cells: Sequence[object]) -> str:
    """Returns a line of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def _median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def _within(promise: str, ratios: Sequence[float], at_most: float) -> Aim:
    return Aim(promise, ", ".join(f"{ratio:.2f}" for ratio in ratios), max(ratios) <= at_most)


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.name} {row.size} at {row.concurrency}" for row in rows)
