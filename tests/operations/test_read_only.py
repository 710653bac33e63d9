"""`read-only on` under load: after it has returned, no write of any process is acknowledged."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from rich.progress import Progress

from operations import read_only as verb
from operations.__main__ import main
from operations.places import Place
from operations.terminal import Terminal
from persistence import open_stores, read_only
from persistence.content import pack
from persistence.documents import timestamp_text
from persistence.errors import Maintenance, StoreUnavailable
from persistence.read_only import Switch
from persistence.sessions.documents import NewSession
from persistence.storage.around import Around
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.engine import Engine
from tests.devhost.server import REPOSITORY
from tests.operations.test_verify import Open

pytestmark = pytest.mark.one_engine

WRITERS = 8
T = TypeVar("T")


def session(number: int) -> NewSession:
    return NewSession(title=f"{number}", description=None, content=pack(f"content {number}"))


async def test_no_write_of_eight_processes_is_acknowledged_after_it_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writer has stores of its own, as a process has. Their looks are a hundred times as frequent."""
    for module in (read_only, verb):
        monkeypatch.setattr(module, "UNREAD_MAX_SECONDS", 0.3)
    monkeypatch.setattr(read_only, "LOOK_SECONDS", 0.05)
    place = Place(str(tmp_path), tmp_path, 0.2)
    acknowledged, has_returned = list[str](), False
    stop = asyncio.Event()

    async def write(writer: int) -> None:
        stores = open_stores(tmp_path)
        number = 0
        while not stop.is_set():
            try:
                head = await stores.sessions.create(f"owner-{writer}", session(number))
            except StoreUnavailable:
                await asyncio.sleep(0.02)
                continue
            assert not has_returned, "acknowledged after `on` had returned"
            acknowledged.append(f"owner-{writer} {head.id}")
            number += 1
        await stores.close()

    writers = [asyncio.create_task(write(number)) for number in range(WRITERS)]
    await asyncio.sleep(0.3)
    with Progress(disable=True) as bars:
        terminal = Terminal(bars, as_json=True)
        assert await verb.run(Namespace(store=place, state="on", sentence=None), terminal) == 0
        has_returned, count = True, len(acknowledged)
        await asyncio.sleep(0.3)
        has_returned = False
        assert await verb.run(Namespace(store=place, state="off", sentence=None), terminal) == 0
    while len(acknowledged) < count + WRITERS:
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*writers)
    stores = open_stores(tmp_path)
    for line in acknowledged:
        await stores.sessions.get_summary(*line.split())
    await stores.close()
    assert len(set(acknowledged)) == len(acknowledged) > count


async def test_on_again_leaves_no_moment_without_it_and_show_says_since_when(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    class Looks(Around):
        async def around(self, call: Awaitable[T]) -> T:
            done = await super().around(call)
            states.append(await Switch(engine).since())
            return done

    states = list[datetime | None]()
    since = await Switch(engine).turn_on("One")
    assert await Switch(Looks(engine)).turn_on("Two") == since
    assert states and set(states) == {since}
    with pytest.raises(Maintenance, match="Two"):
        await Switch(engine).check()
    with Progress(disable=True) as bars:
        await verb.run(Namespace(store=Open(engine), state="show"), Terminal(bars, as_json=True))
    assert json.loads(capsys.readouterr().out) == {"readOnly": True, "since": timestamp_text(since)}


async def test_a_damaged_switch_is_on_and_can_be_set_again(engine: Engine) -> None:
    await Switch(engine).turn_on()
    stored = await engine.read(SESSIONS, read_only.ID, TIMERS_PARTITION)
    await engine.replace(SESSIONS, {**stored.item, "since": "no time"}, stored.etag)
    assert await Switch(engine).since() is not None
    await Switch(engine).turn_on("Again")
    with pytest.raises(Maintenance, match="Again"):
        await Switch(engine).check()


def test_ctrl_c_says_that_the_mode_is_on(tmp_path: Path) -> None:
    open_stores(tmp_path)
    command = [sys.executable, "-m", "operations", "read-only", "on", "--store", str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while asyncio.run(_since(tmp_path)) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (3, verb.INTERRUPTED + "\n")
    assert asyncio.run(_since(tmp_path)) is not None


async def _since(folder: Path) -> datetime | None:
    async with Place(str(folder), folder, 30.0).opened() as engine:
        return await Switch(engine).since()


def test_a_wrong_call_and_a_missing_store_are_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read-only", "off", "--store", str(tmp_path)]) == 2
    assert "has no savepoint.db" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "nothing was created"
    for words in ([], ["read-only"], ["read-only", "off", "--store", "https://account/db?key=secret"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
    assert "secret" not in capsys.readouterr().err


def test_it_is_a_program(tmp_path: Path) -> None:
    open_stores(tmp_path)
    command = [sys.executable, "-m", "operations", "read-only", "off", "--json", "--store", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"readOnly": false}\n', "")
