"""`verify` finds each of many damages at once, by id and kind: flips, missing pieces and wrong counts."""

import random
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.operations import compact
from tests.operations.damages import OF_SESSIONS, OF_SNAPSHOTS, Victim
from tests.operations.store import everything, filled
from tests.operations.test_verify import verified
from tests.support.clock import Clock
from tests.support.sqlite import beside, overwrite

pytestmark = pytest.mark.one_engine

SOAK = [pytest.mark.soak, pytest.mark.timeout(3_600)]
SHARE = len(OF_SNAPSHOTS) / (len(OF_SNAPSHOTS) + len(OF_SESSIONS))


async def victims(engine: Engine) -> tuple[list[Victim], list[Victim]]:
    """Returns the sessions that have a long history, and the snapshots."""
    items = list((await everything(engine)).values())
    owners = sorted({item["owner_id"] for item in items if item["kind"] == "snapshot"})
    sessions = [
        Victim(engine, item["id"], item["owner_id"])
        for item in items
        if item["kind"] == "session" and len(item["revisions"]) > 11
    ]
    snapshots = [
        Victim(engine, item["id"], item["owner_id"], next(one for one in owners if one != item["owner_id"]))
        for item in items
        if item["kind"] == "snapshot"
    ]
    return sessions, snapshots


@pytest.mark.parametrize("number", [12, pytest.param(200, marks=SOAK)])
async def test_each_of_many_planted_damages_is_found(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    clock = Clock.installed(monkeypatch)
    monkeypatch.setattr("operations.checks.now", clock)
    people = round(number * SHARE)
    await filled(engine, people=people, sessions=2, versions=12)
    clock.at += timedelta(days=2)
    assert await verified(engine, capsys) == (0, [])
    sessions, snapshots = await victims(engine)
    planted = list[tuple[str, Victim]]()
    for those, damages in ((snapshots, OF_SNAPSHOTS), (sessions, OF_SESSIONS)):
        names = random.sample(list(damages), len(damages))
        for each, victim in enumerate(those[: number - len(planted)]):
            name = names[each % len(names)]
            await damages[name](victim)
            planted.append((name, victim))
    assert len(planted) == number
    status, found = await verified(engine, capsys)
    said = {(one["fault"], one["kind"], one["id"]) for one in found}
    assert status == 1
    assert [(name, victim.found - said) for name, victim in planted if victim.found - said] == []
    # Nothing is said of what is sound. The usage of people changes with the damages.
    harmed = {victim.id for _, victim in planted} | {"visitor"}
    assert [one for one in said if one[1] != "usage" and one[2].partition("~")[0] not in harmed] == []


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_nothing_is_said_of_ten_thousand_sound_sessions(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(engine, people=20, sessions=500)
    assert await verified(engine, capsys) == (0, [])


STALE = {
    ("sessions", "session", "kept_bytes"): {"kept_bytes"},
    ("sessions", "session", "metadata.content_bytes"): {"stored_bytes"},
    ("snapshots", "visitor", "visits"): {"visits"},
    ("snapshot_access_logs", "access_log", "snapshot_metadata.content_bytes"): {"stored_bytes", "kept_bytes"},
}
"""The table, the kind and the path of a number, and where it is shown."""


@pytest.mark.parametrize("number", STALE, ids=lambda number: number[2])
async def test_a_sum_that_an_index_has_otherwise_than_the_items_is_found(
    engine: SqliteEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: tuple[str, str, str]
) -> None:
    table, kind, path = number
    await filled(engine, people=1, sessions=1, versions=1)
    await engine.close()
    with beside(tmp_path / "data") as connection:
        rows = connection.execute(f"SELECT rowid, item FROM {table} WHERE kind = ?", (kind,)).fetchall()
    rowid, text = next((rowid, text) for rowid, text in rows if '"active"' in text or kind != "session")
    item = orjson.loads(text)
    *parents, last = path.split(".")
    (item[parents[0]] if parents else item)[last] += 1
    overwrite(tmp_path / "data", table, rowid, orjson.dumps(item))
    assert await wrong_usage(tmp_path / "data", capsys) == STALE[number]
    compact(tmp_path / "data")
    assert await wrong_usage(tmp_path / "data", capsys) == set()


async def wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    engine = SqliteEngine(folder)
    status, found = await verified(engine, capsys)
    await engine.close()
    assert status == 1, "the item is another one"
    return {one["id"] for one in found if (one["fault"], one["kind"]) == ("counted", "usage")}
