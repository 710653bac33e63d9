"""What was measured, as a table to read, as the aims that it met or missed, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.cold_start import ColdStart
from benchmarks.measure import Series

RATIO_MAX = 2.0
SNAPSHOT_RATIO_MAX = 1.5
LIST_RATIO_MAX = 1.3
COLD_START_RATIO_MAX = 1.3
POLLS_PER_SECOND_MIN = 2_000
SAVE_SIZE, SAVE_SECONDS_MAX = "218 KB", 0.005


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. Times in ms; `against` is what its ratios are taken to."""

    name: str
    size: str
    concurrency: int
    p50: float
    p95: float
    rate: float
    against: str
    against_p50: float
    against_rate: float
    client_is_bottleneck: bool
    requests: int

    @classmethod
    def of(cls, name: str, size: str, concurrency: int, measured: Series, against: str, other: Series) -> "Row":
        return cls(
            name,
            size,
            concurrency,
            measured.p50 * 1e3,
            measured.p95 * 1e3,
            measured.rate,
            against,
            other.p50 * 1e3,
            other.rate,
            measured.client_is_bottleneck or other.client_is_bottleneck,
            len(measured.latencies),
        )

    @property
    def ratio(self) -> float:
        """How many times as long as the other it takes."""
        return self.p50 / self.against_p50

    @property
    def rate_ratio(self) -> float:
        """How many times as many the other does in the same time."""
        return self.against_rate / self.rate


@dataclass(frozen=True, slots=True)
class Aim:
    """A promise, what was measured of it, and whether that keeps it."""

    promise: str
    measured: str
    met: bool


def table(rows: Sequence[Row], starts: Sequence[ColdStart]) -> str:
    """In Markdown."""
    lines = [
        "| Name | Size | Concurrency | p50 ms | p95 ms | req/s | against | p50 ms | req/s "
        "| ratio p50 | ratio req/s |",
        "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        mark = " *" if row.client_is_bottleneck else ""
        lines.append(
            f"| {row.name} | {row.size} | {row.concurrency} "
            f"| {row.p50:.2f} | {row.p95:.2f} | {row.rate:,.0f}{mark} "
            f"| {row.against} | {row.against_p50:.2f} | {row.against_rate:,.0f} "
            f"| **{row.ratio:.2f}** | **{row.rate_ratio:.2f}** |"
        )
    for start in starts:
        lines.append(
            f"| cold start | {start.label} | | {start.app * 1e3:.0f} | | | the libraries alone "
            f"| {start.libraries * 1e3:.0f} | | **{start.ratio:.2f}** | |"
        )
    if any(row.client_is_bottleneck for row in rows):
        lines += ["", "\\* The client was busy all the time: the servers could have done more."]
    return "\n".join(lines)


def aims(rows: Sequence[Row], starts: Sequence[ColdStart]) -> list[Aim]:
    """Those about which something was measured."""
    found = []
    if engine := [row for row in rows if row.against == "the engine"]:
        over = [row for row in engine if max(row.ratio, row.rate_ratio) > RATIO_MAX]
        worst = max(max(row.ratio, row.rate_ratio) for row in engine)
        measured = f"worst {worst:.2f}" + (f"; over it: {_named(over)}" if over else "")
        found.append(Aim(f"every operation within {RATIO_MAX:g}x of the engine", measured, not over))
    if polls := [row.rate for row in rows if row.name == "poll" and row.concurrency > 1]:
        promise = f"{POLLS_PER_SECOND_MIN:,} polls a second"
        found.append(Aim(promise, f"{min(polls):,.0f}", min(polls) >= POLLS_PER_SECOND_MIN))
    if saves := [r.p50 for r in rows if (r.name, r.size, r.concurrency) == ("save", SAVE_SIZE, 1)]:
        promise = f"a save of {SAVE_SIZE} in less than {SAVE_SECONDS_MAX * 1e3:g} ms"
        found.append(Aim(promise, f"{saves[0]:.2f} ms", saves[0] < SAVE_SECONDS_MAX * 1e3))
    if opened := [row.ratio for row in rows if row.name == "snapshot"]:
        promise = f"opening a snapshot within {SNAPSHOT_RATIO_MAX:g}x of opening a session"
        found.append(_within(promise, opened, SNAPSHOT_RATIO_MAX))
    if listed := [row.ratio for row in rows if row.name == "list of large"]:
        promise = f"a list of sessions of 1.5 MB within {LIST_RATIO_MAX:g}x of one of 1 KB"
        found.append(_within(promise, listed, LIST_RATIO_MAX))
    if starts:
        promise = f"a cold start within {COLD_START_RATIO_MAX:g}x of importing the libraries"
        found.append(_within(promise, [start.ratio for start in starts], COLD_START_RATIO_MAX))
    return found


def aims_table(found: Sequence[Aim]) -> str:
    """In Markdown."""
    lines = ["| Aim | Measured | |", "|---|---|---|"]
    return "\n".join(
        lines + [f"| {aim.promise} | {aim.measured} | {'met' if aim.met else '**not met**'} |" for aim in found]
    )


def as_json(
    machine: str, states: str, rows: Sequence[Row], starts: Sequence[ColdStart], found: Sequence[Aim]
) -> dict[str, object]:
    """Everything, with the ratios."""
    return {
        "machine": machine,
        "states": states,
        "rows": [asdict(row) | {"ratio": row.ratio, "rate_ratio": row.rate_ratio} for row in rows],
        "cold_starts": [asdict(start) | {"ratio": start.ratio} for start in starts],
        "aims": [asdict(aim) for aim in found],
    }


def _within(promise: str, ratios: Sequence[float], at_most: float) -> Aim:
    return Aim(promise, ", ".join(f"{ratio:.2f}" for ratio in ratios), max(ratios) <= at_most)


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.name} {row.size} at {row.concurrency}" for row in rows)
