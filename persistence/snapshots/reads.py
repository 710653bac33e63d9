"""Reads of snapshots by id."""

from persistence.content import Packed, Verified
from persistence.documents import SNAPSHOT_ID_MAX_LENGTH, is_id, now
from persistence.errors import CorruptItem, Forbidden, Gone, ItemNotFound, NotFound
from persistence.snapshots.documents import Snapshot
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import PAYLOAD, Engine
from persistence.storage.query import Filter, Operator


class SnapshotReads:
    """Reads snapshots. Raises NotFound if the id is malformed or unknown, and CorruptItem."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._snapshots = DocumentSet(engine, SNAPSHOTS, Snapshot)

    async def get(self, snapshot_id: str) -> Versioned[Snapshot]:
        """Returns a snapshot or its tombstone. One point read, which reads the content too."""
        check_id(snapshot_id)
        try:
            return await self._snapshots.read(snapshot_id, snapshot_id)
        except ItemNotFound:
            raise NotFound("snapshot", snapshot_id) from None

    async def get_live(self, snapshot_id: str) -> Snapshot:
        """As `get`, but raises Gone if the snapshot was deleted or has expired."""
        return _live((await self.get(snapshot_id)).document)

    async def get_content(self, snapshot_id: str) -> tuple[Snapshot, Verified]:
        """Returns a snapshot and its content. One point read. Raises Gone, and CorruptItem if the content is
        damaged."""
        check_id(snapshot_id)
        try:
            stored = await self._engine.read(SNAPSHOTS, snapshot_id, snapshot_id)
        except ItemNotFound:
            raise NotFound("snapshot", snapshot_id) from None
        snapshot = _live(self._snapshots.load(stored.item))
        payload = stored.item.get(PAYLOAD)
        if not isinstance(payload, bytes):
            raise CorruptItem("snapshot", snapshot_id)
        packed = Packed(payload, snapshot.metadata.content_hash, snapshot.metadata.content_bytes)
        return snapshot, Verified.of(packed, snapshot_id)

    async def find_without_content(self, snapshot_id: str) -> Snapshot | None:
        """Returns a snapshot or its tombstone; None if it is not found or damaged. One query, because a
        point read would read the content."""
        # By its id, because its visitors are in the same partition.
        itself = Filter("id", Operator.EQUAL, snapshot_id)
        found = (await self._snapshots.page(snapshot_id, [itself], page_size=1)).items
        return found[0] if found else None

    async def check_owned(self, owner_id: str, snapshot_id: str) -> None:
        """Raises Forbidden if the snapshot belongs to someone else, and Gone. One query. A point read follows
        only if the query finds nothing; it raises the reason."""
        check_id(snapshot_id)
        snapshot = await self.find_without_content(snapshot_id) or (await self.get(snapshot_id)).document
        if snapshot.owner_id != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        _live(snapshot)


def check_id(snapshot_id: str) -> None:
    """Raises NotFound if this cannot be the id of a snapshot."""
    if not is_id(snapshot_id, SNAPSHOT_ID_MAX_LENGTH):
        raise NotFound("snapshot", snapshot_id)


def _live(snapshot: Snapshot) -> Snapshot:
    """Returns the snapshot. Raises Gone if it was deleted or has expired."""
    if snapshot.is_gone(now()):
        raise Gone("snapshot", snapshot.id)
    return snapshot
