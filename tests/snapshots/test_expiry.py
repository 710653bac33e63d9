"""Snapshots that expire: at a time that their owner or the operator sets. On each engine."""

from datetime import timedelta

import pytest

from persistence import Stores
from persistence.errors import Gone, InvalidField
from tests.support.clock import NOON, Clock
from tests.support.snapshots import OUTSIDER, OWNER, VISITOR, entry_of, new, with_rules


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
