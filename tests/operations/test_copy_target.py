"""`copy` overwrites and removes nothing in the target that it has not brought. Erasures arrive there, too."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from operations.copied import Copier
from operations.marker import Marker
from operations.places import Place, WrongCall
from persistence import stores_over
from persistence.account.erasure import erase
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import NewSession
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.around import Around
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from tests.operations.store import everything, filled
from tests.operations.test_copy import copied, folder, of
from tests.support.clock import Clock
from tests.support.timers import run_daily

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("before", [False, True])
async def test_a_target_that_others_have_written_to_is_refused(
    engine: Engine, tmp_path: Path, before: bool
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    if not before:
        await copied(source, target)
    async with target.opened(create=True) as there:
        await stores_over(there).sessions.create(
            "other", NewSession(title="O", description=None, content=pack("o"))
        )
    kept = await of(target)
    with pytest.raises(WrongCall):
        await copied(source, target)
    assert await of(target) == kept


async def visit(engine: Engine) -> None:
    stores = stores_over(engine)
    [shown] = [item["id"] for item in (await everything(engine)).values() if item["kind"] == "snapshot"]
    await stores.snapshots.get("stranger", shown)
    await stores.access_logs.drain()


async def show(engine: Engine) -> None:
    stores = stores_over(engine)
    await stores.snapshots.create("person-0", NewSnapshot(title="New", content=pack("precious")))
    await stores.access_logs.drain()


async def forget(engine: Engine) -> None:
    while not (await erase(stores_over(engine).kinds, "person-0")).done:
        pass


async def delete(engine: Engine) -> None:
    stores = stores_over(engine)
    [shown] = [item["id"] for item in (await everything(engine)).values() if item["kind"] == "snapshot"]
    await stores.snapshots.delete("person-0", shown)


@pytest.mark.parametrize("use", [visit, show, forget, delete])
async def test_a_target_that_people_have_used_is_refused(engine: Engine, tmp_path: Path, use: Any) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    await copied(source, target)
    async with target.opened() as there:
        await use(there)
    kept = await of(target)
    with pytest.raises(WrongCall, match="people have used the target"):
        await copied(source, target)
    assert await of(target) == kept
    assert await copied(source, target, overwrite=True) == 0
    assert await of(target) == await everything(engine)


async def killed_at_its_end(source: Place, target: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def killed(self: Marker) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(Marker, "end", killed)
        with pytest.raises(StoreUnavailable):
            await copied(source, target)


async def test_what_others_made_during_a_run_that_was_killed_is_not_removed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=2, sessions=1)

    await killed_at_its_end(source, target, monkeypatch)
    assert await copied(source, target) == 0
    await killed_at_its_end(source, target, monkeypatch)
    async with target.opened() as there:
        new = NewSession(title="O", description=None, content=pack("o"))
        head = await stores_over(there).sessions.create("person-1", new)
    with pytest.raises(WrongCall, match=f"does not have: {head.id}"):
        await copied(source, target)
    async with target.opened() as there:
        await stores_over(there).sessions.get("person-1", head.id)


async def delete_session(engine: Engine) -> None:
    stores = stores_over(engine)
    [head] = (await stores.sessions.page("person-0", page_size=1)).items
    await stores.sessions.delete("person-0", head.id, purge=True)


@pytest.mark.parametrize(
    ("erases", "kind"), [(delete_session, "session"), (delete, "snapshot"), (forget, "snapshot")]
)
async def test_what_people_delete_in_the_target_of_a_run_that_was_killed_does_not_come_back(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, erases: Any, kind: str
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=2)
    await killed_at_its_end(source, target, monkeypatch)
    async with target.opened() as there:
        await erases(there)
    kept = await of(target)
    with pytest.raises(WrongCall, match=f"somebody has deleted a {kind} in the target"):
        await copied(source, target)
    assert await of(target) == kept
    assert await copied(source, target, overwrite=True) == 0
    assert await of(target) == await everything(engine)


async def test_what_timers_delete_in_the_target_stops_no_copy(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    monkeypatch.setattr("operations.copied.now", clock)
    monkeypatch.setattr("operations.marker.now", clock)
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    stores = await filled(engine, people=1, sessions=1)
    expiring = NewSnapshot(title="New", content=pack("short"), expires_at=clock.at + timedelta(days=1))
    await stores.snapshots.create("person-0", expiring)
    await stores.access_logs.drain()
    await killed_at_its_end(source, target, monkeypatch)
    async with target.opened() as there:
        for _ in range(2):
            await run_daily(stores_over(there))
            clock.at += timedelta(days=40)
        await run_daily(stores_over(there))
    assert await of(target) != await everything(engine)
    assert await copied(source, target) == 0
    assert await of(target) == await everything(engine)


async def test_one_person_with_only_snapshots_is_not_overwritten(engine: Engine, tmp_path: Path) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    async with target.opened(create=True) as there:
        await show(there)
    kept = await of(target)
    with pytest.raises(WrongCall, match="did not bring"):
        await copied(source, target, "person-0")
    assert await of(target) == kept
    with pytest.raises(WrongCall, match="has nothing in the source"):
        await copied(source, target, "nobody")


async def test_a_store_is_known_wherever_it_lies_and_another_one_in_its_place_is_refused(
    engine: Engine, tmp_path: Path
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    await filled(engine, people=1, sessions=1)
    await copied(source, target)
    (tmp_path / "x").mkdir()
    assert await copied(folder(tmp_path / "x" / ".." / "data"), target) == 0
    await engine.close()
    (tmp_path / "data").rename(tmp_path / "moved")
    assert await copied(folder(tmp_path / "moved"), target) == 0
    async with source.opened(create=True):
        pass
    kept = await of(target)
    with pytest.raises(WrongCall, match="the copy of another store"):
        await copied(source, target)
    with pytest.raises(WrongCall, match="the same store"):
        await copied(target, target)
    assert await of(target) == kept


async def test_timers_of_the_target_remove_nothing_that_is_being_copied(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    stores = await filled(engine, people=1, sessions=1)
    clock.at += timedelta(hours=3)
    await stores.timers.run("sweep_sessions")
    async with folder(tmp_path / "target").opened(create=True) as there:
        half = sum(address[0] == SESSIONS.name for address in await everything(engine)) // 2

        class Swept(Around):
            """The timer runs once, in the middle: it looks at each content once."""

            left = half

            async def before_write(self, container: Any, partition: object) -> None:
                self.left -= 1
                if self.left == 0:
                    await stores_over(there).timers.run("sweep_sessions")

        copier = Copier(engine, Swept(there), None)
        await copier.copy(SESSIONS, "person-0")
        for address, item in (await everything(engine)).items():
            if address[0] == SESSIONS.name:
                assert (await there.read(SESSIONS, address[2], "person-0")).item == item


async def test_an_erased_person_is_gone_from_the_target_also_if_each_is_copied_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = folder(tmp_path / "data"), folder(tmp_path / "target")
    clock = Clock.installed(monkeypatch)
    stores = await filled(engine, people=2, sessions=1)
    people = ("person-0", "person-1")
    for owner in people:
        await copied(source, target, owner)
    while not (await erase(stores.kinds, "person-1")).done:
        pass
    clock.at += timedelta(hours=3)
    await stores.timers.run("sweep_sessions")
    await stores.timers.run("mark_deleted_snapshot_logs")
    for _ in range(2):
        assert await copied(source, target, "person-1") == 0
    clock.at += timedelta(hours=3)
    async with target.opened() as there:
        await stores_over(there).timers.run("mark_deleted_snapshot_logs")
    left = [item for item in (await of(target)).values() if "person-1" in str(item)]
    assert [item["kind"] for item in left] == ["snapshot"], "its tombstone, until that is forgotten"
