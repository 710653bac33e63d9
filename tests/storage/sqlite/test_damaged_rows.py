"""A damaged row fails nothing but its own reading. Indexes that do not fit it are made again."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import CorruptItem, ItemNotFound, StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Increment, Replace, Stored
from persistence.storage.query import BY_ID, Aggregate, Filter, Operator, Query, Sort
from persistence.storage.sqlite import repair
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import KIND, PARTITION, ids, store, thing, walk
from tests.support.sqlite import beside, on_the_writer, overwrite

AT = Sort("at")
BROKEN = {
    "no JSON": b'{"id":"two","owner_id":"ann","kind":"thing","at":"2"',
    "no UTF-8": b'{"id":"two","owner_id":"ann","kind":"thing","at":"2","text":"\xff"}',
    "no object": b"[2]",
    "another id": b'{"id":"six","owner_id":"ann","kind":"thing","at":"2"}',
    "no owner": b'{"id":"two","kind":"thing","at":"2"}',
    "a number for its kind": b'{"id":"two","owner_id":"ann","kind":7,"at":"2"}',
    "empty": b"",
}
ADDRESS = {"id": "two", "owner_id": PARTITION, "kind": KIND, "schema": None}
by_each_damage = pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())


async def damaged(folder: Path, text: bytes, id: str = "two") -> SqliteEngine:
    """Returns an engine over three things, of which one was damaged while the file was closed."""
    engine = SqliteEngine(folder)
    await store(engine, [thing(id, at=f"{n}", n=n, status="s") for n, id in enumerate(("one", "two", "zed"))])
    [(rowid,)] = await on_the_writer(engine, f"SELECT rowid FROM sessions WHERE id = '{id}'")
    await engine.close()
    overwrite(folder, "sessions", rowid, text)
    return SqliteEngine(folder)


def contradictions(folder: Path) -> list[str]:
    """Returns what does not fit together in the file."""
    with beside(folder) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


@by_each_damage
async def test_it_is_read_as_its_address_alone(folder: Path, text: bytes) -> None:
    engine = await damaged(folder, text)
    stored = await engine.read(SESSIONS, "two", PARTITION)
    assert stored.item == ADDRESS and len(stored.etag) == 16
    page = await engine.query(SESSIONS, Query(KIND, PARTITION, ("id", "owner_id", "kind", "schema", "n")))
    assert page.items == [thing("one", n=0), ADDRESS, thing("zed", n=2)]
    assert await engine.aggregate(SESSIONS, Query(KIND, PARTITION, ("id",)), Aggregate.COUNT) == 3
    await engine.close()


@by_each_damage
@pytest.mark.parametrize("sort", [AT, BY_ID], ids=["by a path", "by id"])
async def test_lists_go_on_after_it(folder: Path, text: bytes, sort: Sort) -> None:
    engine = await damaged(folder, text)
    for partition in (PARTITION, None):
        pages = await walk(engine, Query(KIND, partition, ("id", "at"), sort=sort, page_size=1))
        found = [item["id"] for page in pages for item in page]
        assert [id for id in found if id != "two"] == ["one", "zed"]
    await engine.close()


@by_each_damage
async def test_it_cannot_be_patched(folder: Path, text: bytes) -> None:
    engine = await damaged(folder, text)
    before = await engine.read(SESSIONS, "two", PARTITION)
    with pytest.raises(CorruptItem):
        await engine.patch(SESSIONS, "two", PARTITION, [Increment("n")])
    assert await engine.read(SESSIONS, "two", PARTITION) == before
    await engine.close()


Change = Callable[[SqliteEngine, Stored], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    "delete": lambda engine, _: engine.delete(SESSIONS, "two", PARTITION),
    "delete under its etag": lambda engine, two: engine.delete(SESSIONS, "two", PARTITION, two.etag),
    "replace": lambda engine, two: engine.replace(SESSIONS, thing("two", at="5"), two.etag),
    "commit": lambda engine, two: engine.commit(
        SESSIONS, PARTITION, [Replace(thing("two", at="5"), two.etag), Create(thing("new", at="6"))]
    ),
}


@by_each_damage
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_it_can_be_deleted_and_replaced_and_leaves_nothing_in_an_index(
    folder: Path, text: bytes, change: Change
) -> None:
    engine = await damaged(folder, text)
    await change(engine, await engine.read(SESSIONS, "two", PARTITION))
    assert contradictions(folder) == []
    # A new row gets the number of a deleted one: no entry of an index may lead to it.
    await store(engine, [thing("bobs", "bob", at="7")])
    left = [id for id in await ids(engine, sort=AT) if id != "new"]
    assert left in (["one", "zed"], ["one", "zed", "two"])
    await engine.close()


async def test_what_an_index_holds_and_its_row_does_not_is_found_and_repaired(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # It is JSON, so nothing shows the damage. Its deletion leaves entries in the indexes behind.
    engine = await damaged(folder, b'{"id":"zed","owner_id":"ann","kind":"thing","bt":"2"}', "zed")
    await engine.delete(SESSIONS, "zed", PARTITION)
    assert contradictions(folder) != []
    assert await ids(engine, sort=AT, partition=None) == ["one", "two"]
    assert contradictions(folder) == []
    [line] = [one for one in caplog.messages if "indexes" in one]
    assert "sessions" in line
    await engine.close()


async def test_an_entry_of_an_index_never_leads_to_a_row_of_another(folder: Path) -> None:
    engine = await damaged(folder, b'{"id":"zed","owner_id":"ann","kind":"thing","bt":"2"}', "zed")
    await engine.delete(SESSIONS, "zed", PARTITION)
    await store(engine, [thing("bobs", "bob", at="2", secret="bob's")])
    page = await engine.query(SESSIONS, Query(KIND, PARTITION, ("id", "secret"), sort=AT))
    assert "bob's" not in str(page.items)
    await engine.close()


async def test_a_row_with_another_value_than_its_index_does_not_repeat_a_page(folder: Path) -> None:
    engine = await damaged(folder, b'{"id":"two","owner_id":"ann","kind":"thing","at":"0"}')
    async with asyncio.timeout(10):
        pages = await walk(engine, Query(KIND, PARTITION, ("id", "schema"), sort=AT, page_size=1))
    assert pages == [[{"id": "one"}], [{"id": "two", "schema": None}], [{"id": "zed"}]]
    await engine.close()


async def test_a_write_that_meets_a_contradiction_repairs_it_and_is_done(folder: Path) -> None:
    engine = await damaged(folder, b'{"id":"two","owner_id":"ann","kind":"thing","at":"1","status":"t"}')
    await engine.delete(SESSIONS, "two", PARTITION)
    assert await ids(engine) == ["one", "zed"] and contradictions(folder) == []
    await engine.close()


async def test_a_file_that_stays_damaged_is_repaired_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SqliteEngine(folder)
    await store(engine, [thing(f"item-{n:03}", at=f"{n}", text="x" * 3000) for n in range(100)])
    repairs = list[str]()
    monkeypatch.setattr(repair, "renew_indexes", lambda _, container: repairs.append(container.name))

    def contradictory(*_: object) -> list[tuple[Any, ...]]:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_INDEX
        raise error

    monkeypatch.setattr("persistence.storage.sqlite.reader.MeteredReader.rows", contradictory)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await ids(engine, sort=AT)
    assert repairs == ["sessions"]
    monkeypatch.setattr(repair, "PAUSE_SECONDS", 0.0)
    with pytest.raises(StoreUnavailable):
        await ids(engine, sort=AT)
    assert repairs == ["sessions"] * 2
    await engine.close()


@pytest.mark.parametrize("value", ['"x"', "[]", "{}", "1e400", "9223372036854775807", "-9223372036854775808"])
async def test_a_sum_leaves_out_what_is_no_sensible_number(engine: SqliteEngine, value: str) -> None:
    await store(engine, [thing(f"item-{n}", n=n) for n in range(4)])
    with beside(engine._path.parent) as other:
        text = f'{{"id":"item-%d","owner_id":"{PARTITION}","kind":"{KIND}","n":{value}}}'
        for n in (1, 2):
            other.execute("UPDATE sessions SET item = ? WHERE id = ?", (text % n, f"item-{n}"))
    query = Query(KIND, PARTITION, ("id",))
    assert await engine.aggregate(SESSIONS, query, Aggregate.SUM, "n") == 3
    for function in (Aggregate.MIN, Aggregate.MAX, Aggregate.COUNT):
        await engine.aggregate(SESSIONS, query, function, "n")
    assert await ids(engine, ("n", Operator.MORE_OR_EQUAL, 3), ("n", Operator.LESS, 4)) == ["item-3"]


async def test_columns_that_are_no_text_harm_no_other_row(folder: Path) -> None:
    engine = await damaged(folder, BROKEN["no JSON"])
    with beside(folder) as other:
        other.execute("UPDATE sessions SET etag = CAST(x'ff' AS TEXT) WHERE id = 'two'")
        other.execute("UPDATE sessions SET kind = CAST(x'ff' AS TEXT), id = CAST(x'fe' AS TEXT) WHERE id = 'one'")
    assert (await engine.read(SESSIONS, "two", PARTITION)).item == ADDRESS
    assert await ids(engine) == ["two", "zed"]
    everything = await engine.query(SESSIONS, Query(None, PARTITION, ("id",), page_size=1))
    assert everything.items == [{"id": "two"}] and everything.cursor is not None
    await engine.delete(SESSIONS, "two", PARTITION)
    with pytest.raises(ItemNotFound):
        await engine.read(SESSIONS, "two", PARTITION)
    await engine.close()


async def test_filters_work_among_damaged_rows(folder: Path) -> None:
    engine = await damaged(folder, BROKEN["no JSON"])
    for operator, value in (("EQUAL", "s"), ("STARTS_WITH", "s"), ("CONTAINS", "s"), ("NOT_EQUAL", "t")):
        named = Filter("status", Operator(operator), value)
        page = await engine.query(SESSIONS, Query(KIND, PARTITION, ("id",), (named,)))
        assert page.items == [{"id": "one"}, {"id": "zed"}]
    await engine.close()


async def test_no_log_and_no_cause_repeats_a_row(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = await damaged(folder, b'{"id":"two","owner_id":"ann","kind":"thing","title":"private \xff')
    await engine.query(SESSIONS, Query(KIND, PARTITION, ("id",)))
    with pytest.raises(CorruptItem) as failed:
        await engine.patch(SESSIONS, "two", PARTITION, [Increment("n")])
    assert failed.value.__cause__ is None
    await engine.delete(SESSIONS, "two", PARTITION)
    assert "private" not in caplog.text
    await engine.close()


async def test_a_file_with_a_damaged_row_gets_the_indexes_of_this_version(folder: Path) -> None:
    await (await damaged(folder, BROKEN["no JSON"])).close()
    with closing(sqlite3.connect(folder / "savepoint.db")) as connection, connection:
        connection.execute('DROP INDEX "sessions scan at"')
    engine = SqliteEngine(folder)
    assert await ids(engine, sort=AT, partition=None) == ["one", "zed"]
    await engine.close()
