"""Lists of sessions: order, pages, filters, and what they leave out."""

from datetime import UTC, datetime, timedelta

import pytest

from persistence.documents import timestamp_text
from persistence.errors import InvalidCursor, InvalidField
from persistence.sessions.documents import SessionStatus
from persistence.sessions.store import SessionStore
from persistence.storage.engine import Engine
from persistence.storage.query import Filter, Operator, Sort
from tests.support.engines import CountingReads
from tests.support.sessions import OWNER, damage, new, saving, session_store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
OLDEST_FIRST = Sort("metadata.created_at")
SORTS = ["metadata.created_at", "metadata.updated_at", "metadata.title", "metadata.title__lower", "id"]


@pytest.fixture
def sessions(engine: Engine) -> SessionStore:
    return session_store(engine)


async def made(engine: Engine, title: str, hours: int = 0, **fields: object) -> str:
    """Stores a session created `hours` after noon and updated an hour later. Returns its id."""
    head = await session_store(engine).create(OWNER, new(title))
    created, updated = (timestamp_text(NOON + timedelta(hours=hours + late)) for late in (0, 1))
    times = {"metadata.created_at": created, "metadata.updated_at": updated}
    await damage(engine, head.id, **times, **fields)
    return head.id


async def titles(
    sessions: SessionStore, *filters: Filter, sort: Sort = OLDEST_FIRST, owner: str = OWNER
) -> list[str]:
    page = await sessions.page(owner, filters, sort, page_size=100)
    assert page.cursor is None
    return [one.metadata.title for one in page.items]


async def test_the_most_recently_updated_come_first(sessions: SessionStore) -> None:
    first = await sessions.create(OWNER, new("first"))
    await sessions.create(OWNER, new("second"))
    await sessions.save(OWNER, first.id, saving("two"))
    page = await sessions.page(OWNER)
    assert [one.metadata.title for one in page.items] == ["first", "second"]


async def test_nothing_is_an_empty_page(sessions: SessionStore) -> None:
    page = await sessions.page(OWNER)
    assert (page.items, page.cursor) == ([], None)


async def test_each_order_goes_both_ways(engine: Engine, sessions: SessionStore) -> None:
    for hours, title in enumerate(["b", "C", "a", "B"]):
        await made(engine, title, hours)
    expected = {
        "metadata.created_at": ["b", "C", "a", "B"],
        "metadata.updated_at": ["b", "C", "a", "B"],
        "metadata.title": ["B", "C", "a", "b"],
    }
    for path, order in expected.items():
        assert await titles(sessions, sort=Sort(path)) == order
        assert await titles(sessions, sort=Sort(path, descending=True)) == order[::-1]
    lowered = await titles(sessions, sort=Sort("metadata.title__lower"))
    assert [title.lower() for title in lowered] == ["a", "b", "b", "c"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("path", SORTS)
async def test_pages_follow_one_another_without_gap_or_double(
    engine: Engine, sessions: SessionStore, path: str, descending: bool
) -> None:
    # Equal titles and times: the id decides.
    ids = {await made(engine, "same", hours // 3) for hours in range(7)}
    sort, seen, cursor = Sort(path, descending), [], None
    for expected in (3, 3, 1):
        page = await sessions.page(OWNER, (), sort, page_size=3, cursor=cursor)
        assert len(page.items) == expected
        seen += [one.id for one in page.items]
        cursor = page.cursor
    assert cursor is None
    assert set(seen) == ids and len(seen) == len(ids)


async def test_a_page_that_ends_with_the_list_has_no_cursor(engine: Engine, sessions: SessionStore) -> None:
    for hours in range(4):
        await made(engine, "same", hours)
    page = await sessions.page(OWNER, page_size=2)
    page = await sessions.page(OWNER, page_size=2, cursor=page.cursor)
    assert (len(page.items), page.cursor) == (2, None)


async def test_a_cursor_serves_its_own_list_only(engine: Engine, sessions: SessionStore) -> None:
    for hours in range(3):
        await made(engine, "same", hours)
    cursor = (await sessions.page(OWNER, page_size=1)).cursor
    named = sessions.filters.create("metadata.title__lower", "same", Operator.CONTAINS)
    for owner, filters, sort in (
        ("bob", (), Sort("metadata.updated_at", descending=True)),
        (OWNER, (named,), Sort("metadata.updated_at", descending=True)),
        (OWNER, (), Sort("metadata.updated_at")),
        (OWNER, (), Sort("metadata.created_at", descending=True)),
    ):
        with pytest.raises(InvalidCursor):
            await sessions.page(owner, filters, sort, cursor=cursor)
    # Another page size is the same list.
    assert len((await sessions.page(OWNER, page_size=5, cursor=cursor)).items) == 2


@pytest.mark.parametrize("size", [0, -1, 101])
async def test_a_page_has_one_to_a_hundred_items(sessions: SessionStore, size: int) -> None:
    with pytest.raises(InvalidField, match="page_size: must be 1 to 100"):
        await sessions.page(OWNER, page_size=size)


@pytest.mark.parametrize("path", ["metadata.version", "status", "owner_id"])
async def test_an_order_without_an_index_is_refused(sessions: SessionStore, path: str) -> None:
    with pytest.raises(InvalidField, match="sort_by"):
        await sessions.page(OWNER, sort=Sort(path))


@pytest.mark.parametrize(
    ("path", "fragment", "expected"),
    [
        ("metadata.title__lower", "OIL", ["Oil field", "Spoil"]),
        ("metadata.title__lower", "%", ["100% gas"]),
        ("metadata.title__lower", "_", []),
        ("metadata.title__lower", "' OR 1=1 --", []),
        ("metadata.title__lower", '"', []),
        ("metadata.title__lower", "ŻÓŁW", ["Żółw"]),
        ("metadata.description__lower", "NORTH", ["Oil field"]),
        ("metadata.description__lower", "absent", []),
    ],
)
async def test_a_fragment_is_found_literally_and_in_any_case(
    engine: Engine, sessions: SessionStore, path: str, fragment: str, expected: list[str]
) -> None:
    for hours, title in enumerate(["Oil field", "Spoil", "100% gas", "Żółw"]):
        id = await made(engine, title, hours)
        if title == "Oil field":
            await damage(
                engine, id, **{"metadata.description": "Up North", "metadata.description__lower": "up north"}
            )
    found = await titles(sessions, sessions.filters.create(path, fragment, Operator.CONTAINS))
    assert found == expected


@pytest.mark.parametrize(
    ("title", "fragment"),
    [
        ("ΟΔΟΣΗΜΑΝΣΗ", "ΟΔΟΣ"),
        ("οδός", "ΟΔΌΣ"),
        ("Hauptstraße", "STRASSE"),
        ("HAUPTSTRASSE", "straße"),
        ("Caf\u00e9 Orl\u00e9ans", "cafe\u0301 ORLE\u0301"),
        ("Cafe\u0301", "CAF\u00c9"),
        ("İzmir", "i\u0307zmir"),
    ],
)
async def test_a_fragment_is_found_in_any_case_and_any_form_of_its_characters(
    engine: Engine, sessions: SessionStore, title: str, fragment: str
) -> None:
    for hours, each in enumerate([title, "izmır", "Orleans"]):
        await made(engine, each, hours)
    for operator in (Operator.CONTAINS, Operator.STARTS_WITH):
        found = await titles(sessions, sessions.filters.create("metadata.title__lower", fragment, operator))
        assert found == ([title] if operator is Operator.CONTAINS or not title.lower().startswith("haupt") else [])
    assert await titles(sessions, sessions.filters.create("metadata.title__lower", title, Operator.EQUAL)) == [
        title
    ]


@pytest.mark.parametrize("path", ["metadata.created_at", "metadata.updated_at"])
async def test_a_range_of_time_includes_both_its_ends(engine: Engine, sessions: SessionStore, path: str) -> None:
    for hours in range(5):
        await made(engine, str(hours), hours)
    shift = timedelta(hours=path == "metadata.updated_at")
    begin, end = (NOON + timedelta(hours=hours) + shift for hours in (1, 3))
    since = sessions.filters.create(path, begin, Operator.MORE_OR_EQUAL)
    until = sessions.filters.create(path, end, Operator.LESS_OR_EQUAL)
    assert await titles(sessions, since) == ["1", "2", "3", "4"]
    assert await titles(sessions, until) == ["0", "1", "2", "3"]
    assert await titles(sessions, since, until) == ["1", "2", "3"]
    tick = timedelta(microseconds=1)
    after = sessions.filters.create(path, begin + tick, Operator.MORE_OR_EQUAL)
    assert await titles(sessions, after) == ["2", "3", "4"]


async def test_an_app_sees_its_own(sessions: SessionStore) -> None:
    await sessions.create(OWNER, new("of map", app="map"))
    await sessions.create(OWNER, new("of Map", app="Map"))
    await sessions.create(OWNER, new("of none"))
    assert await titles(sessions, sessions.filters.create("app", "map", Operator.EQUAL)) == ["of map"]
    # A missing label never matches.
    assert await titles(sessions, sessions.filters.create("app", "map", Operator.NOT_EQUAL)) == ["of Map"]


async def test_drafts_and_deleted_sessions_are_left_out_unless_asked_for(
    engine: Engine, sessions: SessionStore
) -> None:
    for hours, status in enumerate(SessionStatus):
        before = {"status_before": "active"} if status is SessionStatus.TRASHED else {}
        await made(engine, status.value, hours, status=status.value, **before)
    assert await titles(sessions) == ["active", "closed"]
    for status in SessionStatus:
        asked = sessions.filters.create("status", [status], Operator.IN)
        assert await titles(sessions, asked) == [status.value]
    several = sessions.filters.create("status", ["draft", "deleted"], Operator.IN)
    assert await titles(sessions, several) == ["draft", "deleted"]


async def test_a_list_reads_heads_without_history_or_content(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    costs = []
    for owner, content in (("small", "x"), ("large", "x" * 1_500_000)):
        for number in range(3):
            head = await sessions.create(owner, new(str(number), content))
        for number in range(15):
            await sessions.save(owner, head.id, saving(str(number) if owner == "large" else "y" * (number + 2)))
        counting.forget()
        await sessions.page(owner)
        assert counting.verbs == ["query"] and counting.kinds_read == {"session"}
        costs.append(counting.bytes_read)
    small, large = costs
    assert large < small * 1.1 and large < 3 * 1_000
