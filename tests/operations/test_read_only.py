"""`read-only on` under load: after it has returned, no write of any process is acknowledged."""

import asyncio
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from rich.progress import Progress

from operations import read_only as verb
from operations.__main__ import main
from operations.places import Place
from operations.terminal import Terminal
from persistence import open_stores, read_only
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import NewSession
from tests.devhost.server import REPOSITORY

pytestmark = pytest.mark.one_engine

WRITERS = 8


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
