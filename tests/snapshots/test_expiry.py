"""Snapshots that expire: at a time that their owner or the operator sets. On each engine."""

from datetime import timedelta

import pytest

from persistence import Stores
from persistence.account.export import export
from persistence.errors import Gone, InvalidField
from persistence.snapshots.documents import AccessLog
from tests.support.clock import NOON, Clock
from tests.support.snapshots import OUTSIDER, OWNER, VISITOR, entry_of, new, visit, with_rules


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def test_an_expired_snapshot_is_gone_for_all_at_once(stores: Stores, clock: Clock) -> None:
    made = await stores.snapshots.create(OWNER, new(expires_at=NOON + timedelta(hours=1)))
    assert made.expires_at == NOON + timedelta(hours=1)
    clock.advance(minutes=59)
    await stores.snapshots.get(VISITOR, made.id)
    clock.advance(minutes=1)
    for person in (OWNER, VISITOR, OUTSIDER):
        with pytest.raises(Gone):
            await stores.snapshots.get(person, made.id)
    with pytest.raises(Gone):
        await stores.snapshots.stats(OWNER, made.id)
    await stores.access_logs.drain()
    entry = await entry_of(stores.engine, VISITOR, made.id)
    assert entry is not None and entry.visits == 1, "a refused read is not a visit"


@pytest.mark.parametrize(
    ("rules", "asked", "given"),
    [
        ({}, None, None),
        ({}, 400, 400),
        ({"default_days": 30}, None, 30),
        ({"default_days": 30}, 400, 400),
        ({"max_days": 90}, None, 90),
        ({"max_days": 90}, 89, 89),
        ({"default_days": 30, "max_days": 90}, None, 30),
        ({"default_days": 90, "max_days": 30}, None, 30),
    ],
)
async def test_expiry_follows_the_settings(
    stores: Stores, clock: Clock, rules: dict[str, int], asked: int | None, given: int | None
) -> None:
    asked_at = None if asked is None else NOON + timedelta(days=asked)
    made = await with_rules(stores, **rules).create(OWNER, new(expires_at=asked_at))
    if made.expires_at is None:
        assert given is None
    else:
        assert given is not None
        assert abs(made.expires_at - (NOON + timedelta(days=given))) < timedelta(seconds=1)
    entry = await entry_of(stores.engine, OWNER, made.id)
    assert entry is not None and entry.expires_at == made.expires_at


async def test_an_expiry_that_is_past_or_too_late_is_refused(stores: Stores, clock: Clock) -> None:
    for days, rules in ((-1, {}), (0, {}), (91, {"max_days": 90})):
        with pytest.raises(InvalidField, match="expires"):
            await with_rules(stores, **rules).create(OWNER, new(expires_at=NOON + timedelta(days=days)))
    assert (await stores.snapshots.page(OWNER)).items == []


async def test_no_list_and_no_count_shows_an_expired_snapshot_before_a_timer_runs(
    stores: Stores, clock: Clock
) -> None:
    expiring, kept = [
        await stores.snapshots.create(OWNER, new(title, content, description="Words", expires_at=at))
        for title, content, at in (
            ("Expiring", "four", NOON + timedelta(hours=1)),
            ("Kept", "one", NOON + timedelta(hours=2)),
        )
    ]
    lasting = await stores.snapshots.create(OWNER, new("Lasting", "one"))
    for made in (expiring, kept, lasting):
        await visit(stores, VISITOR, made.id)
    assert len((await stores.snapshots.page(OWNER)).items) == 3
    clock.at = NOON + timedelta(hours=1)
    assert [entry.id for entry in (await stores.snapshots.page(OWNER)).items] == [lasting.id, kept.id]
    stores.limits.changed(OWNER)
    usage = await stores.limits.usage(OWNER)
    assert (usage["snapshots"], usage["stored_bytes"]) == (2, 6)
    assert usage["kept_bytes"] == 10, "its content is still stored"

    rows = {entry.id: entry for entry in (await stores.access_logs.page(VISITOR)).items}
    assert {id: row.snapshot_deleted for id, row in rows.items()} == {
        expiring.id: True,
        kept.id: False,
        lasting.id: False,
    }
    assert rows[expiring.id].snapshot_metadata.description is None
    assert [entry.id for entry in (await stores.access_logs.page(OWNER)).items] == [lasting.id, kept.id]
    for person in (OWNER, VISITOR):
        for deleted, ids in ((True, {expiring.id}), (False, {kept.id, lasting.id})):
            named = stores.access_logs.filters.create("snapshot_deleted", deleted, "EQUAL")
            page = await stores.access_logs.page(person, [named])
            assert {entry.id for entry in page.items} == ids


async def test_a_page_is_full_although_snapshots_expire_while_it_is_read(stores: Stores, clock: Clock) -> None:
    made = [
        await stores.snapshots.create(OWNER, new(f"{n}", expires_at=NOON + timedelta(hours=1 + n % 2)))
        for n in range(8)
    ]
    clock.at = NOON + timedelta(minutes=59)
    first = await stores.snapshots.page(OWNER, page_size=2)
    clock.at = NOON + timedelta(hours=1)
    second = await stores.snapshots.page(OWNER, page_size=2, cursor=first.cursor)
    assert [entry.id for entry in (*first.items, *second.items)] == [made[n].id for n in (7, 6, 5, 3)]


async def test_an_expired_snapshot_is_exported_as_a_deleted_one(stores: Stores, clock: Clock) -> None:
    await stores.snapshots.create(OWNER, new(description="Words", expires_at=NOON + timedelta(hours=1)))
    clock.at = NOON + timedelta(hours=1)
    lines = [line async for line, _ in export(stores.kinds, OWNER)]
    (row,) = [line.fields["metadata"] for line in lines if line.kind == "access_log"]
    assert isinstance(row, AccessLog) and row.snapshot_deleted
    assert row.snapshot_metadata.description is None
    assert "snapshot" not in [line.kind for line in lines]
