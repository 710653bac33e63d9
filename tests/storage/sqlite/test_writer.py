"""The one thread that writes: groups of writes, each of which succeeds or fails by itself."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from persistence.errors import ItemChanged, ItemExists, ItemNotFound, StoreUnavailable
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Increment, Replace
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.storage.sqlite.writer import Work, Writer
from tests.support.items import PARTITION, ids, store, thing
from tests.support.sessions import content_ids, new, saving, session_store
from tests.support.sqlite import beside, on_the_writer


@contextmanager
def counted_commits(engine: SqliteEngine) -> Iterator[list[str]]:
    """Yields the commits on the writer's connection. Writes wait until the block ends."""
    statements: list[str] = []
    writer = engine._writer._connection
    with beside(engine._path.parent) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.set_trace_callback(lambda text: statements.append(text) if text == "COMMIT" else None)
        yield statements
        other.execute("COMMIT")


async def test_waiting_writes_are_committed_together_and_a_refused_one_harms_no_other(
    engine: SqliteEngine,
) -> None:
    etag = await engine.create(SESSIONS, thing("taken", n=0))
    half: list[Create | Replace] = [
        Replace(thing("taken", n=2), etag),
        Create(thing("half")),
        Create(thing("taken")),
    ]
    with counted_commits(engine) as commits:
        writes = [
            *(engine.create(SESSIONS, thing(f"item-{n}")) for n in range(5)),
            engine.create(SESSIONS, thing("taken")),
            engine.replace(SESSIONS, thing("taken"), "stale"),
            engine.patch(SESSIONS, "taken", PARTITION, [Increment("n"), Increment("kind")]),
            engine.delete(SESSIONS, "missing", PARTITION),
            engine.commit(SESSIONS, PARTITION, half),
            *(engine.create(SESSIONS, thing(f"item-{n}")) for n in range(5, 10)),
            engine.replace(SESSIONS, thing("taken", n=1), etag),
        ]
        tasks = [asyncio.ensure_future(write) for write in writes]
        await asyncio.sleep(0.05)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [type(result) for result in results[5:10]]
    assert refused == [ItemExists, ItemChanged, ValueError, ItemNotFound, ItemExists]
    assert all(isinstance(result, str) for result in [*results[:5], *results[10:]])
    assert await ids(engine) == [f"item-{n}" for n in range(10)] + ["taken"]
    assert (await engine.read(SESSIONS, "taken", PARTITION)).item == thing("taken", n=1)
    # The writer took the first one alone. All others waited, and were committed together.
    assert len(commits) <= 2


async def test_a_save_is_one_commit(engine: SqliteEngine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(PARTITION, new(content="one"))
    commits: list[str] = []
    engine._writer._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    head = await sessions.save(PARTITION, head.id, saving("two"))
    assert len(commits) == 1
    assert await content_ids(engine) == head.content_ids


async def test_a_lost_transaction_takes_its_whole_group_back_and_the_next_group_goes_on(
    engine: SqliteEngine,
) -> None:
    with counted_commits(engine):
        writes = [asyncio.ensure_future(engine.create(SESSIONS, thing(f"item-{n}"))) for n in range(3)]
        await asyncio.sleep(0.05)
        lost = "INSERT OR ROLLBACK INTO sessions VALUES (NULL, NULL, NULL, NULL, NULL, NULL)"
        writes.append(asyncio.ensure_future(on_the_writer(engine, lost)))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[-1], StoreUnavailable)
    kept = [f"item-{n}" for n in range(3) if isinstance(results[n], str)]
    assert await ids(engine) == kept
    assert all(isinstance(result, str | StoreUnavailable) for result in results)
    await store(engine, [thing("next")])
    assert await ids(engine) == [*kept, "next"]


async def test_a_write_whose_caller_gave_up_is_done_all_the_same(engine: SqliteEngine) -> None:
    with counted_commits(engine):
        write = asyncio.ensure_future(engine.create(SESSIONS, thing()))
        await asyncio.sleep(0.02)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
    await engine.close()
    again = SqliteEngine(engine._path.parent)
    assert await ids(again) == ["one"]
    await again.close()


async def test_a_caller_that_gave_up_is_no_error_of_the_event_loop(engine: SqliteEngine) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
    with counted_commits(engine):
        write = asyncio.ensure_future(engine.create(SESSIONS, thing()))
        await asyncio.sleep(0)
        write.cancel()
    # Returns after the write that was cancelled.
    await engine.create(SESSIONS, thing("two"))
    assert write.cancelled() and errors == []
    assert await ids(engine) == ["one", "two"]


def test_a_write_is_done_also_when_its_event_loop_is_gone(folder: Path) -> None:
    engine = SqliteEngine(folder)

    async def begin() -> None:
        asyncio.ensure_future(engine.create(SESSIONS, thing()))
        await asyncio.sleep(0.02)

    with counted_commits(engine):
        asyncio.run(begin())
    asyncio.run(engine.close())
    with beside(folder) as other:
        assert other.execute("SELECT id FROM sessions").fetchall() == [("one",)]


async def test_many_lists_run_at_once_while_others_write(engine: SqliteEngine) -> None:
    await store(engine, [thing(f"item-{n}") for n in range(10)])
    lists = [ids(engine) for _ in range(50)]
    writes = [engine.create(SESSIONS, thing(f"new-{n:02}")) for n in range(50)]
    results = await asyncio.gather(*lists, *writes)
    assert all(result[:10] == [f"item-{n}" for n in range(10)] for result in results[:50])
    assert len(await ids(engine)) == 60


class Failing:
    """Replaces a connection whose disk fails at the commit and at the rollback."""

    in_transaction = True
    fails = True

    def execute(self, text: str) -> None:
        if self.fails and text in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")

    def close(self) -> None:
        pass


async def test_the_writer_lives_on_when_even_the_roll_back_fails(engine: SqliteEngine) -> None:
    connection = Failing()
    writer = Writer(connection, engine._place, engine._structure, engine._reserve)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as failed:
            await writer.run(lambda _: "lost")
        assert str(failed.value.__cause__) == "disk I/O error"
    connection.fails = False
    assert await writer.run(lambda _: "done") == "done"
    writer.close()


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (lambda writer: writer.execute("SELECT * FROM nothing"), StoreUnavailable),
        (lambda writer: writer.execute("SELECT ?", (2**70,)), OverflowError),
        (lambda writer: writer.execute("SELECT ?", (object(),)), StoreUnavailable),
        (lambda writer: [][0], IndexError),
    ],
    ids=["of SQL", "too large", "of no type", "a bug"],
)
async def test_an_exception_in_a_group_fails_only_its_own_write(
    engine: SqliteEngine, fault: Work, raised: type[Exception]
) -> None:
    def half(writer: sqlite3.Connection) -> None:
        writer.execute("INSERT INTO sessions VALUES ('ann', 'half', 'thing', 'e', '{}', NULL)")
        fault(writer)

    with counted_commits(engine) as commits:
        writes: list[asyncio.Future[Any]] = []
        for number in range(6):
            write = engine._writer.run(half) if number == 3 else engine.create(SESSIONS, thing(f"item-{number}"))
            writes.append(asyncio.ensure_future(write))
        await asyncio.sleep(0.05)
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert type(results.pop(3)) is raised and all(isinstance(one, str) for one in results)
    assert await ids(engine) == [f"item-{number}" for number in range(6) if number != 3]
    assert len(commits) <= 2
