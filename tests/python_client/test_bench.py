"""The benchmark of the Python client runs. Its figures need a quiet machine."""

import os
import subprocess
import sys

from benchmarks.python_client import kinto
from tests.devhost.server import REPOSITORY
from tests.python_client.processes import SOURCE


def test_a_quick_run_measures_every_subject() -> None:
    line = [sys.executable, "-m", "benchmarks.python_client", "--quick"]
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(line, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    rows = [each.split("|")[2].strip() for each in done.stdout.splitlines()[2:]]
    assert rows == ["savepoint", "pickle", "put", *(["kinto"] if kinto.is_installed() else [])]
    assert kinto.is_installed() or "make .venv-kinto/ready" in done.stderr
