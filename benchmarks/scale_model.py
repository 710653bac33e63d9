"""What a number of people means for the database: the table of docs/scale.md.

python -m benchmarks.scale_model

Sizes and request units are read from the tables of docs/cost.md, habits and prices from month.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks import month

COST = Path(__file__).resolve().parents[1] / "docs" / "cost.md"
TYPICAL_COLUMN = 2
"""Of the three states, that of 218 KB."""

PEOPLE = (1_000, 10_000, 100_000, 1_000_000)
PEAK = 3.0
"""The busiest hour against the mean of the working hours. An assumption."""
PARTITION_UNITS, PARTITION_GB = 10_000, 50
MONTHS_KEPT = 12
SERVERLESS_UNITS = 20_000
"""RU/s that a serverless account carries at most. An assumption: four partitions of 5,000."""
AUTOSCALE_PER_100 = 8.76
"""US dollars for 100 RU/s of autoscale, used all month. As in docs/cost.md: 1,000 RU/s cost about 88."""
REQUESTS_PER_INSTANCE = 100.0
"""Requests a second that one instance serves. An assumption; docs/benchmarks.md measures more on one core."""
SAVES = ("autosave", "autosave within the same minute", "save", "create a session")


@dataclass(frozen=True, slots=True)
class Measured:
    """What docs/cost.md says of the typical state."""

    items: Mapping[str, int]
    units: Mapping[str, tuple[float, float]]

    @classmethod
    def read(cls, text: str) -> "Measured":
        items = {
            name: int(cells[TYPICAL_COLUMN - 1].replace(",", "")) for name, cells in _rows(text, "| bytes of")
        }
        units = dict[str, tuple[float, float]]()
        for name, cells in _rows(text, "| request units, Strong"):
            strong, session = cells[TYPICAL_COLUMN - 1].split(" / ")
            units[name] = float(strong.replace(",", "")), float(session.replace(",", ""))
        return cls(items, month.with_removals(units, items))

    def units_of_one(self) -> float:
        """Request units of one person in a month, with Strong. Without the runs that find nothing."""
        return sum(habit.times * self.units[habit.operation][0] for habit in month.HABITS)

    def stored_of_one(self) -> int:
        """Bytes of one person after a year in which nothing is deleted."""
        return MONTHS_KEPT * month.stored_bytes(self.items)


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of people ask of the database in a month."""

    people: int
    measured: Measured

    @property
    def million_units(self) -> float:
        return (
            self.people * self.measured.units_of_one() + month.TIMER_RUNS * self.measured.units[month.TIMER][0]
        ) / 1e6

    @property
    def mean(self) -> float:
        """RU/s in working hours."""
        return self.million_units * 1e6 / (month.WORKDAYS * month.HOURS_A_DAY * 3_600)

    @property
    def peak(self) -> float:
        return PEAK * self.mean

    @property
    def stored_gb(self) -> float:
        return self.people * self.measured.stored_of_one() / 1e9

    @property
    def partitions(self) -> int:
        """Physical ones: by throughput or by bytes, whichever needs more."""
        return max(1, ceil(self.peak / PARTITION_UNITS), ceil(self.stored_gb / PARTITION_GB))

    @property
    def storage_dollars(self) -> float:
        return self.stored_gb * month.PER_STORED_GB

    @property
    def serverless(self) -> str:
        if self.peak > SERVERLESS_UNITS:
            return "not possible"
        return f"{self.million_units * month.PER_MILLION_UNITS + self.storage_dollars:,.0f}"

    @property
    def autoscale_dollars(self) -> float:
        """Each hour is billed by its busiest second, at least a tenth of the most. Working hours lie between the
        mean and the peak."""
        busy = month.WORKDAYS * month.HOURS_A_DAY / (24 * 30)
        used = busy * (1 + PEAK) / 2 / PEAK + (1 - busy) * 0.1
        return self.peak / 100 * AUTOSCALE_PER_100 * used + self.storage_dollars

    @property
    def instances(self) -> int:
        requests = self.people * month.requests_of_one() / (month.WORKDAYS * month.HOURS_A_DAY * 3_600)
        return max(1, ceil(PEAK * requests / REQUESTS_PER_INSTANCE))

    @property
    def contents_a_day(self) -> float:
        """Millions of contents that the sweep has to look at."""
        saves = sum(habit.times for habit in month.HABITS if habit.operation in SAVES)
        return self.people * saves / month.WORKDAYS / 1e6

    @property
    def lines_a_day(self) -> float:
        """Millions of lines of activity that the daily timer has to remove."""
        removed = next(one.times for one in month.HABITS if one.operation == "remove a line of activity")
        return self.people * removed / month.WORKDAYS / 1e6


def table(measured: Measured) -> Iterator[str]:
    """Yields the lines of the table."""
    loads = [Load(people, measured) for people in PEOPLE]
    rows = [
        ("million RU a month", [f"{one.million_units:,.0f}" for one in loads]),
        ("RU/s in working hours, mean / peak", [f"{one.mean:,.0f} / {one.peak:,.0f}" for one in loads]),
        ("GB after a year", [f"{one.stored_gb:,.0f}" for one in loads]),
        ("physical partitions", [f"{one.partitions:,}" for one in loads]),
        ("instances at the peak", [f"{one.instances:,}" for one in loads]),
        ("million contents a workday, for the sweep", [f"{one.contents_a_day:,.2f}" for one in loads]),
        ("million lines a workday, for the daily timer", [f"{one.lines_a_day:,.2f}" for one in loads]),
        ("USD a month, serverless", [one.serverless for one in loads]),
        ("USD a month, autoscale", [f"{one.autoscale_dollars:,.0f}" for one in loads]),
    ]
    yield "| people | " + " | ".join(f"{people:,}" for people in PEOPLE) + " |"
    yield "| --- |" + " ---: |" * len(PEOPLE)
    for name, cells in rows:
        yield f"| {name} | " + " | ".join(cells) + " |"


def _rows(text: str, heading: str) -> Iterator[tuple[str, list[str]]]:
    """Yields the name and the cells of each row of the table with this heading."""
    _, _, rest = text.partition(f"\n{heading}")
    for line in rest.split("\n\n")[0].splitlines()[2:]:
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        yield re.sub(r"\*", "", name), cells


if __name__ == "__main__":
    print("\n".join(table(Measured.read(COST.read_text()))))
