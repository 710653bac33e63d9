"""Sessions in tests: making them, and reading what is stored."""

import asyncio
import gzip
import hashlib
from datetime import timedelta
from typing import Any

from persistence import documents
from persistence.activity.store import ActivityStore
from persistence.background import TASK_NAME
from persistence.content import pack
from persistence.kind import Counts
from persistence.sessions.chores import SessionChores
from persistence.sessions.documents import (
    NewSession,
    SessionChange,
    SessionHead,
    SessionMetadata,
    SessionStatus,
)
from persistence.sessions.history import as_revision
from persistence.sessions.late_lines import LateLines
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Engine, Item
from persistence.storage.query import Aggregate, Query
from persistence.timers.scan import TimerRules
from tests.support.breaking import Refuses
from tests.support.clock import NOON

OWNER = "ann"


def session_store(engine: Engine, rules: SessionRules = DEFAULT_RULES) -> SessionStore:
    """Returns a new store over the engine, as another process would have."""
    return SessionStore(Shared.over(engine), rules)


async def delete_for_good(engine: Engine, session_id: str, owner_id: str = OWNER) -> None:
    """Leaves a tombstone, and the contents to the timer: what removes them fails."""
    refusing = Refuses(engine, SESSIONS, "delete")
    refusing.refusing = True
    await session_store(refusing).delete(owner_id, session_id, purge=True)


def new(title: str = "First", content: str = "one", description: str | None = None, **rest: Any) -> NewSession:
    return NewSession(title=title, description=description, content=pack(content), **rest)


def head_of(status: SessionStatus = SessionStatus.ACTIVE, **fields: Any) -> SessionHead:
    """Returns the head of a session in version 1 with the content "one". The fields are those of its metadata."""
    id = "session-0001"
    metadata = {
        "title": "First",
        "description": "About",
        "created_at": NOON,
        "updated_at": NOON,
        "last_accessed_at": NOON,
        "content_hash": sha256("one"),
        "content_bytes": 3,
        "version": 1,
        "device_info": "laptop",
    }
    head = SessionHead(
        id=id,
        owner_id=OWNER,
        app="map",
        status=status,
        status_before=SessionStatus.ACTIVE if status is SessionStatus.TRASHED else None,
        metadata=SessionMetadata.model_validate({**metadata, **fields}),
        content_id=f"{id}~contents0001",
        revisions=(),
    )
    return head.model_copy(update={"revisions": (as_revision(head, SessionAction.CREATED, "creation"),)})


def saving(content: str, **rest: Any) -> SessionChange:
    return SessionChange(content=pack(content), **rest)


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


async def items_of(engine: Engine, owner_id: str, kind: str, select: tuple[str, ...] = ("id",)) -> list[Item]:
    """Returns every item of a kind in a partition, from all pages."""
    await settled()
    items: list[Item] = []
    cursor = None
    while True:
        page = await engine.query(SESSIONS, Query(kind, owner_id, select, cursor=cursor))
        items += page.items
        if (cursor := page.cursor) is None:
            return items


async def settled() -> None:
    """Waits for the background work of this process."""
    beside = [task for task in asyncio.all_tasks() if task.get_name() == TASK_NAME]
    await asyncio.gather(*beside)


async def content_ids(engine: Engine, owner_id: str = OWNER) -> set[str]:
    return {item["id"] for item in await items_of(engine, owner_id, "content")}


async def count(engine: Engine, kind: str, owner_id: str = OWNER) -> int:
    await settled()
    return int(await engine.aggregate(SESSIONS, Query(kind, owner_id, ("id",)), Aggregate.COUNT) or 0)


async def stored_heads(engine: Engine, owner_id: str = OWNER) -> list[SessionHead]:
    """Returns all heads, including tombstones. Reads them one by one, because lists leave out the revisions."""
    ids = [item["id"] for item in await items_of(engine, owner_id, "session")]
    return [SessionHead.model_validate((await engine.read(SESSIONS, id, owner_id)).item) for id in ids]


async def stored_content(engine: Engine, id: str, size: int, owner_id: str = OWNER) -> str:
    item = (await engine.read(SESSIONS, id, owner_id)).item
    text = gzip.decompress(item[PAYLOAD])
    assert len(text) == size
    return text.decode()


async def sweep(engine: Engine, grace: timedelta = timedelta(0)) -> None:
    """Removes what no head names, as the timer does. Without a `grace`, also what was written just now."""
    late_lines = LateLines(ActivityStore(engine))
    chores = SessionChores(engine, session_store(engine), late_lines, TimerRules(settle_grace=grace))
    counts = Counts(("sessions_swept", "contents_removed", "lines_written"))
    await chores.empty_deleted(documents.now(), counts)
    await chores.sweep_saved(documents.now(), counts)


async def assert_sound(engine: Engine, owner_id: str = OWNER, *, has_gaps: bool = False) -> None:
    """Asserts that every history is in order, that every content it names exists and has its hash, and that the
    next sweep leaves these contents alone.

    Autosaves may leave gaps in a history. With `has_gaps`, autosaves that have left it may, too.
    """
    await sweep(engine)
    named: set[str] = set()
    for head in await stored_heads(engine, owner_id):
        versions = [revision.version for revision in head.revisions]
        newest = head.metadata.version
        assert versions[0] == newest and versions == sorted(set(versions), reverse=True)
        if not has_gaps and not any(one.action is SessionAction.AUTOSAVED for one in head.revisions):
            assert versions == list(range(newest, newest - len(versions), -1))
        assert head.revisions[0].content_id == head.content_id
        for revision in head.revisions:
            if revision.content_id is not None:
                text = await stored_content(engine, revision.content_id, revision.content_bytes, owner_id)
                assert sha256(text) == revision.content_hash
        named |= head.content_ids
    assert await content_ids(engine, owner_id) == named


async def damage(engine: Engine, id: str, owner_id: str = OWNER, /, **fields: Any) -> None:
    """Overwrites fields of a stored item. Names may be dotted paths; None removes a field."""
    stored = await engine.read(SESSIONS, id, owner_id)
    for path, value in fields.items():
        *parents, name = path.split(".")
        target = stored.item
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[name]
        else:
            target[name] = value
    await engine.replace(SESSIONS, stored.item, stored.etag)
