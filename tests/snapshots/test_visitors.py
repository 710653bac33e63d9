"""What the owner of a snapshot sees of its visitors, from one partition. On each engine."""

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id
from persistence.errors import Forbidden, InvalidCursor, InvalidField, NotFound
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.engine import Engine
from persistence.storage.query import Sort
from tests.conftest import SETTINGS
from tests.support.breaking import Asks
from tests.support.clock import Clock
from tests.support.engines import CountingReads
from tests.support.snapshots import (
    LARGE,
    OUTSIDER,
    OWNER,
    VISITOR,
    damage,
    entry_of,
    new,
    visit,
    visitors_of,
    with_rules,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def opened_by(stores: Stores, visits: dict[str, int]) -> str:
    """Creates a snapshot that each of these people opens so many times. Returns its id."""
    made = await stores.snapshots.create(OWNER, new())
    for visitor, times in visits.items():
        for _ in range(times):
            await visit(stores, visitor, made.id)
    return made.id


async def test_stats_are_the_sum_of_all_rows(stores: Stores, clock: Clock) -> None:
    id = await opened_by(stores, {"ben": 3, "cleo": 1, OWNER: 1})
    stats = await stores.snapshots.stats(OWNER, id)
    entries = [await entry_of(stores.engine, person, id) for person in (OWNER, "ben", "cleo")]
    assert (
        (stats.visits, stats.visitors) == (6, 3) == (sum(entry.visits for entry in entries if entry), len(entries))
    )
    assert stats.first_visited_at == min(entry.first_visited_at for entry in entries if entry)
    assert stats.last_visited_at == max(entry.last_visited_at for entry in entries if entry)


async def test_stats_of_what_everybody_forgot_are_nothing(stores: Stores) -> None:
    id = await opened_by(stores, {})
    for visitor in await visitors_of(stores.engine, id):
        item = (await visitors_of(stores.engine, id))[visitor]
        await stores.engine.delete(SNAPSHOTS, item.id, id)
    stats = await stores.snapshots.stats(OWNER, id)
    assert (stats.visits, stats.visitors, stats.first_visited_at, stats.last_visited_at) == (0, 0, None, None)


async def test_a_damaged_visitor_item_does_not_fail_the_others(stores: Stores) -> None:
    id = await opened_by(stores, {"ben": 2})
    item = (await visitors_of(stores.engine, id))["ben"]
    await damage(stores.engine, SNAPSHOTS, item.id, id, visitor_id=None)
    page = await with_rules(stores, show_visitors=True).visitors(OWNER, id)
    assert [one.visitor_id for one in page.items] == [OWNER]
    assert (await stores.snapshots.stats(OWNER, id)).visits == 3


@pytest.mark.parametrize("wrong", [None, 7, ["ben"], {"name": "ben"}], ids=str)
async def test_a_visitor_item_that_names_nobody_fails_no_deletion(stores: Stores, wrong: object) -> None:
    id = await opened_by(stores, {"ben": 1, "carl": 1})
    item = (await visitors_of(stores.engine, id))["ben"]
    await damage(stores.engine, SNAPSHOTS, item.id, id, visitor_id=wrong)
    await stores.snapshots.delete(OWNER, id)
    await stores.access_logs.drain()
    entry = await stores.access_logs.find("carl", id)
    assert entry is not None and entry.snapshot_deleted


async def test_stats_and_visitors_ask_the_snapshots_partition_alone_and_read_no_content(engine: Engine) -> None:
    asks, counting = Asks(engine), CountingReads(engine)
    id = (await stores_over(engine, SETTINGS.store_rules()).snapshots.create(OWNER, new(content=LARGE))).id
    counting.inner = asks
    snapshots = with_rules(stores_over(counting, SETTINGS.store_rules()), show_visitors=True)
    await snapshots.stats(OWNER, id)
    await snapshots.visitors(OWNER, id)
    assert len(asks.asked) == 7 == len(counting.asked), "something was read by other means than a query"
    assert {(container, query.partition) for container, query in asks.asked} == {(SNAPSHOTS, id)}
    assert counting.bytes_read < 3_000


async def test_only_the_owner_is_told(stores: Stores) -> None:
    id = await opened_by(stores, {VISITOR: 1})
    snapshots = with_rules(stores, show_visitors=True)
    for person in (VISITOR, OUTSIDER):
        with pytest.raises(Forbidden):
            await snapshots.stats(person, id)
        with pytest.raises(Forbidden):
            await snapshots.visitors(person, id)
    for id in (new_id(), "short"):
        with pytest.raises(NotFound):
            await snapshots.visitors(OWNER, id)


async def test_visitors_are_told_only_where_the_setting_allows_it(stores: Stores) -> None:
    id = await opened_by(stores, {VISITOR: 1})
    for snapshot_id in (id, new_id(), "short"):
        with pytest.raises(Forbidden, match="not shown"):
            await stores.snapshots.visitors(OWNER, snapshot_id)
    assert (await stores.snapshots.stats(OWNER, id)).visitors == 2


async def test_visitors_are_paged_in_every_order(stores: Stores, clock: Clock) -> None:
    id = await opened_by(stores, {"ben": 3, "cleo": 1, "dora": 2})
    snapshots = with_rules(stores, show_visitors=True)
    orders = {
        "last_visited_at": [OWNER, "ben", "cleo", "dora"],
        "first_visited_at": [OWNER, "ben", "cleo", "dora"],
    }
    for path, expected in orders.items():
        for descending in (False, True):
            seen: list[str] = []
            cursor: str | None = None
            for size in (1, 2, 1):
                page = await snapshots.visitors(OWNER, id, Sort(path, descending), size, cursor)
                seen += [one.visitor_id for one in page.items]
                cursor = page.cursor
            assert cursor is None
            assert seen == (expected[::-1] if descending else expected)
    page = await snapshots.visitors(OWNER, id, Sort("visits", descending=True))
    assert [(one.visitor_id, one.visits) for one in page.items][:2] == [("ben", 3), ("dora", 2)]


async def test_a_cursor_or_order_of_something_else_is_refused(stores: Stores) -> None:
    snapshots = with_rules(stores, show_visitors=True)
    one, other = await opened_by(stores, {"ben": 1}), await opened_by(stores, {"ben": 1})
    cursor = (await snapshots.visitors(OWNER, one, page_size=1)).cursor
    assert cursor is not None
    with pytest.raises(InvalidCursor):
        await snapshots.visitors(OWNER, other, cursor=cursor)
    with pytest.raises(InvalidField):
        await snapshots.visitors(OWNER, one, Sort("visitor_id"))
