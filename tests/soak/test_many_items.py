"""A million items are checked, listed and compared within 1 GB of memory."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.devhost.server import REPOSITORY
from tests.support.many import fill

MOST_BYTES = 1_000_000_000
SESSIONS = 500_000
"""Each has two items."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3_600)]


def run(*words: str) -> str:
    """Runs a verb in a process. Returns what it says. Asserts that it ends well, within the memory."""
    began, most = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, "-m", "operations", *words], cwd=REPOSITORY, stdout=said)
        while process.poll() is None:
            most = peak_bytes(process.pid) or most
            time.sleep(0.1)
        said.seek(0)
        text = said.read()
    print(f"{words[0]}: {most / 1e6:.0f} MB, {time.monotonic() - began:.0f} s")
    assert process.returncode == 0, text
    assert 0 < most < MOST_BYTES
    return text


def peak_bytes(process: int) -> int:
    """Returns the most memory that a process has had so far. 0 if it has ended. What the system counts for a child
    that has ended includes the memory of the process that started it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.mark.parametrize("owners", [1, 50_000])
async def test_a_million_items_take_less_than_a_gigabyte(tmp_path: Path, owners: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    await fill(source, owners, SESSIONS // owners)
    print(f"{owners} owners, {(source / 'savepoint.db').stat().st_size / 1e6:.0f} MB")
    assert run("verify", "--store", str(source)) == "Found nothing. Repaired 0.\n"
    run("owners", "--store", str(source))
    # It has everything already: a copy item by item takes more than an hour.
    shutil.copytree(source, target)
    said = run("copy", "--from", str(source), "--to", str(target), "--overwrite")
    assert said == f"{2 * SESSIONS} compared, 0 copied, 0 removed, 0 damaged.\n"
