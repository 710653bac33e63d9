"""`copy` brings everything from one engine to the other and back, also if it is killed."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from operations import copy
from operations.items import count
from operations.pace import Paced
from operations.places import Place
from persistence import stores_over
from persistence.account.erasure import erase
from persistence.account.export import export
from persistence.content import pack
from persistence.sessions.documents import NewSession
from persistence.storage.containers import CONTAINERS, SESSIONS, TIMERS_PARTITION, Container
from persistence.storage.engine import PAYLOAD, Engine, Stored
from tests.conftest import new_cosmos_account
from tests.devhost.server import REPOSITORY
from tests.operations.store import everything, filled, terminal
from tests.support.wire import EMULATOR_KEY

pytestmark = pytest.mark.one_engine


async def copied(source: Place, target: Place, owner: str | None = None, *, overwrite: bool = False) -> int:
    pace = {"calls_per_second": None, "units_per_second": None}
    with terminal() as shown:
        return await copy.run(Namespace(store=source, to=target, owner=owner, overwrite=overwrite, **pace), shown)


def folder(path: Path) -> Place:
    return Place(str(path), path, 30.0)


@pytest.fixture
async def wire(cosmos_endpoint: str) -> Place:
    account = await new_cosmos_account(cosmos_endpoint)
    return Place(f"{account.endpoint}/{account.database}", account, 230.0)


async def of(place: Place) -> dict[Any, Any]:
    async with place.opened() as engine:
        return await everything(engine)


async def exported(place: Place, owner: str) -> list[object]:
    async with place.opened() as engine:
        return [
            (line.kind, line.fields, line.content) async for line, _ in export(stores_over(engine).kinds, owner)
        ]


@pytest.mark.parametrize("sessions", [4, pytest.param(334, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])])
async def test_from_sqlite_to_cosmos_and_back_everything_is_the_same(
    engine: Engine, tmp_path: Path, wire: Place, sessions: int
) -> None:
    source, back = folder(tmp_path / "data"), folder(tmp_path / "back")
    await filled(engine, sessions=sessions)
    assert await copied(source, wire) == 0
    assert await copied(wire, back) == 0
    before = await everything(engine)
    assert await of(wire) == before
    assert await of(back) == before and len(before) > 60
    for owner in ("person-0", "person-2"):
        assert await exported(back, owner) == await exported(source, owner)


async def test_the_next_run_copies_what_changed_and_removes_what_is_gone(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    stores = await filled(engine)
    await copied(source, target)
    capsys.readouterr()
    await copied(source, target)
    assert json.loads(capsys.readouterr().out) | {"compared": 0} == {
        "compared": 0,
        "copied": 0,
        "removed": 0,
        "damaged": 0,
    }
    while not (await erase(stores.kinds, "person-1")).done:
        pass
    await stores.sessions.create("person-2", NewSession(title="Later", description=None, content=pack("later")))
    assert await copied(source, target) == 0
    after = await of(target)
    assert after == await everything(engine)
    assert not [
        item for item in after.values() if item.get("owner_id") == "person-1" and item["kind"] == "session"
    ]


async def test_the_next_run_reads_nothing_that_is_the_same(
    engine: Engine, tmp_path: Path, wire: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By lists alone it is known to be the same, also between two engines."""
    reads = Counter[str]()

    class Seen(Paced):
        async def read(self, container: Container, id: str, partition: str) -> Stored:
            reads[partition] += 1
            return await super().read(container, id, partition)

    monkeypatch.setattr("operations.copy.Paced", Seen)
    source = folder(tmp_path / "data")
    await filled(engine, people=2, sessions=2)
    await copied(source, wire)
    assert reads.pop(TIMERS_PARTITION) and reads
    reads.clear()
    await copied(source, wire)
    assert set(reads) == {TIMERS_PARTITION}


async def test_one_person_is_copied_beside_others(engine: Engine, tmp_path: Path) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine)
    async with target.opened(create=True) as others:
        await stores_over(others).sessions.create(
            "other", NewSession(title="O", description=None, content=pack("o"))
        )
    for _ in range(2):
        assert await copied(source, target, "person-1") == 0
    assert await exported(target, "person-1") == await exported(source, "person-1")
    assert len(await exported(target, "other")) > 0 and not await exported(target, "person-0")


async def test_a_target_whose_app_only_runs_its_timers_is_none_of_others(engine: Engine, tmp_path: Path) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    for _ in range(2):
        async with target.opened(create=True) as there:
            await stores_over(there).timers.run("sweep_sessions")
        assert await copied(source, target) == 0
    assert await of(target) == await everything(engine)


async def test_what_is_damaged_is_counted_and_not_copied(engine: Engine, tmp_path: Path) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    partition, id = next(
        each[1:] for each, item in (await everything(engine)).items() if item["kind"] == "content"
    )
    stored = await engine.read(SESSIONS, id, partition)
    await engine.replace(SESSIONS, stored.item | {PAYLOAD: b"no gzip"}, stored.etag)
    assert await copied(source, target) == 1
    assert len(await of(target)) == len(await everything(engine)) - 1


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])])
async def test_a_copy_that_is_killed_goes_on(engine: Engine, tmp_path: Path, wire: Place, kills: int) -> None:
    await filled(engine, people=4, sessions=6)
    command = [sys.executable, "-m", "operations", "copy", "--from", str(tmp_path / "data"), "--to", wire.text]
    env = {"COSMOS_KEY": EMULATOR_KEY, "PATH": "/usr/bin:/bin"}
    total = await count(engine, CONTAINERS)
    async with wire.opened() as target:
        for number in range(1, kills + 1):
            # Slow enough to be seen under way. Each run gets a bit further.
            slow = [*command, "--calls-per-second", "200"]
            process = subprocess.Popen(
                slow, cwd=REPOSITORY, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            wanted = total * number // (2 * kills)
            while await count(target, CONTAINERS) < wanted and process.poll() is None:
                await asyncio.sleep(random.uniform(0.01, 0.05))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert process.returncode == -signal.SIGKILL, "it had ended by itself"
    done = subprocess.run(
        command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert await of(wire) == await everything(engine)
