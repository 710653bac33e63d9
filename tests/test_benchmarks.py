"""The benchmarks run end to end. Their figures are not checked here, because they need a quiet machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scale import LISTS
from benchmarks.states import edited, generated, states
from persistence.content import pack
from persistence.deltas import apply
from tests.support.deltas import delta_between, missing_encoder
from tests.support.wire import missing

ROOT = Path(__file__).resolve().parents[1]
OPERATIONS = {"create", "get", "poll", "metadata", "list", "save", "content", "save-content"}
SIZES = {"10 KB", "218 KB", "1,474 KB"}


def run(*arguments: str, module: str = "benchmarks") -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, "--quick", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_quick_run_measures_everything_and_judges_every_aim(tmp_path: Path):
    written = tmp_path / "figures.json"
    printed = run("--json", str(written))
    figures = json.loads(written.read_text())
    against_the_engine = {
        (row["name"], row["size"], row["concurrency"]) for row in figures["rows"] if row["against"] == "the engine"
    }
    assert against_the_engine == {(name, size, c) for name in OPERATIONS for size in SIZES for c in (1, 8)}
    names = {row["name"] for row in figures["rows"]}
    scaled = {name for _, _, name in LISTS} | {"usage", "save with limits", "create with limits"}
    assert {"snapshot", "list of large", "delta save"} | scaled <= names
    for row in figures["rows"]:
        assert row["requests"] >= row["concurrency"] and 0 < row["p50"] <= row["p95"] and row["rate"] > 0, row
        assert row["p50_ratio"] > 0 and row["rate_ratio"] > 0, row
        assert f"| {row['name']} | {row['size']} | {row['concurrency']} |" in printed
    assert all(start["app"] > 0 and start["libraries"] > 0 for start in figures["cold_starts"])
    assert len(figures["aims"]) >= 9
    for aim in figures["aims"]:
        [line] = [line for line in printed.splitlines() if line.startswith(f"| {aim['promise']} |")]
        assert line.endswith("| met |" if aim["met"] else "| **not met** |")


def test_only_what_is_named_is_measured(tmp_path: Path):
    written = tmp_path / "figures.json"
    run("--only", "poll", "--json", str(written))
    figures = json.loads(written.read_text())
    assert {row["name"] for row in figures["rows"]} == {"poll"}
    assert figures["cold_starts"] == []


@pytest.mark.soak
def test_a_quick_run_measures_what_counting_costs():
    printed = run("--only", "list", module="benchmarks.metrics")
    [cells] = [line.split(" | ") for line in printed.splitlines() if line.startswith("| list |")]
    assert all(float(cells[place].replace(",", "")) > 0 for place in (2, 3, 4, 6))
    assert "A scrape takes" in printed and "start of devhost" in printed


def test_an_unknown_name_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "nothing"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "nothing" in done.stderr


@pytest.mark.parametrize(("size", "packed"), [(10_172, 2_155), (218_048, 34_025), (1_474_183, 152_787)])
def test_a_generated_state_packs_like_the_real_one(size: int, packed: int):
    content = generated(size, packed)
    assert len(content.encode()) == size
    assert len(pack(content).payload) == pytest.approx(packed, rel=0.25)
    assert content == generated(size, packed)


@pytest.mark.skipif(bool(missing_encoder()), reason=missing_encoder() or "")
def test_six_edits_of_the_largest_state_travel_in_less_than_2_kb():
    state = states()[-1]
    edit, base = edited(state.content), state.content.encode()
    by_npm = delta_between(base, edit.content)
    for delta in (edit.there, by_npm):
        assert apply(delta, base, len(edit.content)) == edit.content
        assert len(delta) < 2_000
    assert apply(edit.back, edit.content, len(base)) == base


def test_the_app_of_another_checkout_can_take_the_place_of_the_engine(tmp_path: Path):
    written = tmp_path / "figures.json"
    run("--only", "poll", "--against", str(ROOT), "--json", str(written))
    assert {row["against"] for row in json.loads(written.read_text())["rows"]} == {ROOT.name}


@pytest.mark.skipif(bool(missing()), reason=missing() or "")
def test_two_apps_can_be_compared_over_the_wire(tmp_path: Path):
    written = tmp_path / "figures.json"
    run("--only", "poll", "--wire", "--against", str(ROOT), "--json", str(written))
    assert len(json.loads(written.read_text())["rows"]) == len(SIZES) * 2
