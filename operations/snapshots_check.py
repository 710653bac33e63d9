"""Checks snapshots with their visitors, and the access log entries of people."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from operations.checks import Finding, Place, is_old, text_of
from operations.items import addresses
from operations.usage_check import Shown, Usage
from persistence.documents import now
from persistence.errors import ItemNotFound
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor, visitor_item_id
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import PAYLOAD, Engine, Item
from persistence.storage.query import Query

_FIELDS = tuple(field.alias or name for name, field in Snapshot.model_fields.items())
_REPEATED = ("owner_id", "app", "expires_at", "snapshot_metadata")
"""Of an access log entry, what repeats its snapshot."""


async def check_snapshot(
    engine: Engine, snapshot_id: str, shown: Sequence[Shown]
) -> AsyncIterator[Finding | None]:
    """Yields what is wrong with a snapshot and its visitors, and None for each item that was read."""
    place = Place(engine, SNAPSHOTS, snapshot_id)
    usage = Usage(shown, place)
    of_snapshot = await _fields_of(engine, snapshot_id)
    async for address in addresses(engine, SNAPSHOTS, snapshot_id):
        document, item, finding = await place.load(address)
        usage.add(item)
        if finding is not None:
            yield finding
        if isinstance(document, Snapshot) and document.deleted_at is None:
            text, metadata = text_of(item.get(PAYLOAD)), document.metadata
            if text is None or (hashlib.sha256(text).hexdigest(), len(text)) != (
                metadata.content_hash,
                metadata.content_bytes,
            ):
                yield place.finding("damaged", document.id, "snapshot")
            if not await _exists(engine, SNAPSHOT_ACCESS_LOGS, snapshot_id, document.owner_id):
                yield place.finding("missing", document.id, "access_log")
        elif isinstance(document, Visitor):
            if (counted := await _check_visitor(place, document, of_snapshot)) is not None:
                yield counted
        yield None
    for wrong in await usage.compared():
        yield wrong


async def _check_visitor(place: Place, visitor: Visitor, of_snapshot: Item | None) -> Finding | None:
    """Compares the copy of a person's counts with that person's entry. Without the entry, it is the last that is
    known of the visits, so it is no orphan while the snapshot is there."""
    if of_snapshot is None:
        is_orphan = is_old(visitor.last_visited_at)
        return place.finding("orphan", visitor.id, "visitor", is_orphan=True) if is_orphan else None
    try:
        item = (await place.engine.read(SNAPSHOT_ACCESS_LOGS, visitor.snapshot_id, visitor.visitor_id)).item
        entry = AccessLog.model_validate(item)
    except ItemNotFound:
        if visitor.visitor_id == of_snapshot.get("owner_id"):
            return None  # reported with the snapshot
        return place.finding("missing", visitor.snapshot_id, "access_log")
    except ValueError:
        return None  # reported where the entry is
    copied = Visitor.of(entry)
    if copied == visitor:
        return None
    etag = (await place.engine.read(SNAPSHOTS, visitor.id, place.partition)).etag
    return place.finding("counted", visitor.id, "visitor", becomes=copied.to_item(), etag=etag)


async def check_entries(engine: Engine, visitor_id: str, shown: Sequence[Shown]) -> AsyncIterator[Finding | None]:
    """Yields what is wrong with a person's access log, and None for each entry that was read."""
    place = Place(engine, SNAPSHOT_ACCESS_LOGS, visitor_id)
    usage = Usage(shown, place)
    async for address in addresses(engine, SNAPSHOT_ACCESS_LOGS, visitor_id):
        document, item, finding = await place.load(address)
        usage.add(item)
        if finding is not None:
            yield finding
        elif isinstance(document, AccessLog) and not document.pending:
            if (found := await _check_entry(place, document)) is not None:
                yield found
        yield None
    for wrong in await usage.compared():
        yield wrong


async def _check_entry(place: Place, entry: AccessLog) -> Finding | None:
    """Compares an entry with its snapshot, whose fields it repeats."""
    id, visitor_id = entry.snapshot_id, visitor_item_id(entry.visitor_id)
    of_snapshot = await _fields_of(place.engine, id)
    if of_snapshot is None:
        return None if entry.snapshot_deleted else place.finding("missing", id, "snapshot")
    try:
        snapshot = Snapshot.model_validate(of_snapshot)
    except ValueError:
        return None  # reported where the snapshot is
    if snapshot.is_gone(now()):
        return None  # a timer marks the entry
    copied = AccessLog.first_visit(snapshot, entry.visitor_id, entry.first_visited_at)
    repeated = {name: getattr(copied, name) for name in _REPEATED} | {"snapshot_deleted": False}
    mended = entry.model_copy(update=repeated)
    if mended != entry:
        stored = await place.engine.read(SNAPSHOT_ACCESS_LOGS, entry.id, place.partition)
        return place.finding("derived", id, "access_log", becomes=mended.to_item(), etag=stored.etag)
    if entry.snapshot_deleted or await _exists(place.engine, SNAPSHOTS, visitor_id, id):
        return None
    return place.finding("missing", visitor_id, "visitor")


async def _fields_of(engine: Engine, snapshot_id: str) -> Item | None:
    """Returns a snapshot without its content, which is not read. None if there is none."""
    page = await engine.query(SNAPSHOTS, Query("snapshot", snapshot_id, _FIELDS))
    return page.items[0] if page.items else None


async def _exists(engine: Engine, container: Container, id: str, partition: str) -> bool:
    try:
        await engine.read(container, id, partition)
        return True
    except ItemNotFound:
        return False
