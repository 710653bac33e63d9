"""A damaged index hides items. So nothing is copied, removed or repaired by what such a file lists."""

import json
from pathlib import Path

import orjson
import pytest

from operations.__main__ import main
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.operations import compact
from tests.operations.store import filled
from tests.support.sqlite import beside, overwrite

pytestmark = pytest.mark.one_engine


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """A store in which one title is another one than in the indexes."""
    folder = tmp_path / "source"
    engine = SqliteEngine(folder)
    await filled(engine, people=1, sessions=2, versions=1)
    await engine.close()
    with beside(folder) as connection:
        rowid, text = connection.execute("SELECT rowid, item FROM sessions WHERE kind = 'session'").fetchone()
    item = orjson.loads(text)
    item["metadata"] |= {"title": "Another", "title_lower": "another"}
    overwrite(folder, "sessions", rowid, orjson.dumps(item))
    return folder


def rows(folder: Path) -> list[tuple[object, ...]]:
    """Every row, read without an index."""
    with beside(folder) as connection:
        return [
            row
            for table in ("sessions", "snapshots", "snapshot_access_logs")
            for row in connection.execute(f"SELECT rowid, item, payload FROM {table} NOT INDEXED ORDER BY rowid")
        ]


def test_verify_names_the_file_and_repairs_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows(source)
    assert main(["verify", "--store", str(source), "--json", "--repair"]) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in said if one.get("kind") == "file"] == ["savepoint.db"]
    assert not any(one["repaired"] for one in said)
    assert rows(source) == before


@pytest.mark.parametrize("damaged", ["from", "to"])
def test_copy_refuses_it_until_it_is_compacted(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    sound.joinpath("savepoint.db").write_bytes(source.joinpath("savepoint.db").read_bytes())
    compact(sound)
    before = rows(sound)
    stores = [source, sound] if damaged == "from" else [sound, source]
    words = ["copy", "--from", str(stores[0]), "--to", str(stores[1]), "--overwrite"]
    assert main(words) == 2
    assert "make compact" in capsys.readouterr().err
    assert rows(sound) == before
    compact(source)
    assert main(words) == 0
