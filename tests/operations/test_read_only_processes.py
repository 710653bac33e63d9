"""`read-only on` while eight processes write to two servers over one file, with the times of real life."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from persistence.storage.containers import SESSIONS
from tests.devhost.server import REPOSITORY
from tests.operations.store import everything
from tests.operations.test_copy import folder
from tests.support.storage import on_sqlite

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

WRITERS = 8


class Response(NamedTuple):
    status: int
    at: float
    title: str


def start(url: str, owner: str, file: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.operations.writer", url, owner]
    with file.open("wb") as written:
        return subprocess.Popen(words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=written)


def responses(files: list[Path]) -> list[Response]:
    """Returns all responses so far, of whole lines."""
    lines = [line for file in files for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    fields = [line.split() for line in lines]
    return [Response(int(status), float(at), title) for status, at, title in fields]


def switch(state: str, path: Path) -> float:
    """Runs `read-only` and returns when it had ended."""
    words = [sys.executable, "-m", "operations", "read-only", state, "--store", str(path)]
    subprocess.run(words, cwd=REPOSITORY, check=True, timeout=300, stdout=subprocess.DEVNULL)
    return time.monotonic()


def wait_until_each_was_acknowledged(files: list[Path], since: float) -> None:
    deadline = time.monotonic() + 120
    while not all(any(one.status == 201 and one.at > since for one in responses([file])) for file in files):
        assert time.monotonic() < deadline, "a writer is not acknowledged"
        time.sleep(0.2)


async def test_no_write_of_eight_processes_is_acknowledged_after_it_returned(tmp_path: Path) -> None:
    data, files = tmp_path / "data", [tmp_path / f"writer-{number}" for number in range(WRITERS)]
    storage = on_sqlite(data)
    storage = type(storage)({**storage.environ, "WRITES_PER_MINUTE": "0"})
    with ExitStack() as stack:
        servers = [stack.enter_context(storage.serve()) for _ in range(2)]
        writers = [
            start(servers[number % 2].base_url, f"owner-{number}", file) for number, file in enumerate(files)
        ]
        try:
            wait_until_each_was_acknowledged(files, 0)
            returned = switch("on", data)
            time.sleep(10)
            begins_off = time.monotonic()
            wait_until_each_was_acknowledged(files, switch("off", data))
        finally:
            for writer in writers:
                writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    found = responses(files)
    acknowledged = [one for one in found if one.status == 201]
    refused = [one for one in found if one.status == 503]
    print(f"{len(acknowledged)} acknowledged, {len(refused)} refused")
    assert {one.status for one in found} == {201, 503}
    assert len([one for one in refused if returned < one.at < begins_off]) > WRITERS
    last = max(one.at for one in acknowledged if one.at < begins_off)
    print(f"the last write was acknowledged {returned - last:.1f} s before it returned")
    assert last < returned
    async with folder(data).opened() as engine:
        items = await everything(engine)
    stored = [
        item["metadata"]["title"]
        for (container, *_), item in items.items()
        if container == SESSIONS.name and item["kind"] == "session"
    ]
    assert sorted(stored) == sorted(one.title for one in acknowledged), "lost, or twice"
