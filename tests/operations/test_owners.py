"""`owners`, `erase` and `export`, for requests that come by letter. On each engine."""

import csv
import io
import json
from argparse import Namespace
from pathlib import Path

import pytest

from operations import erase, export, owners
from operations.places import WrongCall
from persistence import stores_over
from persistence.read_only import Switch
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.operations.store import everything, filled, terminal
from tests.operations.test_verify import Open
from tests.support.http import Client, assert_ok

PACE = {"calls_per_second": None, "units_per_second": None, "json": False}


async def test_owners_are_listed_by_what_they_keep(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    stores = await filled(engine)
    with terminal() as shown:
        assert await owners.run(Namespace(store=Open(engine), **PACE), shown) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["owner"] for row in rows} == {"person-0", "person-1", "person-2"}
    sizes = [int(row["bytes"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0
    used = await stores.limits.usage(rows[0]["owner"])
    assert int(rows[0]["bytes"]) == used["kept_bytes"]
    assert (rows[0]["sessions"], rows[0]["drafts"], rows[0]["snapshots"]) == ("4", "1", "1")
    assert rows[0]["last_activity"].endswith("Z")


async def test_erase_needs_yes_and_deletes_what_the_person_could_delete(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(engine)
    before = await everything(engine)
    with terminal() as shown:
        with pytest.raises(WrongCall):
            await erase.run(Namespace(store=Open(engine), owner="person-1", yes=False, **PACE), shown)
        assert await everything(engine) == before
        call = Namespace(store=Open(engine), owner="person-1", yes=True, **PACE)
        await Switch(engine).turn_on()
        with pytest.raises(WrongCall, match="Turn it off first"):
            await erase.run(call, shown)
        await Switch(engine).turn_off()
        assert await erase.run(call, shown) == 0
        with pytest.raises(WrongCall, match="person-1 has nothing here"):
            await erase.run(call, shown)
    after = await everything(engine)
    assert not [one for one in after if one[0] == "sessions" and one[1] == "person-1"]
    assert [one for one in after if one[1] == "person-2"]
    assert json.loads(capsys.readouterr().out.splitlines()[1])["sessions"] > 0


async def test_an_export_is_what_the_person_gets_and_can_be_imported(engine: Engine, tmp_path: Path) -> None:
    stores = await filled(engine)
    file = tmp_path / "person-1.ndjson"
    call = Namespace(store=Open(engine), owner="person-1", to=file, **PACE)
    with terminal() as shown:
        assert await export.run(call, shown) == 0
        with pytest.raises(WrongCall):
            await export.run(call, shown)
        with pytest.raises(WrongCall, match="has nothing here"):
            await export.run(Namespace(**(vars(call) | {"owner": "nobody", "to": tmp_path / "n"})), shown)
    assert file.stat().st_mode & 0o077 == 0
    lines = file.read_bytes()
    own = await Client(stores, SETTINGS, "person-1").get("persistence/export")
    assert lines.splitlines() == own.body.splitlines()[:-1]
    other = Client(stores_over(engine), SETTINGS, "newcomer")
    headers = {"Content-Type": "application/x-ndjson"}
    assert_ok(await other.call("POST", "persistence/import", lines, headers, {"import_id": "import-00001"}))
    assert len(assert_ok(await other.get("persistence/sessions")).json["items"]) == 4
