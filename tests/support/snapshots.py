"""Creates and reads snapshots, visits and what the timer works on, for tests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from persistence import Stores
from persistence.content import CONTENT_MAX_BYTES, pack
from persistence.documents import Document
from persistence.errors import ItemNotFound
from persistence.idempotency import IdempotencyRecord
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog, NewSnapshot, Snapshot, Visitor
from persistence.snapshots.rules import SnapshotRules
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Query
from persistence.timers.cleanup import Cleanup, CleanupRules

OWNER, VISITOR, OUTSIDER = "ann", "ben", "mallory"
GRACE = timedelta(minutes=15)
RETENTION = timedelta(days=30)

LARGE = "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(CONTENT_MAX_BYTES // 3))
"""Content too large, when packed, for one commit of a snapshot and its owner's visitor item."""

KINDS: dict[Container, tuple[type[Document], ...]] = {
    SESSIONS: (SessionHead, SessionContent, IdempotencyRecord),
    SNAPSHOTS: (Snapshot, Visitor),
    SNAPSHOT_ACCESS_LOGS: (AccessLog,),
}


def new(title: str = "First", content: str = "one", **rest: Any) -> NewSnapshot:
    return NewSnapshot(title=title, content=pack(content), **rest)


def over(
    engine: Engine, rules: SnapshotRules | None = None, cleanup: CleanupRules | None = None
) -> tuple[SessionStore, SnapshotStore, AccessLogStore, Cleanup]:
    """Returns sessions, snapshots, access logs and cleanup over an engine, with these rules."""
    shared = Shared.over(engine)
    sessions, logs = SessionStore(shared), AccessLogStore(shared)
    snapshots = SnapshotStore(shared, sessions, logs, rules or SnapshotRules())
    return sessions, snapshots, logs, Cleanup(engine, sessions, snapshots, logs, cleanup or CleanupRules())


def with_rules(stores: Stores, **rules: Any) -> SnapshotStore:
    """Returns a snapshot store with these settings, and the defaults for the others."""
    return SnapshotStore(stores.shared, stores.sessions, stores.access_logs, replace(SnapshotRules(), **rules))


async def visit(stores: Stores, visitor_id: str, snapshot_id: str) -> None:
    """Opens a snapshot, and waits until the visit is counted."""
    await stores.snapshots.get(visitor_id, snapshot_id)
    await stores.access_logs.drain()


async def entry_of(engine: Engine, visitor_id: str, snapshot_id: str) -> AccessLog | None:
    """Returns the stored entry, also if it is pending, hidden or marked; None if there is none."""
    try:
        return AccessLog.model_validate((await engine.read(SNAPSHOT_ACCESS_LOGS, snapshot_id, visitor_id)).item)
    except ItemNotFound:
        return None


async def visitors_of(engine: Engine, snapshot_id: str) -> dict[str, Visitor]:
    """Returns the visitor items of a snapshot, by visitor."""
    items = await stored(engine, SNAPSHOTS, Visitor, snapshot_id)
    return {item["visitor_id"]: Visitor.model_validate(item) for item in items}


async def find_snapshot(engine: Engine, snapshot_id: str) -> Snapshot | None:
    """Returns the stored snapshot or its tombstone; None if there is none."""
    try:
        return Snapshot.model_validate((await engine.read(SNAPSHOTS, snapshot_id, snapshot_id)).item)
    except ItemNotFound:
        return None


async def stored(
    engine: Engine, container: Container, model: type[Document], partition: str | None = None
) -> list[Item]:
    """Returns every item of a kind, in one partition or in all of them."""
    fields = tuple(field.alias or name for name, field in model.model_fields.items())
    # One page: a cursor cannot distinguish entries of different partitions that have the same id.
    query = Query(model.model_fields["kind"].default, partition, fields, page_size=100_000)
    return (await engine.query(container, query)).items


async def dump(engine: Engine) -> dict[str, Item]:
    """Returns every stored item except watermarks, with payloads, by "container/partition/id"."""
    found: dict[str, Item] = {}
    for container, models in KINDS.items():
        for model in models:
            for item in await stored(engine, container, model):
                id, partition = item["id"], item[container.partition_key]
                found[f"{container.name}/{partition}/{id}"] = (await engine.read(container, id, partition)).item
    return found


async def load(engine: Engine, items: dict[str, Item]) -> None:
    """Stores the items that `dump` returned."""
    containers = {container.name: container for container in KINDS}
    for place, item in items.items():
        await engine.create(containers[place.partition("/")[0]], item)


async def damage(engine: Engine, container: Container, id: str, partition: str, **fields: Any) -> None:
    """Overwrites fields of a stored item."""
    item = await engine.read(container, id, partition)
    await engine.replace(container, item.item | fields, item.etag)
