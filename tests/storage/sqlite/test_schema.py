"""A file of an older version gets the indexes of this one, once, and loses those that nothing uses."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from persistence.storage.containers import CONTAINERS
from persistence.storage.sqlite import schema
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.items import ids, store, thing
from tests.support.sqlite import beside

OLD = (
    'CREATE INDEX "sessions by metadata.title" ON sessions'
    " (partition, kind, json_extract(item, '$.metadata.title'), id)"
)
OTHERS = 'CREATE INDEX "of others" ON sessions (etag)'


def named_indexes(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))


def wanted() -> dict[str, str]:
    return {name: text for container in CONTAINERS for name, text in schema.indexes(container).items()}


async def made_old(folder: Path) -> None:
    """Makes a file with an index of an older version, one of another definition, and without one that is new."""
    engine = SqliteEngine(folder)
    await store(engine, [thing("one", status="active", metadata={"title": "b"})])
    await engine.close()
    with beside(folder) as connection:
        connection.execute(OLD)
        connection.execute('DROP INDEX "sessions scan saved_at"')
        connection.execute('CREATE INDEX "sessions scan saved_at" ON sessions (kind)')
        connection.execute('DROP INDEX "sessions list status by metadata.title"')


async def test_opening_a_file_makes_its_indexes_those_of_this_version(folder: Path) -> None:
    await made_old(folder)
    engine = SqliteEngine(folder)
    with beside(folder) as connection:
        assert named_indexes(connection) == wanted()
    assert await ids(engine) == ["one"]
    await engine.close()


async def test_indexes_of_others_stay(folder: Path) -> None:
    await SqliteEngine(folder).close()
    with beside(folder) as connection:
        connection.execute(OTHERS)
    await SqliteEngine(folder).close()
    with beside(folder) as connection:
        assert named_indexes(connection) == wanted() | {"of others": OTHERS}


async def test_a_file_that_is_up_to_date_is_not_changed(folder: Path) -> None:
    await SqliteEngine(folder).close()
    with beside(folder) as connection:
        before = connection.execute("PRAGMA schema_version").fetchone()
        await SqliteEngine(folder).close()
        assert connection.execute("PRAGMA schema_version").fetchone() == before


async def test_of_two_that_open_an_old_file_at_once_both_can_use_it(folder: Path) -> None:
    await made_old(folder)
    one, other = await asyncio.gather(*(asyncio.to_thread(SqliteEngine, folder) for _ in range(2)))
    with beside(folder) as connection:
        assert named_indexes(connection) == wanted()
    await store(one, [thing("two")])
    assert await ids(other) == ["one", "two"]
    await asyncio.gather(one.close(), other.close())


async def test_who_has_the_file_open_goes_on_while_another_changes_its_indexes(folder: Path) -> None:
    engine = SqliteEngine(folder)
    await store(engine, [thing("one")])
    with closing(sqlite3.connect(folder / "savepoint.db", isolation_level=None)) as older:
        for name in wanted():
            older.execute(f'DROP INDEX "{name}"')
    await store(engine, [thing("two")])
    assert await ids(engine) == ["one", "two"]
    await engine.close()
