"""Snapshots: frozen copies that anybody signed in can open who has the id.

A snapshot lies in a partition of its own; its owner finds it through their own row in the access log. Creating
writes that row as pending, then the snapshot, then confirms the row; what is interrupted in between the timer
settles. Deleting replaces the snapshot by a tombstone, and that is the commit.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from persistence.content import Packed, pack, unpack
from persistence.documents import SNAPSHOT_ID_MAX_LENGTH, Timestamp, is_id, new_id, now
from persistence.errors import (
    Contended,
    ContentTooLarge,
    CorruptItem,
    Forbidden,
    Gone,
    InvalidMember,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    LimitReached,
    NotFound,
    PersistenceError,
)
from persistence.idempotency import IdempotencyKey
from persistence.retry import Attempts
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.documents import (
    AccessLog,
    NewSnapshot,
    Snapshot,
    SnapshotMetadata,
    SnapshotStats,
    Visitor,
)
from persistence.storage.checks import item_size
from persistence.storage.containers import SNAPSHOTS
from persistence.storage.document_set import DocumentSet, Versioned
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    ITEM_MAX_BYTES,
    PAYLOAD,
    Create,
    Item,
)
from persistence.storage.query import Aggregate, Filter, Page, Query, Sort

_log = logging.getLogger(__name__)

_DELETE_ATTEMPTS = 5
_NEWEST = Sort("snapshot_metadata.created_at", descending=True)
_LAST_VISITED = Sort("last_visited_at", descending=True)


@dataclass(frozen=True, slots=True)
class SnapshotRules:
    """What an operator sets: the length of new ids, days until expiry where none is asked for and at most
    (0 for never), and whether owners are told who opened their snapshots."""

    id_length: int = 12
    default_days: int = 0
    max_days: int = 0
    show_visitors: bool = False


class SnapshotStore:
    """Everybody's snapshots. Raises NotFound for a malformed id, and StoreUnavailable."""

    def __init__(
        self,
        shared: Shared,
        sessions: SessionStore,
        access_logs: AccessLogStore,
        rules: SnapshotRules,
    ) -> None:
        engine = self._engine = shared.engine
        self._sessions, self._access_logs, self._rules = sessions, access_logs, rules
        self._snapshots = DocumentSet(engine, SNAPSHOTS, Snapshot)
        self._visitors = DocumentSet(engine, SNAPSHOTS, Visitor)
        self._limits, self._reservations = shared.limits, shared.idempotency
        self.filters = access_logs.filters

    async def create(self, owner_id: str, new: NewSnapshot, attempt: IdempotencyKey | None = None) -> Snapshot:
        """A new snapshot, which counts as its owner's first visit; the same one again for a repeat of an
        `attempt`. Raises ContentTooLarge, TooMany, StorageFull, KeyReused, InvalidMember for an expiry that is
        not allowed, and as `SessionStore.get` where it is made from a session; then nothing was written."""
        if (made := await self._made_by(owner_id, attempt)) is not None:
            return made
        created_at = now()
        expires_at = self._expiry(new.expires_at, created_at)
        title, description, media_type, packed = await self._source(owner_id, new)
        async with self._limits.turn(owner_id):
            try:
                await self._limits.check_one_more(owner_id, "snapshots", packed.size)
            except LimitReached:
                # What reached it may be another try of the same attempt.
                if (made := await self._made_by(owner_id, attempt)) is not None:
                    return made
                raise
            snapshot_id = new_id(self._rules.id_length)
            snapshot = Snapshot(
                id=snapshot_id,
                snapshot_id=snapshot_id,
                owner_id=owner_id,
                app=new.app,
                metadata=SnapshotMetadata(
                    title=title,
                    description=description,
                    created_at=created_at,
                    content_hash=packed.hash,
                    content_bytes=packed.size,
                    media_type=media_type,
                ),
                expires_at=expires_at,
            )
            if attempt is not None:
                _item(snapshot, packed)  # what is too large is refused before it spends its key
                snapshot_id = await self._reservations.reserve(owner_id, "snapshot", attempt, snapshot_id)
                snapshot = snapshot.model_copy(update={"id": snapshot_id, "snapshot_id": snapshot_id})
            return await self._create(snapshot, packed, is_repeatable=attempt is not None)

    async def _create(self, snapshot: Snapshot, packed: Packed, *, is_repeatable: bool) -> Snapshot:
        """The snapshot as it is stored from then on."""
        item = _item(snapshot, packed)
        created_at = snapshot.metadata.created_at
        row = AccessLog.first_visit(snapshot, snapshot.owner_id, created_at)
        await self._access_logs.open_row(row.model_copy(update={"pending": True, "unsettled_at": created_at}))
        if not await self._write(item, Visitor.of(row).to_item()) and is_repeatable:
            # By another try of the same attempt, which may have copied the session as it was then.
            snapshot = await self._read_certain(snapshot.id)
        await self._confirm(snapshot)
        return snapshot

    async def get(self, visitor_id: str, snapshot_id: str) -> tuple[Snapshot, bytes]:
        """The snapshot and its content, as UTF-8, to anybody who has the id; the visit is counted beside it.
        One point read. Raises NotFound, Gone for a deleted or expired one, and CorruptItem."""
        snapshot, packed = await self._read_packed(snapshot_id)
        content = unpack(packed.payload, packed.size, snapshot_id)
        self._access_logs.count_visit(snapshot, visitor_id)
        return snapshot, content

    async def get_packed(self, visitor_id: str, snapshot_id: str) -> tuple[Snapshot, Packed]:
        """As `get`, with the content as it is stored."""
        snapshot, packed = await self._read_packed(snapshot_id)
        self._access_logs.count_visit(snapshot, visitor_id)
        return snapshot, packed

    async def read_own(self, owner_id: str, snapshot_id: str) -> tuple[Snapshot, bytes]:
        """As `get`, but only its owner's, and no visit. Raises Forbidden."""
        snapshot, packed = await self._read_packed(snapshot_id)
        if snapshot.owner_id != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        return snapshot, unpack(packed.payload, packed.size, snapshot_id)

    async def _read_packed(self, snapshot_id: str) -> tuple[Snapshot, Packed]:
        self._check_id(snapshot_id)
        try:
            stored = await self._engine.read(SNAPSHOTS, snapshot_id, snapshot_id)
        except ItemNotFound:
            raise NotFound("snapshot", snapshot_id) from None
        snapshot = self._snapshots.load(stored.item)
        if snapshot.is_gone(now()):
            raise Gone("snapshot", snapshot_id)
        payload = stored.item.get(PAYLOAD)
        if not isinstance(payload, bytes):
            raise CorruptItem("snapshot", snapshot_id)
        return snapshot, Packed(payload, snapshot.metadata.content_hash, snapshot.metadata.content_bytes)

    async def _made_by(self, owner_id: str, attempt: IdempotencyKey | None) -> Snapshot | None:
        """What an earlier try of the attempt made, listed if that was interrupted. Raises Gone and KeyReused."""
        if attempt is None:
            return None
        snapshot_id = await self._reservations.find(owner_id, "snapshot", attempt)
        if snapshot_id is None:
            return None
        try:
            snapshot = (await self._read(snapshot_id)).document
        except NotFound:
            return None
        if snapshot.is_gone(now()):
            raise Gone("snapshot", snapshot_id)
        await self._confirm(snapshot)
        return snapshot

    async def _read_certain(self, snapshot_id: str) -> Snapshot:
        """A snapshot that is known to be there: a read that does not find it yet is repeated. Raises Gone."""
        async for _ in Attempts():
            with suppress(NotFound):
                snapshot = (await self._read(snapshot_id)).document
                if snapshot.is_gone(now()):
                    raise Gone("snapshot", snapshot_id)
                return snapshot
        raise Contended("snapshot", snapshot_id)

    async def confirm(self, snapshot: Snapshot) -> None:
        """Lists a snapshot that is there in its owner's row. A patch; where an erasure had taken the row away, a
        query too, because it may have overtaken this."""
        is_anew = await self._access_logs.confirm(snapshot)
        if is_anew and await self._is_deleted(snapshot.id):
            await self._access_logs.erase(snapshot.owner_id, snapshot.id)

    async def _confirm(self, snapshot: Snapshot) -> None:
        try:
            await self.confirm(snapshot)
        except PersistenceError as exc:
            # The snapshot is there; the timer will find the row and list it.
            _log.warning("A snapshot's row is left for the timer to confirm: %r", exc)

    async def page(
        self,
        owner_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _NEWEST,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[AccessLog]:
        """A page of my snapshots, as my rows of them: filters and sorts are those of the access log."""
        return await self._access_logs.page_of_library(owner_id, filters, sort, page_size, cursor)

    async def delete(self, owner_id: str, snapshot_id: str) -> None:
        """Makes it a tombstone: the link answers Gone from then on. Harmless to repeat. Raises NotFound, and
        Forbidden for another's. The owner's own row is marked at once, those of visitors by the timer."""
        for _ in range(_DELETE_ATTEMPTS):
            current = await self._read(snapshot_id)
            if current.document.owner_id != owner_id:
                raise Forbidden("snapshot", snapshot_id)
            # A tombstone's row is marked, too: the first delete may have been interrupted before that.
            if current.document.deleted_at is not None or await self._bury(current):
                await self._mark_own(snapshot_id, owner_id)
                return
        raise Contended("snapshot", snapshot_id)

    async def expire(self, current: Versioned[Snapshot]) -> bool:
        """Makes a snapshot whose time is over a tombstone; False where someone else was faster. Its owner's row
        first, so that an interrupted run is begun anew by the next."""
        await self._mark_own(current.document.id, current.document.owner_id)
        return await self._bury(current)

    async def _bury(self, current: Versioned[Snapshot]) -> bool:
        """Replaces a snapshot by its tombstone; False where someone else was faster. One replace."""
        try:
            await self._snapshots.replace(current.document.tombstone(now()), current.etag)
            return True
        except ItemChanged:
            return False

    async def bury_damaged(self, owner_id: str, snapshot_id: str) -> None:
        """Puts a tombstone in the place of what cannot be read, so that the timer marks its visitors' rows. Raises
        Forbidden where it is another's as far as can be read, ItemNotFound, and Contended."""
        stored = await self._engine.read(SNAPSHOTS, snapshot_id, snapshot_id)
        whose = stored.item.get("owner_id")
        if isinstance(whose, str) and whose != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        tombstone = Snapshot(
            id=snapshot_id,
            snapshot_id=snapshot_id,
            owner_id=owner_id,
            metadata=SnapshotMetadata(
                title="", description=None, created_at=now(), content_hash="", content_bytes=0
            ),
        ).tombstone(now())
        try:
            await self._snapshots.replace(tombstone, stored.etag)
        except ItemChanged:
            raise Contended("snapshot", snapshot_id) from None

    async def stats(self, owner_id: str, snapshot_id: str) -> SnapshotStats:
        """How often it was opened. Raises NotFound, Gone, Forbidden. Five queries in the snapshot's own
        partition, none of which reads the content."""
        await self._check_owned(owner_id, snapshot_id)
        query = Query(self._visitors.kind, snapshot_id, ("id",))
        count, total, first, last = await asyncio.gather(
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.COUNT),
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.SUM, "visits"),
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.MIN, "first_visited_at"),
            self._engine.aggregate(SNAPSHOTS, query, Aggregate.MAX, "last_visited_at"),
        )
        return SnapshotStats.model_validate(
            {"visits": total, "visitors": count, "first_visited_at": first, "last_visited_at": last}
        )

    async def visitors(
        self,
        owner_id: str,
        snapshot_id: str,
        sort: Sort = _LAST_VISITED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[Visitor]:
        """A page of who opened it. Raises as `stats`, and Forbidden where the operator does not show visitors."""
        if not self._rules.show_visitors:
            raise Forbidden("snapshot", snapshot_id, "Visitors are not shown here.")
        await self._check_owned(owner_id, snapshot_id)
        return await self._visitors.page(snapshot_id, (), sort, page_size, cursor)

    def _expiry(self, asked: Timestamp | None, created_at: Timestamp) -> Timestamp | None:
        rules = self._rules
        if asked is not None and asked <= created_at:
            raise InvalidMember("expiresAt", "must lie in the future")
        latest = created_at + timedelta(days=rules.max_days) if rules.max_days else None
        if asked is not None and latest is not None and asked > latest:
            raise InvalidMember("expiresAt", f"must lie within {rules.max_days} days")
        if asked is None and rules.default_days:
            asked = created_at + timedelta(days=rules.default_days)
        return min((at for at in (asked, latest) if at is not None), default=None)

    async def _source(self, owner_id: str, new: NewSnapshot) -> tuple[str, str | None, str | None, Packed]:
        """Title, description, media type and content: what was sent, or a session's where that was named."""
        if new.session_id is not None:
            session = await self._sessions.get(owner_id, new.session_id)
            assert session.packed is not None, "asked for without a condition"
            # A damaged content is found here, not by everybody who opens the link.
            unpack(session.packed.payload, session.packed.size, session.head.id)
            metadata = session.head.metadata
            description = metadata.description if new.description is None else new.description
            media_type = new.media_type or metadata.media_type
            return new.title or metadata.title, description or None, media_type, session.packed
        assert new.content is not None and new.title is not None, "NewSnapshot has checked this"
        return new.title, new.description or None, new.media_type, pack(new.content)

    async def _write(self, snapshot: Item, visitor: Item) -> bool:
        """The snapshot and its owner's visitor item: in one commit unless it is large. False where the id was
        taken: by a driver that repeats after a fault, or by another try of the same attempt."""
        if item_size(snapshot) + item_size(visitor) <= COMMIT_MAX_BYTES:
            with suppress(ItemExists):
                await self._engine.commit(SNAPSHOTS, snapshot["id"], [Create(snapshot), Create(visitor)])
                return True
            return False
        is_first = False
        with suppress(ItemExists):
            await self._engine.create(SNAPSHOTS, snapshot)
            is_first = True
        with suppress(ItemExists):
            await self._engine.create(SNAPSHOTS, visitor)
        return is_first

    async def _mark_own(self, snapshot_id: str, owner_id: str) -> None:
        try:
            await self._access_logs.mark_deleted(snapshot_id, owner_id)
        except PersistenceError as exc:
            _log.warning("The row of a deleted snapshot is left for the timer to mark: %r", exc)

    async def _check_owned(self, owner_id: str, snapshot_id: str) -> None:
        """The snapshot itself is read only where a query finds nothing, to say why."""
        self._check_id(snapshot_id)
        found = await self._find_without_content(snapshot_id)
        snapshot = (await self._read(snapshot_id)).document if found is None else found
        if snapshot.owner_id != owner_id:
            raise Forbidden("snapshot", snapshot_id)
        if snapshot.is_gone(now()):
            raise Gone("snapshot", snapshot_id)

    async def _is_deleted(self, snapshot_id: str) -> bool:
        found = await self._find_without_content(snapshot_id)
        return found is None or found.deleted_at is not None

    async def _find_without_content(self, snapshot_id: str) -> Snapshot | None:
        """By a query, because those leave the content out."""
        found = (await self._snapshots.page(snapshot_id, page_size=1)).items
        return found[0] if found else None

    async def _read(self, snapshot_id: str) -> Versioned[Snapshot]:
        self._check_id(snapshot_id)
        try:
            return await self._snapshots.read(snapshot_id, snapshot_id)
        except ItemNotFound:
            raise NotFound("snapshot", snapshot_id) from None

    def _check_id(self, snapshot_id: str) -> None:
        if not is_id(snapshot_id, SNAPSHOT_ID_MAX_LENGTH):
            raise NotFound("snapshot", snapshot_id)


def _item(snapshot: Snapshot, packed: Packed) -> Item:
    """What is stored. Raises ContentTooLarge where that is more than one item can hold."""
    item = {**snapshot.to_item(), PAYLOAD: packed.payload}
    if (size := item_size(item)) > ITEM_MAX_BYTES:
        raise ContentTooLarge("packed content", size, ITEM_MAX_BYTES)
    return item
