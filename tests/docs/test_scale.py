"""docs/scale.md has the table that the model prints, and the limits that follow from the settings."""

from pathlib import Path

import pytest

from benchmarks import month
from benchmarks.scale_model import COST, PEOPLE, Load, Measured, table
from settings import Settings

SCALE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


@pytest.fixture
def measured() -> Measured:
    return Measured.read(COST.read_text())


def test_the_table_is_what_the_model_prints(measured: Measured):
    assert "\n".join(table(measured)) in SCALE.read_text(), "run: python -m benchmarks.scale_model"


def test_the_page_stays_short():
    assert len(SCALE.read_text().splitlines()) <= 100


def test_every_operation_of_the_month_is_in_the_cost_page(measured: Measured):
    assert {habit.operation for habit in month.HABITS} | {month.TIMER} <= set(measured.units)
    assert {"content", "head, full history", "snapshot", "line of activity"} <= set(measured.items)


def test_the_model_agrees_with_the_worked_month(measured: Measured):
    [together] = [
        line for line in COST.read_text().splitlines() if line.startswith("| **together** |  | **") and "/" in line
    ]
    strong = float(together.split("**")[3].split(" / ")[0].replace(",", ""))
    assert Load(month.PEOPLE, measured).million_units == pytest.approx(strong, rel=0.05)


def test_ten_times_the_people_are_ten_times_the_load(measured: Measured):
    fewer, more = (Load(people, measured) for people in PEOPLE[1:3])
    assert more.peak == pytest.approx(10 * fewer.peak, rel=0.01)
    assert more.partitions == pytest.approx(10 * fewer.partitions, rel=0.1)


def test_the_people_that_one_run_is_enough_for_follow_from_the_settings(measured: Measured):
    items = Settings.model_fields["timer_items_max"].default
    one = Load(1, measured)
    text = SCALE.read_text()
    assert f"| {96 * items:,} | {round(96 * items / (one.contents_a_day * 1e6), -3):,.0f} people |" in text
    assert f"| {10 * items:,} | {round(10 * items / (one.lines_a_day * 1e6), -3):,.0f} people |" in text
