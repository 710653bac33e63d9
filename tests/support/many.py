"""Very many sound items, written in seconds: for tests of memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from persistence import open_stores
from persistence.content import pack
from persistence.documents import new_id
from persistence.sessions.documents import SessionHead
from persistence.sessions.history import as_revision
from persistence.sessions.revisions import SessionAction
from persistence.storage.containers import SESSIONS
from persistence.storage.sqlite.schema import drop_indexes
from tests.support import bulk

Row = tuple[str, str, str, str, str, bytes | None]


async def fill(folder: Path, owners: int, sessions: int) -> None:
    """Writes sessions, of two items each. The indexes are made afterwards, when the store is opened again."""
    await open_stores(folder).close()
    with closing(sqlite3.connect(folder / "savepoint.db")) as connection, connection:
        drop_indexes(connection, SESSIONS)
        insert = "INSERT INTO sessions (partition, id, kind, etag, item, payload) VALUES (?, ?, ?, ?, ?, ?)"
        connection.executemany(insert, rows(owners, sessions))
    await open_stores(folder).close()


def rows(owners: int, sessions: int) -> Iterator[Row]:
    """Yields the rows of heads, each with its content."""
    packed = pack('{"quiet": true}')
    at, owner = datetime.now(UTC) - timedelta(days=7), "owner-0000000"
    (_, item), (_, content) = bulk.session(at, owner)
    head = SessionHead.model_validate(item)
    metadata = {"content_hash": packed.hash, "content_bytes": packed.size}
    head = head.model_copy(update={"metadata": head.metadata.model_copy(update=metadata)})
    head = head.model_copy(update={"revisions": (as_revision(head, SessionAction.CREATED, "save-1"),)})
    text, of_content = orjson.dumps(head.to_item()).decode(), orjson.dumps(content).decode()
    for number in range(owners):
        name = f"owner-{number:07}"
        for _ in range(sessions):
            id = new_id()
            content_id = content["id"].replace(head.id, id)
            yield name, id, "session", "many", text.replace(head.id, id).replace(owner, name), None
            made = of_content.replace(head.id, id).replace(owner, name)
            yield name, content_id, "content", "many", made, packed.payload
