"""What is not finished: a store refuses, Ctrl-C, or `kill -9`. The same command then goes on."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operations.__main__ import main
from persistence import open_engine, open_stores
from persistence.errors import OwnerFull, Throttled
from persistence.storage.around import Around
from persistence.storage.containers import Container
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.engine import Engine
from tests.operations.store import filled, freeze
from tests.operations.test_copy import folder, of

pytestmark = pytest.mark.one_engine

AFTER = 20
"""Writes that succeed before."""


class Disturbed(Around):
    """Something happens before each write, from the 21st on."""

    def __init__(self, inner: Engine, disturb: Callable[[], None]) -> None:
        super().__init__(inner)
        self._disturb, self._left = disturb, AFTER

    async def before_write(self, container: Container, partition: object) -> None:
        self._left -= 1
        if self._left < 0:
            self._disturb()


def disturb(monkeypatch: pytest.MonkeyPatch, path: Path, how: Callable[[], None]) -> None:
    """Disturbs the store in that folder."""

    def opened(place: Path | CosmosAccount) -> Engine:
        engine = open_engine(place)
        return Disturbed(engine, how) if place == path else engine

    monkeypatch.setattr("operations.places.open_engine", opened)


def raised(error: Exception) -> Callable[[], None]:
    def disturb() -> None:
        raise error

    return disturb


def pressed() -> None:
    signal.raise_signal(signal.SIGINT)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    async def fill() -> None:
        stores = open_stores(tmp_path / "source")
        await filled(stores.engine, people=2, sessions=2)
        await freeze(stores.engine)
        await stores.close()

    asyncio.run(fill())
    return tmp_path / "source"


INTERRUPTED = "not finished: interrupted. Repeat the command.\n"


@pytest.mark.parametrize("error", [Throttled(1.0), OwnerFull()], ids=lambda error: type(error).__name__)
def test_a_copy_to_a_store_that_refuses_is_status_3_and_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Any
) -> None:
    words = ["copy", "--from", str(source), "--to", str(tmp_path / "target")]
    with monkeypatch.context() as patched:
        disturb(patched, tmp_path / "target", raised(error))
        assert main(words) == 3
    assert capsys.readouterr().err == f"copy: not finished: {error}\n"
    assert 0 < len(asyncio.run(of(folder(tmp_path / "target")))) < len(asyncio.run(of(folder(source))))
    assert main(words) == 0
    assert asyncio.run(of(folder(tmp_path / "target"))) == asyncio.run(of(folder(source)))


def test_ctrl_c_in_a_copy_is_status_3_and_it_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["copy", "--from", str(source), "--to", str(tmp_path / "target"), "--calls-per-second", "100000"]
    with monkeypatch.context() as patched:
        disturb(patched, tmp_path / "target", pressed)
        assert main(words) == 3
    assert capsys.readouterr() == ("", f"copy: {INTERRUPTED}")
    assert main(words) == 0
    assert asyncio.run(of(folder(tmp_path / "target"))) == asyncio.run(of(folder(source)))


@pytest.mark.parametrize("how", [pressed, killed])
def test_a_rename_goes_on_after_ctrl_c_and_after_a_kill(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: Callable[[], None]
) -> None:
    before = asyncio.run(of(folder(source)))
    words = ["rename", "--store", str(source), "--from", "person-1", "--to", "new", "--yes"]
    with monkeypatch.context() as patched:
        disturb(patched, source, how)
        if how is pressed:
            assert main(words) == 3
            assert capsys.readouterr().err == f"rename: {INTERRUPTED}"
        else:
            assert ended(words) == -signal.SIGKILL
    between = asyncio.run(of(folder(source)))
    assert {at[1] for at in between} >= {"person-1", "new"}, "it was under way"
    assert main(words) == 0
    after = asyncio.run(of(folder(source)))
    assert not [at for at, item in after.items() if "person-1" in str(item) and item["kind"] != "idempotency"]
    assert sorted(at[2] for at in after if at[1] == "new") == sorted(
        at[2] for at, item in before.items() if at[1] == "person-1" and item["kind"] != "idempotency"
    )


def ended(words: list[str]) -> int:
    """Runs the command in a process of its own, without a new start. Returns its exit status."""
    process = os.fork()
    if process == 0:
        try:
            main(words)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
