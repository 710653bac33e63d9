"""The benchmark of the module runs. Its figures are not checked here, because they need a quiet machine."""

import os
import subprocess
import sys

import pytest

from tests.browser.built import SOURCE, needs_node
from tests.support.browser import CHROMIUM

ROOT = SOURCE.parents[1]

pytestmark = [
    needs_node,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="no Chromium is installed"),
    pytest.mark.skipif(
        not (ROOT / "benchmarks" / "browser" / "node_modules").is_dir() and os.environ.get("CI") != "true",
        reason="what it is compared with is not installed: run `make setup`",
    ),
]


def test_a_run_has_a_row_for_each_way_to_keep_a_text() -> None:
    command = [sys.executable, "-m", "benchmarks.browser", "--edits", "1", "--only", "10 KB"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["savepoint", "y-indexeddb", "idb-keyval"]
    sent = [int(row[-1].rstrip(" |").replace(",", "")) for row in rows]
    assert 0 < sent[0] < 1_000 and sent[2] > 10_000


def test_the_workbench_has_a_row_for_few_sessions_and_for_many() -> None:
    command = [sys.executable, "-m", "benchmarks.browser.workbench", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["| 60", "| 100"]


def test_the_modules_have_a_row_in_which_each_was_migrated() -> None:
    command = [sys.executable, "-m", "benchmarks.browser.modules", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    [row] = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0], row[2]] == ["| 200", "200"]
