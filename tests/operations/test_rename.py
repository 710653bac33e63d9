"""`rename` gives everything of a person to another name, also if it is killed under way. On each engine."""

from argparse import Namespace
from datetime import timedelta
from typing import Any

import pytest

from operations import rename
from operations.__main__ import main
from operations.places import WrongCall
from persistence import stores_over
from persistence.account.export import export
from persistence.errors import StoreUnavailable
from persistence.read_only import Switch
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.around import Around
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS
from persistence.storage.engine import Engine, Item
from tests.operations.store import everything, filled, freeze, terminal
from tests.operations.test_verify import Open, another_schema, plant, verified
from tests.support.clock import Clock
from tests.support.drafts import draft

OLD, NEW = "person-1", "someone@example.org"


async def renamed(engine: Engine, *, yes: bool = True, merge: bool = False, new: str = NEW) -> int:
    pace = {"calls_per_second": None, "units_per_second": None}
    with terminal() as shown:
        return await rename.run(
            Namespace(store=Open(engine), old=OLD, new=new, yes=yes, merge=merge, **pace), shown
        )


async def exported(engine: Engine, owner: str) -> list[str]:
    lines = [
        str((line.kind, line.fields, line.content)) async for line, _ in export(stores_over(engine).kinds, owner)
    ]
    return [line.replace(OLD, "OWNER").replace(NEW, "OWNER") for line in lines]


async def of(engine: Engine, owner: str) -> dict[tuple[str, str, str], Item]:
    items = await everything(engine)
    return {at: item for at, item in items.items() if at[1] == owner and item["kind"] != "idempotency"}


async def test_everything_has_the_new_name_and_nothing_the_old_one(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(engine)
    before = await exported(engine, OLD)
    with pytest.raises(WrongCall, match="let nobody write"):
        await renamed(engine)
    await Switch(engine).turn_on()
    with pytest.raises(WrongCall, match="may still end: repeat this in"):
        await renamed(engine)
    await Switch(engine).turn_off()
    await freeze(engine)
    with pytest.raises(WrongCall, match="--yes"):
        await renamed(engine, yes=False)
    assert await exported(engine, OLD) == before
    assert await renamed(engine) == 0
    assert await exported(engine, NEW) == before
    left = [item for item in (await everything(engine)).values() if item["kind"] != "idempotency"]
    assert left
    assert not [item for item in left if OLD in str(item)]
    assert await verified(engine, capsys) == (0, [])
    with pytest.raises(WrongCall, match="has nothing here"):
        await renamed(engine)


async def test_a_session_that_both_have_stays_whole_with_both(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = await filled(engine)
    items = (await everything(engine)).values()
    [snapshot] = [one["id"] for one in items if one["kind"] == "snapshot" and one["owner_id"] == OLD]
    await stores.snapshots.get(NEW, snapshot)
    await stores.access_logs.drain()
    with_a_visit = await of(engine, NEW)
    assert with_a_visit
    await freeze(engine)
    with pytest.raises(WrongCall, match="--merge"):
        await renamed(engine)
    await Switch(engine).turn_off()
    stores = stores_over(engine)
    await stores.drafts.put(NEW, "draft-000001", draft("mine"))
    both = [(owner, (await stores.drafts.get(owner, "draft-000001")).content) for owner in (OLD, NEW)]
    lines = [at for at in await of(engine, NEW) if at[2].startswith("draft-000001")]
    await freeze(engine)
    assert await renamed(engine, merge=True) == 1, "both have a draft of that id"
    stores = stores_over(engine)
    assert both == [(owner, (await stores.drafts.get(owner, "draft-000001")).content) for owner in (OLD, NEW)]
    assert lines == [at for at in await of(engine, NEW) if at[2].startswith("draft-000001")]
    assert await verified(engine, capsys) == (0, [])
    assert [line for line in await exported(engine, NEW) if line.startswith("('snapshot'")], "in the library"
    assert len(await exported(engine, NEW)) > 10


@pytest.mark.parametrize("owner", [OLD, NEW])
async def test_the_entry_of_the_owner_of_a_snapshot_stays_what_it_is(engine: Engine, owner: str) -> None:
    stores = await filled(engine, people=2, sessions=1)
    await stores.drafts.put(owner, "draft-000009", draft("shown"))
    made = await stores.snapshots.create(owner, NewSnapshot(session_id="draft-000009"))
    for visitor in (OLD, NEW, NEW):
        await stores.snapshots.get(visitor, made.id)
    await stores.access_logs.drain()
    before = (await engine.read(SNAPSHOT_ACCESS_LOGS, made.id, owner)).item
    await freeze(engine)
    assert await renamed(engine, merge=True) == 0
    after = (await engine.read(SNAPSHOT_ACCESS_LOGS, made.id, NEW)).item
    changed = {"visits", "first_visited_at", "last_visited_at", "visitor_id", "owner_id"}
    assert before.pop("session_id") == after.pop("session_id") == "draft-000009"
    assert {name for name in after if after[name] != before[name]} <= changed


async def test_what_cannot_be_read_stays_with_all_of_its_session(engine: Engine) -> None:
    await filled(engine, people=2, sessions=1)
    address = next(at for at, item in (await of(engine, OLD)).items() if item["kind"] == "content")
    session = address[2].partition("~")[0]

    class Broken(Around):
        async def read(self, container: Any, id: str, partition: str) -> Any:
            stored = await super().read(container, id, partition)
            if (partition, id) == address[1:]:
                stored.item["schema"] = None
            return stored

    before = {at: item for at, item in (await of(engine, OLD)).items() if at[2].startswith(session)}
    await freeze(engine)
    assert await renamed(Broken(engine)) == 1
    assert {at: item for at, item in (await of(engine, OLD)).items() if at[0] == SESSIONS.name} == before


async def test_a_damaged_head_moves_with_its_contents(engine: Engine) -> None:
    await filled(engine, people=2, sessions=1)
    address = next(at for at, item in (await of(engine, OLD)).items() if item["kind"] == "session")
    await plant(engine, address, another_schema)
    before = {at[2] for at in await of(engine, OLD) if at[2].startswith(address[2])}
    await freeze(engine)
    assert await renamed(engine) == 0
    assert {at[2] for at in await of(engine, NEW) if at[2].startswith(address[2])} == before


class Dies(Around):
    """Fails from its n-th write of what belongs to people on."""

    def __init__(self, inner: Engine, at: int) -> None:
        super().__init__(inner)
        self._left = at

    async def before_write(self, container: Any, partition: object) -> None:
        if partition != " timers":
            self._left -= 1
        if self._left < 0:
            raise StoreUnavailable


async def test_the_same_command_goes_on_wherever_it_was_killed_and_nothing_is_lost_between(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two runs, people write again, the timers run a day later, and a repair, too."""
    clock = Clock.installed(monkeypatch)
    monkeypatch.setattr("operations.checks.now", clock)
    monkeypatch.setattr("operations.read_only.now", clock)
    stores = await filled(engine, people=2, sessions=1, versions=2)
    clock.at += timedelta(hours=3)
    await stores.timers.run("sweep_sessions")
    before = await exported(engine, OLD)
    ended, runs = False, 0
    while not ended:
        await freeze(engine)
        try:
            assert await renamed(Dies(engine, 1 + runs % 4)) == 0
            ended = True
        except StoreUnavailable:
            runs += 1
        await Switch(engine).turn_off()
        clock.at += timedelta(hours=30)
        stores = stores_over(engine)
        await stores.timers.run("sweep_sessions")
        await verified(engine, capsys, repair=runs % 2 == 0)
    assert runs > 3
    assert await exported(engine, NEW) == before
    assert not await exported(engine, OLD)


async def test_another_rename_of_the_same_person_waits_for_the_one_that_was_killed(engine: Engine) -> None:
    await filled(engine, people=2, sessions=1)
    await freeze(engine)
    with pytest.raises(StoreUnavailable):
        await renamed(Dies(engine, 3))
    with pytest.raises(WrongCall, match=f"to {NEW} is not finished"):
        await renamed(engine, new="third")
    assert await renamed(engine) == 0


@pytest.mark.one_engine
@pytest.mark.parametrize("id", [" timers", "", "x" * 2_000, "line\nbreak"])
def test_an_owner_id_is_one_that_the_app_takes(id: str) -> None:
    for words in (["--from", "a", "--to", id], ["--from", id, "--to", "a"]):
        with pytest.raises(SystemExit) as ended:
            main(["rename", *words])
        assert ended.value.code == 2
