"""Limits of one run of a timer: the next run continues where it stopped. On each engine."""

from datetime import timedelta

import pytest

from persistence import Stores
from persistence.content import pack
from persistence.errors import StoreUnavailable
from persistence.sessions.documents import SessionChange
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Page, Query
from persistence.timers.scan import TimerRules
from tests.support import sessions as of_sessions
from tests.support.breaking import Dies
from tests.support.clock import NOON, Clock
from tests.support.engines import Around, InSteps
from tests.support.sessions import content_ids, delete_for_good, session_store
from tests.support.snapshots import GRACE, OWNER, RETENTION, entry_of, new, over, visit
from tests.support.timers import Counts, clean_up


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


def bounded(engine: Engine, items_max: int) -> Stores:
    return over(engine, timers=TimerRules(items_max=items_max))[3]


async def lose_contents(engine: Engine, session_id: str, count: int) -> None:
    """Leaves that many contents that no head names."""
    for number in range(count):
        with pytest.raises(StoreUnavailable):
            dying = session_store(Dies(InSteps(engine), at=2))
            await dying.save(OWNER, session_id, SessionChange(content=pack(f"lost {number}")))


async def test_a_run_takes_on_so_much_of_each_and_the_next_goes_on(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    expires_at = NOON + timedelta(minutes=1)
    for number in range(5):
        await stores.snapshots.create(OWNER, new(f"Expiring {number}", expires_at=expires_at))
    for number in range(2):
        made = await stores.snapshots.create(OWNER, new(f"Opened {number}"))
        for person in ("ben", "cleo", "dora", "eve"):
            await visit(stores, person, made.id)
        await stores.snapshots.delete(OWNER, made.id)
    for number in range(4):
        with pytest.raises(StoreUnavailable):
            await over(Dies(engine, at=2))[1].create(OWNER, new(f"Pending {number}"))
    for _ in range(4):
        gone = await stores.sessions.create(OWNER, of_sessions.new())
        await delete_for_good(engine, gone.id)
    clock.at = NOON + GRACE + timedelta(minutes=1)

    bounded_stores = bounded(engine, items_max=3)
    total = Counts()
    runs = 0
    for _ in range(20):
        counts = await clean_up(bounded_stores, daily=True)
        for name in ("snapshots_expired", "rows_marked", "visitors_removed", "creates_settled"):
            # A run finishes the page that it has started.
            assert getattr(counts, name) < 3 + 3, (name, counts)
            setattr(total, name, getattr(total, name) + getattr(counts, name))
        assert counts.sessions_swept <= 9, "three steps sweep"
        if counts == Counts():
            break
        runs += 1
    else:
        pytest.fail("the runs do not end")
    assert runs >= 4
    assert (total.snapshots_expired, total.rows_marked, total.visitors_removed) == (5, 8, 10)
    assert total.creates_settled == 4
    assert await content_ids(engine) == set()


async def test_a_tombstone_is_not_forgotten_while_rows_are_to_be_marked(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    made = await stores.snapshots.create(OWNER, new())
    people = ["ben", "cleo", "dora", "eve"]
    for person in people:
        await visit(stores, person, made.id)
    await stores.snapshots.delete(OWNER, made.id)
    # No timer has run for a long time, and one run cannot do everything.
    clock.at += 2 * RETENTION
    forgotten = [(await clean_up(bounded(engine, items_max=2), daily=True)).tombstones_forgotten for _ in range(6)]
    assert forgotten[0] == 0 and sum(forgotten) == 1
    for person in people:
        row = await entry_of(engine, person, made.id)
        assert row is not None and row.snapshot_deleted


async def test_the_watermark_skips_nothing_where_the_bound_is_reached(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    heads = [await stores.sessions.create(OWNER, of_sessions.new(content=f"{number}")) for number in range(4)]
    for head in heads:
        await lose_contents(engine, head.id, 2)
    clock.at += GRACE + timedelta(seconds=1)
    removed = []
    for _ in range(12):
        removed.append((await clean_up(bounded(engine, items_max=2))).contents_removed)
    assert sum(removed) == 8 and max(removed) <= 4
    assert await content_ids(engine) == {id for head in heads for id in head.content_ids}


async def test_a_run_that_a_later_one_overtakes_does_not_set_its_watermark_back(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    class Overtaken(Around):
        """A later run starts and ends before the first scan returns."""

        marks: list[Item] = []

        async def query(self, container: Container, query: Query) -> Page[Item]:
            page = await super().query(container, query)
            if query.partition is None and query.kind == "content" and not self.marks:
                clock.advance(hours=1)
                await clean_up(stores)
                self.marks = await watermarks(engine)
            return page

    await stores.sessions.create(OWNER, of_sessions.new())
    overtaken = Overtaken(engine)
    await clean_up(over(overtaken)[3])
    assert len(overtaken.marks) == 2
    assert await watermarks(engine) == overtaken.marks


async def watermarks(engine: Engine) -> list[Item]:
    """Returns the stored watermarks."""
    return (await engine.query(SESSIONS, Query("watermark", " timers", ("id", "until")))).items


async def test_more_of_one_moment_than_a_run_takes_on_does_not_stop_it(
    engine: Engine, stores: Stores, clock: Clock
) -> None:
    clock.tick = timedelta(0)
    heads = [await stores.sessions.create(OWNER, of_sessions.new(content=f"{number}")) for number in range(4)]
    clock.at += timedelta(seconds=1)
    await lose_contents(engine, heads[3].id, 1)
    clock.at += GRACE + timedelta(seconds=1)
    for _ in range(6):
        await clean_up(bounded(engine, items_max=2))
    assert await content_ids(engine) == {id for head in heads for id in head.content_ids}


class WritesMeanwhile(Around):
    """Leaves one more content without a name after each page of a scan."""

    def __init__(self, inner: Engine, session_id: str) -> None:
        super().__init__(inner)
        self.session_id = session_id
        self.lost = 0

    async def query(self, container: Container, query: Query) -> Page[Item]:
        page = await super().query(container, query)
        if query.partition is None and query.kind == "content":
            self.lost += 1
            await lose_contents(self.inner, self.session_id, 1)
        return page


async def test_what_is_written_while_it_scans_is_not_skipped(engine: Engine, stores: Stores, clock: Clock) -> None:
    head = await stores.sessions.create(OWNER, of_sessions.new(content="kept"))
    await lose_contents(engine, head.id, 5)
    writing = WritesMeanwhile(engine, head.id)
    for _ in range(3):
        clock.at += GRACE + timedelta(seconds=1)
        await clean_up(bounded(writing, items_max=2))
    assert writing.lost >= 3
    for _ in range(12):
        clock.at += GRACE + timedelta(seconds=1)
        await clean_up(bounded(engine, items_max=2))
    assert await content_ids(engine) == head.content_ids
