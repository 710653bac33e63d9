"""Exit statuses and messages of `python -m operations`."""

from pathlib import Path

import pytest
from azure.identity import CredentialUnavailableError

from operations import owners, verify
from operations.__main__ import main
from operations.pace import Paced
from persistence import open_stores
from persistence.errors import StoreUnavailable
from persistence.storage.engine import Engine
from tests.operations.store import filled
from tests.operations.test_copy import copied, folder

pytestmark = pytest.mark.one_engine

URL = "https://localhost:1/savepoint"


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--calls-per-second", "0"],
        ["verify", "--units-per-second", "-1"],
        ["owners", "--calls-per-second", "nan"],
        ["erase", "--owner", ""],
        ["export", "--owner", " timers", "--to", "x"],
        ["copy", "--owner", "", "--to", "x"],
        ["owners", "--store", f"{URL}#secret"],
        ["read-only", "off", "--calls-per-second", "1"],
    ],
)
def test_a_wrong_call_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "secret" not in capsys.readouterr().err


def test_a_key_that_is_none_is_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COSMOS_KEY", "no key")
    with pytest.raises(SystemExit) as ended:
        main(["owners", "--store", URL])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "COSMOS_KEY is not a key" in said and "no key" not in said


def test_a_file_that_is_no_database_is_said_once_and_not_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "savepoint.db").write_bytes(b"no database " * 1_000)
    assert main(["owners", "--store", str(tmp_path)]) == 3
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("savepoint.db is not a database.") and said.count(str(StoreUnavailable())) == 1


def test_who_is_not_signed_in_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refused(*_: object) -> int:
        raise StoreUnavailable from CredentialUnavailableError("no account")

    monkeypatch.setattr(owners, "run", refused)
    assert main(["owners", "--store", str(tmp_path)]) == 3
    assert capsys.readouterr().err.splitlines()[-1].endswith("az login")


def test_a_fault_of_our_own_is_not_taken_for_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> int:
        raise ZeroDivisionError

    open_stores(tmp_path)
    monkeypatch.setattr(verify, "run", broken)
    assert main(["verify", "--store", str(tmp_path)]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_a_limit_is_that_of_each_store_of_a_copy(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced = list[Engine]()

    class Seen(Paced):
        def __init__(self, inner: Engine, *limits: float | None) -> None:
            super().__init__(inner, *limits)
            paced.append(inner)

    monkeypatch.setattr("operations.copy.Paced", Seen)
    await filled(engine, people=1, sessions=1)
    assert await copied(folder(tmp_path / "data"), folder(tmp_path / "target")) == 0
    assert len(paced) == 2 and paced[0] is not paced[1]
