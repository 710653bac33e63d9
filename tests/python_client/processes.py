"""Processes that save, which a test ends or kills."""

import os
import subprocess
import sys
from pathlib import Path

from tests.python_client.conftest import Person

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "clients" / "python" / "src"

PRELUDE = """
import os, sys, time, signal
from savepoint_client import connect
server = connect(os.environ["URL"], headers={"X-User-Id": os.environ["USER_ID"]}, app="race",
                 journal_dir=os.environ["JOURNAL"])
"""


def start(person: Person, script: str, **environ: str) -> subprocess.Popen[str]:
    """Runs a script in another process. It has `server`, connected as this person."""
    env = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "URL": person.url,
        "USER_ID": person.name,
        "JOURNAL": str(person.journal_dir),
        **environ,
    }
    return subprocess.Popen(
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", PRELUDE + script],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(process: subprocess.Popen[str], seconds: float = 60) -> str:
    """Waits for the end of a process that must succeed. Returns what it wrote."""
    out, error = process.communicate(timeout=seconds)
    assert process.returncode == 0 and not error, (process.returncode, out, error)
    return out


def run(person: Person, script: str, **environ: str) -> str:
    return ends(start(person, script, **environ))


def says(process: subprocess.Popen[str]) -> str:
    """Returns the next line that a process writes."""
    assert process.stdout
    return process.stdout.readline().strip()
