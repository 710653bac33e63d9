"""`rename` gives everything of a person to another name, also if it is killed under way. On each engine."""

import random
from argparse import Namespace
from typing import Any

import pytest

from operations import rename
from operations.places import WrongCall
from operations.rename import Renamer
from persistence import stores_over
from persistence.account.export import export
from persistence.errors import StoreUnavailable
from persistence.read_only import Switch
from persistence.storage.engine import Engine
from tests.operations.store import everything, filled, terminal
from tests.operations.test_verify import Open, verified
from tests.support.drafts import draft
from tests.support.engines import WRITES, Around

OLD, NEW = "person-1", "someone@example.org"


async def renamed(engine: Engine, *, yes: bool = True, merge: bool = False) -> int:
    pace = {"calls_per_second": None, "units_per_second": None}
    with terminal() as shown:
        return await rename.run(
            Namespace(store=Open(engine), old=OLD, new=NEW, yes=yes, merge=merge, **pace), shown
        )


async def exported(engine: Engine, owner: str) -> list[str]:
    lines = [
        str((line.kind, line.fields, line.content)) async for line, _ in export(stores_over(engine).kinds, owner)
    ]
    return [line.replace(OLD, "OWNER").replace(NEW, "OWNER") for line in lines]


async def test_everything_has_the_new_name_and_nothing_the_old_one(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(engine)
    before = await exported(engine, OLD)
    with pytest.raises(WrongCall, match="let nobody write"):
        await renamed(engine)
    await Switch(engine).turn_on()
    with pytest.raises(WrongCall, match="--yes"):
        await renamed(engine, yes=False)
    assert await exported(engine, OLD) == before
    assert await renamed(engine) == 0
    assert await exported(engine, NEW) == before
    left = [item for item in (await everything(engine)).values() if item["kind"] != "idempotency"]
    assert left
    assert not [item for item in left if OLD in str(item)]
    assert await verified(engine, capsys) == (0, [])


async def test_what_the_new_owner_has_is_put_together_only_if_it_is_asked_for(engine: Engine) -> None:
    stores = await filled(engine)
    items = (await everything(engine)).values()
    [snapshot] = [one["id"] for one in items if one["kind"] == "snapshot" and one["owner_id"] == OLD]
    await stores.snapshots.get(NEW, snapshot)
    await stores.access_logs.drain()
    await stores.drafts.put(NEW, "draft-000001", draft("mine"))
    await Switch(engine).turn_on()
    with pytest.raises(WrongCall, match="--merge"):
        await renamed(engine)
    assert await renamed(engine, merge=True) == 1, "both have a draft of that id"
    assert (await stores.drafts.get(NEW, "draft-000001")).content == b"mine"
    assert [line for line in await exported(engine, NEW) if line.startswith("('snapshot'")], "in the library"
    assert len(await exported(engine, NEW)) > 10


class Dies(Around):
    """Fails from its n-th write on."""

    def __init__(self, inner: Engine, at: int) -> None:
        super().__init__(inner)
        self._left = at

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable

    async def create(self, *arguments: Any) -> str:
        self._count()
        return await super().create(*arguments)

    async def replace(self, *arguments: Any) -> str:
        self._count()
        return await super().replace(*arguments)

    async def delete(self, *arguments: Any) -> None:
        self._count()
        await super().delete(*arguments)


async def test_a_run_that_ends_anywhere_goes_on(engine: Engine) -> None:
    assert {"create", "replace", "delete"} < WRITES
    await filled(engine, people=2, sessions=2)
    before = await exported(engine, OLD)
    await Switch(engine).turn_on()
    ended = False
    while not ended:
        with terminal() as shown:
            try:
                await Renamer(Dies(engine, random.randint(1, 9)), OLD, NEW).run(shown)
                ended = True
            except StoreUnavailable:
                pass
    assert await exported(engine, NEW) == before
    assert not await exported(engine, OLD)
