"""Creating a snapshot: a pending entry in its owner's access log, then the snapshot, then the entry is confirmed.

The snapshot is the commit. If a create is interrupted, a timer settles the pending entry: it confirms the entry if
the snapshot exists, and removes it otherwise.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass

from persistence.content import Packed
from persistence.documents import Timestamp, new_id, now
from persistence.errors import (
    Contended,
    ContentTooLarge,
    Forbidden,
    ItemExists,
    LimitReached,
    NotFound,
    PersistenceError,
)
from persistence.faults import named
from persistence.idempotency import IdempotencyKey
from persistence.retry import Attempts
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import AccessLog, NewSnapshot, Snapshot, SnapshotMetadata, Visitor
from persistence.snapshots.lines import created_line
from persistence.snapshots.reads import SnapshotReads
from persistence.snapshots.rules import SnapshotRules
from persistence.storage.checks import item_size
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import COMMIT_MAX_BYTES, ITEM_MAX_BYTES, PAYLOAD, Create, Item

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Source:
    """What a new snapshot is a copy of: what was sent, a session, or another snapshot."""

    title: str
    description: str | None
    media_type: str | None
    content: Packed
    session_id: str | None = None

    def metadata(self, created_at: Timestamp) -> SnapshotMetadata:
        """The metadata of a snapshot that is created at this time."""
        return SnapshotMetadata(
            title=self.title,
            description=self.description,
            created_at=created_at,
            content_hash=self.content.hash,
            content_bytes=self.content.size,
            media_type=self.media_type,
        )


class SnapshotCreation:
    """Creates snapshots and confirms their owners' access log entries."""

    def __init__(
        self,
        shared: Shared,
        sessions: SessionStore,
        access_logs: AccessLogStore,
        reads: SnapshotReads,
        rules: SnapshotRules,
    ) -> None:
        self._engine, self._limits, self._keys = shared.engine, shared.limits, shared.idempotency
        self._activity = shared.activity
        self._sessions, self._access_logs, self._reads, self._rules = sessions, access_logs, reads, rules
        self._visitors = DocumentSet(shared.engine, SNAPSHOTS, Visitor)

    async def create(self, owner_id: str, new: NewSnapshot, key: IdempotencyKey | None) -> Snapshot:
        """See `SnapshotStore.create`."""
        if (created := await self._find_created(owner_id, key)) is not None:
            return created
        created_at = now()
        expires_at = self._rules.expiry(new.expires_at, created_at)
        source = await self._source(owner_id, new)
        async with self._limits.turn(owner_id):
            try:
                await self._limits.check_one_more(owner_id, "snapshots", source.content.size)
            except LimitReached:
                # Another try under the same key may have reached the limit.
                if (created := await self._find_created(owner_id, key)) is not None:
                    return created
                raise
            snapshot_id = new_id(self._rules.id_length)
            snapshot = Snapshot(
                id=snapshot_id,
                snapshot_id=snapshot_id,
                owner_id=owner_id,
                app=new.app,
                session_id=source.session_id,
                metadata=source.metadata(created_at),
                expires_at=expires_at,
            )
            if key is not None:
                _to_item(snapshot, source.content)  # raises before the key is used up
                snapshot_id = await self._keys.reserve(owner_id, "snapshot", key, snapshot_id)
                snapshot = snapshot.model_copy(update={"id": snapshot_id, "snapshot_id": snapshot_id})
            return await self._create(snapshot, source.content, has_key=key is not None)

    async def confirm(self, snapshot: Snapshot) -> bool:
        """See `SnapshotStore.confirm`."""
        # The line first: until the entry is confirmed, a timer repeats both.
        line = created_line(snapshot)
        has_room = await self._activity.note(line)
        if not await self._access_logs.confirm(snapshot):
            return has_room
        current = await self._reads.find_without_content(snapshot.id)
        if current is None or current.deleted_at is not None:
            # An erasure deleted the snapshot before this created the entry again.
            await self._access_logs.erase(snapshot.owner_id, snapshot.id)
            await self._activity.lines.discard(line.id, line.owner_id)
        return has_room

    async def _find_created(self, owner_id: str, key: IdempotencyKey | None) -> Snapshot | None:
        """Returns the snapshot that an earlier try under the same key created, and confirms its entry. Returns
        None if there is none. Raises Gone and KeyReused."""
        if key is None or (snapshot_id := await self._keys.find(owner_id, "snapshot", key)) is None:
            return None
        try:
            snapshot = await self._reads.get_live(snapshot_id)
        except NotFound:
            return None
        await self._try_confirm(snapshot)
        return snapshot

    async def _source(self, owner_id: str, new: NewSnapshot) -> _Source:
        if new.snapshot_id is not None:
            return await self._copied(owner_id, new.snapshot_id, new)
        if new.session_id is None:
            assert new.content is not None and new.title is not None, "NewSnapshot has checked this"
            return _Source(new.title, new.description or None, new.media_type, new.content)
        session = await self._sessions.get(owner_id, new.session_id)
        assert session.verified is not None, "read without a condition"
        metadata = session.head.metadata
        description = metadata.description if new.description is None else new.description
        return _Source(
            new.title or metadata.title,
            description or None,
            new.media_type or metadata.media_type,
            session.verified.packed,
            new.session_id,
        )

    async def _copied(self, owner_id: str, snapshot_id: str, new: NewSnapshot) -> _Source:
        """Raises NotFound, Gone, and Forbidden if it belongs to someone else. No visit is counted."""
        snapshot, verified = await self._reads.get_content(snapshot_id)
        if snapshot.owner_id != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        metadata = snapshot.metadata
        description = metadata.description if new.description is None else new.description
        return _Source(
            new.title or metadata.title,
            description or None,
            new.media_type or metadata.media_type,
            verified.packed,
            snapshot.session_id,
        )

    async def _create(self, snapshot: Snapshot, content: Packed, *, has_key: bool) -> Snapshot:
        """Returns the snapshot as it is stored."""
        item = _to_item(snapshot, content)
        entry = AccessLog.first_visit(snapshot, snapshot.owner_id, snapshot.metadata.created_at)
        await self._access_logs.create_pending(entry)
        if not await self._write(item, Visitor.of(entry)) and has_key:
            # Another try under the same key may have copied another state of the session.
            snapshot = await self._get_known(snapshot.id)
        await self._try_confirm(snapshot)
        return snapshot

    async def _write(self, item: Item, visitor: Visitor) -> bool:
        """Creates the snapshot and its owner's visitor: in one commit if both fit in, else in this order. Returns
        False if the id is taken: our own retry, or another try under the same idempotency key."""
        visitor_item = visitor.to_item()
        in_one_commit = item_size(item) + item_size(visitor_item) <= COMMIT_MAX_BYTES
        try:
            if in_one_commit:
                await self._engine.commit(SNAPSHOTS, item["id"], [Create(item), Create(visitor_item)])
            else:
                await self._engine.create(SNAPSHOTS, item)
            is_new = True
        except ItemExists:
            is_new = False
        if not in_one_commit:
            await self._visitors.create_once(visitor)
        return is_new

    async def _get_known(self, snapshot_id: str) -> Snapshot:
        """Returns a snapshot that is known to exist: a stale read that finds nothing is repeated. Raises Gone."""
        async for _ in Attempts():
            with suppress(NotFound):
                return await self._reads.get_live(snapshot_id)
        raise Contended("snapshot", snapshot_id)

    async def _try_confirm(self, snapshot: Snapshot) -> None:
        try:
            await self.confirm(snapshot)
        except PersistenceError as exc:
            # The snapshot exists. A timer finds the pending entry and confirms it.
            _log.warning("An access log entry stays pending until the timer runs: %s", named(exc))


def _to_item(snapshot: Snapshot, content: Packed) -> Item:
    """Raises ContentTooLarge if one item cannot hold the snapshot with its content."""
    item = {**snapshot.to_item(), PAYLOAD: content.payload}
    if (size := item_size(item)) > ITEM_MAX_BYTES:
        raise ContentTooLarge("packed content", size, ITEM_MAX_BYTES)
    return item
