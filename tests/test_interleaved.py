"""Two instances work on one snapshot at once, with their calls in every order: the result is whole or nothing."""

import pytest

from persistence import stores_over
from persistence.account.erasure import erase as erase_everything
from persistence.errors import Gone
from persistence.idempotency import IdempotencyKey
from persistence.snapshots.documents import Snapshot
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.interleaved import interleave, orders, some_orders
from tests.support.snapshots import OWNER, VISITOR, entry_of, find_snapshot, new, visit, visitors_of

pytestmark = pytest.mark.each_way


@pytest.mark.parametrize("is_first", [False, True], ids=["a later visit", "a first visit"])
async def test_a_forgotten_visit_is_told_to_nobody(engine: Engine, is_first: bool, most: int) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())

    async def look(over: Engine) -> None:
        await visit(stores_over(over, SETTINGS.store_rules()), VISITOR, made.id)

    async def forget(over: Engine) -> None:
        logs = stores_over(over, SETTINGS.store_rules()).access_logs
        await (logs.erase if is_first else logs.remove)(VISITOR, made.id)

    for order in some_orders(6, 3 if is_first else 4, most):
        if not is_first:
            await visit(stores, VISITOR, made.id)
        assert await interleave(engine, order, look, forget) == [None, None]
        is_shown = VISITOR in await visitors_of(engine, made.id)
        assert not is_shown or await entry_of(engine, VISITOR, made.id), order
        await stores.access_logs.remove(VISITOR, made.id)
        assert VISITOR not in await visitors_of(engine, made.id)


async def test_a_repeat_of_a_create_brings_no_description_back(engine: Engine) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())

    for order in orders(4, 3):
        key = IdempotencyKey(f"key {order}", "digest")
        made = await stores.snapshots.create(OWNER, new(description="Words"), key)

        async def repeat(over: Engine, key: IdempotencyKey = key) -> None:
            await stores_over(over, SETTINGS.store_rules()).snapshots.create(OWNER, new(description="Words"), key)

        async def delete(over: Engine, id: str = made.id) -> None:
            await stores_over(over, SETTINGS.store_rules()).snapshots.delete(OWNER, id)

        repeated, deleted = await interleave(engine, order, repeat, delete)
        assert deleted is None and (repeated is None or isinstance(repeated, Gone)), order
        entry = await entry_of(engine, OWNER, made.id)
        assert entry is not None and entry.snapshot_deleted, order
        assert entry.snapshot_metadata.description is None, order


async def test_a_snapshot_that_is_made_while_everything_is_erased_goes_or_stays_as_a_whole(
    engine: Engine, most: int
) -> None:
    stores = stores_over(engine, SETTINGS.store_rules())

    async def make(over: Engine) -> Snapshot:
        return await stores_over(over, SETTINGS.store_rules()).snapshots.create(OWNER, new(description="Words"))

    async def erase(over: Engine) -> None:
        assert (await erase_everything(stores_over(over, SETTINGS.store_rules()).kinds, OWNER)).done

    # An erasure reads sessions, contents and idempotency records first: before anything is created.
    for order in some_orders(7, 9, most):
        made, erased = await interleave(engine, (1, 1, 1, 0, *order), make, erase)
        assert isinstance(made, Snapshot) and erased is None, (made, erased)
        snapshot, entry = await find_snapshot(engine, made.id), await entry_of(engine, OWNER, made.id)
        is_shown = OWNER in await visitors_of(engine, made.id)
        assert snapshot is not None, order
        if snapshot.deleted_at is None:
            assert entry is not None and not entry.pending and is_shown, order
        else:
            assert entry is None, order
        await erase(engine)
        assert await entry_of(engine, OWNER, made.id) is None
        gone = await find_snapshot(engine, made.id)
        assert gone is not None and gone.deleted_at is not None
        assert await visitors_of(engine, made.id) == {}
    assert (await stores.snapshots.page(OWNER)).items == []
