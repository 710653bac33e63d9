"""`rename` that is killed by `kill -9` at any moment goes on with the same command."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query
from tests.devhost.server import REPOSITORY
from tests.operations.store import filled, freeze
from tests.operations.test_rename import NEW, OLD, exported, of
from tests.operations.test_verify import verified

pytestmark = [pytest.mark.one_engine, pytest.mark.soak, pytest.mark.timeout(1_800)]

KILLS = 20


def command(folder: Path) -> list[str]:
    words = ["rename", "--store", str(folder), "--from", OLD, "--to", NEW, "--yes"]
    return [sys.executable, "-m", "operations", *words]


async def sessions_of(engine: Engine, owner: str) -> int:
    return int(await engine.aggregate(SESSIONS, Query("session", owner, ("id",)), Aggregate.COUNT) or 0)


async def test_a_rename_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(engine, people=3, sessions=40)
    await freeze(engine)
    before, items = await exported(engine, OLD), len(await of(engine, OLD))
    total = await sessions_of(engine, OLD)
    moved = list[int]()
    for number in range(KILLS):
        # Slow enough to be seen under way. Each run gets a bit further.
        slow = [*command(tmp_path / "data"), "--calls-per-second", "400"]
        process = subprocess.Popen(
            slow, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while await sessions_of(engine, NEW) <= total * number // (KILLS + 2) and process.poll() is None:
            await asyncio.sleep(0.005)
        await asyncio.sleep(random.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"it had ended by itself: {said}"
        moved.append(await sessions_of(engine, NEW))
        between = {*await exported(engine, OLD), *await exported(engine, NEW)}
        assert not set(before) - between, "something is lost between two runs"
    done = subprocess.run(
        command(tmp_path / "data"), cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    with capsys.disabled():
        print(f"sessions moved at each of {KILLS} kills: {moved} of {total}")
    assert done.returncode == 0, done.stderr
    assert sorted(await exported(engine, NEW)) == sorted(before)
    assert len(await of(engine, NEW)) == items and not await of(engine, OLD)
    assert await verified(engine, capsys) == (0, [])
