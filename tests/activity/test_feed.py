"""The feed of activity: its order, its filters and its pages. On each engine."""

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from persistence.activity.documents import (
    ActivityAction,
    Subject,
    SubjectKind,
    event_id,
    line_id,
    naming_line_id,
)
from persistence.activity.store import EVERYTHING, LOOKED_AT_MAX, ActivityFilter, ActivityStore
from persistence.errors import InvalidCursor
from persistence.sessions.revisions import SessionAction
from persistence.storage.engine import Engine
from persistence.storage.sqlite import query as sqlite_query
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.activity import OWNER, SESSION, line, stored_lines, walk, write
from tests.support.breaking import Asks
from tests.support.clock import NOON
from tests.support.engines import CountingReads
from tests.support.sessions import damage

OTHER = "session-0002"


@pytest.fixture
def activity(engine: Engine) -> ActivityStore:
    return ActivityStore(engine)


def of_session(**rest: object) -> ActivityFilter:
    return ActivityFilter(session_id=SESSION, **rest)  # type: ignore[arg-type]


def test_every_action_of_a_session_is_an_action_of_activity():
    assert {one.value for one in SessionAction} <= {one.value for one in ActivityAction}


def test_the_id_of_a_line_sorts_by_version_and_tells_apart_two_sessions_of_one_id():
    ids = [line_id(SESSION, version, "a", NOON) for version in (1, 2, 9, 10, 99, 1_000, 9_999_999_999)]
    assert ids == sorted(ids)
    assert re.fullmatch(r"session-0001~a0000000001~[0-9a-f]{12}", ids[0])
    assert line_id(SESSION, 1, "b", NOON) != ids[0] != line_id(SESSION, 1, "a", NOON + timedelta(days=30))
    assert ids[0] < naming_line_id(SESSION, 1, "a", NOON) < ids[1]
    assert not event_id("snapshot", SESSION).startswith(f"{SESSION}~")


async def test_a_line_keeps_what_it_tells_and_no_empty_fields(engine: Engine, activity: ActivityStore) -> None:
    full = line(2, device_info="laptop", content_hash="a" * 64, content_bytes=3, app="map")
    subject = Subject(kind=SubjectKind.ACCOUNT, id=OWNER)
    bare = line(1, id=event_id("export", "one"), subject=subject, version=None)
    await activity.note(full)
    await activity.note(bare)
    assert await stored_lines(engine) == [bare, full]
    assert None not in bare.to_item().values()


async def test_a_line_that_is_written_again_stays_as_it_was(engine: Engine, activity: ActivityStore) -> None:
    await activity.note(line(1))
    await activity.note(line(1, device_info="another"))
    assert await stored_lines(engine) == [line(1)]


async def test_a_feed_is_ordered_by_time_and_then_by_id(engine: Engine, activity: ActivityStore) -> None:
    lines = [line(1), line(2), line(3, at=NOON + timedelta(minutes=2)), line(4, OTHER, at=NOON)]
    await write(engine, lines)
    await write(engine, [line(9, owner_id="bob")])
    one, two, same, first = lines
    for page_size in (1, 2, 3, 4, 100):
        pages = await walk(activity, page_size=page_size)
        assert [each for page in pages for each in page] == [same, two, one, first]
        assert all(len(page) == page_size for page in pages[:-1]) and pages[-1]


async def test_the_lines_of_a_session_are_ordered_by_version(engine: Engine, activity: ActivityStore) -> None:
    # The clock of another instance was late.
    lines = [line(1), line(2, at=NOON), line(3), line(10), line(9)]
    naming = line(9, id=naming_line_id(SESSION, 9, "naming", NOON), action=ActivityAction.NAMED)
    await write(engine, [*lines, naming, line(5, OTHER)])
    one, two, three, ten, nine = lines
    for page_size in (1, 2, 100):
        pages = await walk(activity, of_session(), page_size)
        assert [each for page in pages for each in page] == [ten, naming, nine, three, two, one]


async def test_times_bound_a_feed_and_are_inclusive(engine: Engine, activity: ActivityStore) -> None:
    await write(engine, [line(version) for version in range(1, 6)])
    for session_id in (None, SESSION):
        wanted = ActivityFilter(session_id, since=line(2).at, until=line(4).at)
        [page] = await walk(activity, wanted)
        assert [each.version for each in page] == [4, 3, 2]


async def test_actions_and_apps_are_found_among_others(engine: Engine, activity: ActivityStore) -> None:
    closed = {"action": ActivityAction.CLOSED}
    lines = [line(n, app="map" if n % 3 else None, **({} if n % 50 else closed)) for n in range(1, 301)]
    await write(engine, lines)
    for session_id in (None, SESSION):
        for wanted, expected in (
            (ActivityFilter(session_id, ActivityAction.CLOSED), [300, 250, 200, 150, 100, 50]),
            (ActivityFilter(session_id, ActivityAction.CLOSED, "map"), [250, 200, 100, 50]),
            (ActivityFilter(session_id, app="none"), []),
        ):
            for page_size in (1, 4, 100):
                pages = await walk(activity, wanted, page_size)
                assert [each.version for page in pages for each in page] == expected


async def test_a_page_looks_at_a_thousand_lines_and_may_be_empty(engine: Engine) -> None:
    closed = line(1, action=ActivityAction.CLOSED)
    await write(engine, [closed, *(line(version) for version in range(2, 2 * LOOKED_AT_MAX + 2))])
    counting = CountingReads(engine)
    pages = await walk(ActivityStore(counting), ActivityFilter(action=ActivityAction.CLOSED))
    assert pages == [[], [], [closed]]
    looked_at = [len(asked.ids) for asked in counting.asked]
    assert sum(looked_at[:10]) == sum(looked_at[10:20]) == LOOKED_AT_MAX


async def test_a_page_without_such_a_filter_is_one_query_for_one_page(engine: Engine) -> None:
    await write(engine, [line(version) for version in range(1, 50)])
    asks = Asks(engine)
    activity = ActivityStore(asks)
    for wanted in (EVERYTHING, of_session(), ActivityFilter(since=NOON, until=line(40).at)):
        asks.asked.clear()
        assert len((await activity.page(OWNER, wanted, 20)).items) == 20
        [(_, query)] = asks.asked
        assert (query.page_size, query.partition) == (20, OWNER)


async def test_a_cursor_is_bound_to_its_filters_and_owner(engine: Engine, activity: ActivityStore) -> None:
    await write(engine, [line(version) for version in range(1, 5)])
    cursor = (await activity.page(OWNER, page_size=2)).cursor
    assert cursor is not None
    others = [of_session(), ActivityFilter(action=ActivityAction.SAVED), ActivityFilter(since=NOON)]
    for wanted in others:
        with pytest.raises(InvalidCursor):
            await activity.page(OWNER, wanted, 2, cursor)
    for forged in ("x", ".", cursor[1:], cursor[:-1], cursor.partition(".")[2], cursor.partition(".")[0] + "."):
        with pytest.raises(InvalidCursor):
            await activity.page(OWNER, page_size=2, cursor=forged)
    with pytest.raises(InvalidCursor):
        await activity.page("bob", page_size=2, cursor=cursor)


async def test_a_damaged_line_is_left_out(engine: Engine, activity: ActivityStore) -> None:
    await write(engine, [line(version) for version in range(1, 4)])
    await damage(engine, line(2).id, subject="damaged")
    assert await walk(activity, page_size=1) == [[line(3)], [], [line(1)]]


async def test_nothing_is_written_if_nothing_is_kept(engine: Engine) -> None:
    activity = ActivityStore(engine, retention=timedelta(0))
    await activity.note(line(1))
    await activity.note_export(OWNER)
    assert activity.items([line(2)]) == []
    assert await stored_lines(engine) == []


async def test_a_page_costs_the_same_among_few_and_among_many(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path)
    asks = Asks(engine)
    activity = ActivityStore(asks)

    async def steps(wanted: ActivityFilter) -> list[int]:
        """Returns the cost of the first two pages, in tens of virtual machine instructions."""
        asks.asked.clear()
        cursor = (await activity.page(OWNER, wanted, 20)).cursor
        assert (await activity.page(OWNER, wanted, 20, cursor)).cursor is not None
        costs = []
        with closing(sqlite3.connect(engine._path)) as connection:
            for container, query in asks.asked:
                count = 0

                def step() -> None:
                    nonlocal count
                    count += 1

                connection.set_progress_handler(step, 10)
                assert len(connection.execute(*sqlite_query.select(container, query)).fetchall()) == 21
                costs.append(count)
        return costs

    feeds = (EVERYTHING, of_session(), ActivityFilter(until=line(90).at))
    await write(engine, [line(version) for version in range(1, 101)])
    few = [await steps(wanted) for wanted in feeds]
    await write(engine, [line(version) for version in range(101, 3_001)])
    many = [await steps(wanted) for wanted in feeds]
    await engine.close()
    for before, after in zip(few, many, strict=True):
        assert max(after) <= max(before) + 1
