"""Sessions: a small head that names the current content, and immutable contents. The model is git's.

Saving writes the content, then replaces the head under the head's etag. That replace is the commit: until it
succeeds nothing is visible, after it everything is. Renaming and deleting are the same replace without content.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Collection as SetOf
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

from persistence.collection import Collection, Versioned
from persistence.content import Packed, pack, unpack
from persistence.documents import (
    NewSession,
    SessionAction,
    SessionChange,
    SessionContent,
    SessionHead,
    SessionMetadata,
    SessionStatus,
    SessionSummary,
    is_id,
    new_id,
    now,
)
from persistence.engines.containers import SESSIONS
from persistence.engines.engine import COMMIT_MAX_BYTES, PAYLOAD, Create, Engine, Item, item_size
from persistence.errors import (
    Changed,
    Contended,
    CorruptItem,
    Gone,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    NotFound,
    PersistenceError,
)
from persistence.filters import FilterFactory
from persistence.query import Filter, Operator, Page, Sort

_log = logging.getLogger(__name__)

ATTEMPTS = 10
_CLAIM_REREADS = 3
_CONTENT_READS = 4
_BACKOFF_SECONDS = 0.02
_BACKOFF_MAX_SECONDS = 1.0
_RECENTLY_UPDATED = Sort("metadata.updated_at", descending=True)

Edit = Callable[[SessionHead], Awaitable[SessionHead]]


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A head and the content that it names; `packed` None where the caller has it already."""

    head: SessionHead
    packed: Packed | None

    @property
    def content(self) -> bytes | None:
        """The content as UTF-8. Raises CorruptItem."""
        packed = self.packed
        return None if packed is None else unpack(packed.payload, packed.size, self.head.id)


class SessionStore:
    """A person's sessions. Every method takes the owner; another's session is as if there were none.

    Raises, besides what each method says: StoreUnavailable, and NotFound for a malformed id.
    """

    def __init__(self, engine: Engine, keep_revisions: int = 20) -> None:
        self._engine = engine
        self._keep = keep_revisions
        self._heads = Collection(engine, SESSIONS, SessionHead)
        self._summaries = Collection(engine, SESSIONS, SessionSummary)
        self._contents = Collection(engine, SESSIONS, SessionContent)
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.filters = FilterFactory(SessionHead)

    async def create(self, owner_id: str, new: NewSession) -> SessionHead:
        """A new active session, version 1. Raises ContentTooLarge. One commit, two creates where it is large."""
        packed = pack(new.content)
        session_id, save_id, created_at = new_id(), new_id(), now()
        content = self._content_item(owner_id, session_id, packed)
        head = SessionHead(
            id=session_id,
            owner_id=owner_id,
            app=new.app,
            status=SessionStatus.ACTIVE,
            metadata=SessionMetadata(
                title=new.title,
                description=new.description or None,
                created_at=created_at,
                updated_at=created_at,
                last_accessed_at=created_at,
                content_hash=packed.hash,
                content_bytes=packed.size,
                version=1,
                device_info=new.device_info,
            ),
            content_id=content["id"],
            revisions=(),
        )
        head = head.model_copy(update={"revisions": (head.as_revision(SessionAction.CREATED, save_id),)})
        await self._write_new(owner_id, content, head.to_item())
        return head

    async def get(self, owner_id: str, session_id: str, unless: SetOf[str] = ()) -> OpenedSession:
        """The head and its content; without the content where the head's ETag is one of `unless`.
        Two point reads. Raises NotFound, Gone and CorruptItem."""
        for attempt in range(_CONTENT_READS):
            await _back_off(attempt)
            head = await self.get_head(owner_id, session_id)
            if head.metadata.etag in unless:
                return OpenedSession(head, None)
            try:
                return OpenedSession(head, await self._read_packed(head))
            except ItemNotFound:
                # Pruned by a save between the two reads, and then the head has moved on; or not yet to be
                # seen from here.
                continue
        raise CorruptItem("session", session_id)

    async def get_head(self, owner_id: str, session_id: str) -> SessionHead:
        """Everything but the content. One point read. Raises NotFound, Gone and CorruptItem."""
        return (await self._read(owner_id, session_id)).document

    async def page(
        self,
        owner_id: str,
        filters: Sequence[Filter] = (),
        sort: Sort = _RECENTLY_UPDATED,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """A page of the history: active and closed sessions, unless a filter asks for a status.
        One query in one partition, over heads alone. Raises InvalidField and InvalidCursor."""
        if not any(one.path == "status" for one in filters):
            shown = (SessionStatus.ACTIVE, SessionStatus.CLOSED)
            filters = (*filters, self.filters.create("status", shown, Operator.IN))
        return await self._summaries.page(owner_id, filters, sort, page_size, cursor)

    async def save(
        self,
        owner_id: str,
        session_id: str,
        change: SessionChange,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
    ) -> SessionHead:
        """The head after the change; what changes nothing writes nothing.

        With `if_match`, Changed is raised unless the session's ETag is one of them, and nothing is written.
        Without, the last writer wins; Contended after ten lost attempts. A repeat under the same `save_id`
        finds its first try done. Raises NotFound, Gone, ContentTooLarge. A head read, a content create and a
        head replace; a pruned content is deleted too.
        """
        packed = None if change.content is None else pack(change.content)
        save_id = save_id or new_id()
        written: list[str] = []

        async def edit(head: SessionHead) -> SessionHead:
            changes = _effect(head, change, packed)
            if not changes:
                return head
            if packed is not None and "content_hash" in changes:
                # A new item for each attempt: an attempt that seemed lost may have landed after all, and
                # been overwritten and pruned since.
                content = self._content_item(owner_id, session_id, packed)
                await self._create_content(content)
                written.append(content["id"])
                return head.revised(SessionAction.SAVED, save_id, self._keep, content_id=content["id"], **changes)
            return head.revised(SessionAction.RENAMED, save_id, self._keep, **changes)

        try:
            head = await self._commit(owner_id, session_id, edit, save_id, if_match)
        except (Changed, Gone):
            # Certain: a newer head was read, and it is not ours. After any other fault an attempt may have
            # landed, so what it wrote stays for the timer to judge.
            await self._remove_contents(owner_id, written)
            raise
        await self._remove_contents(owner_id, [id for id in written if id not in head.content_ids])
        return head

    async def delete(self, owner_id: str, session_id: str, if_match: SetOf[str] | None = None) -> None:
        """Makes it a tombstone, which competes with saves on the same etag. Its contents go later, by the
        timer. Raises NotFound, Gone where it was deleted before, Changed and Contended as `save`."""
        save_id = new_id()

        async def edit(head: SessionHead) -> SessionHead:
            nothing = {"title": "", "description": None, "device_info": None, "content_id": None}
            head = head.revised(
                SessionAction.DELETED, save_id, keep=1, status=SessionStatus.DELETED, revisions=(), **nothing
            )
            at = head.metadata.updated_at
            return head.model_copy(update={"deleted_at": at, "unsettled_at": at})

        await self._commit(owner_id, session_id, edit, save_id, if_match, prune=False)

    async def _commit(
        self,
        owner_id: str,
        session_id: str,
        edit: Edit,
        save_id: str,
        if_match: SetOf[str] | None,
        prune: bool = True,
    ) -> SessionHead:
        """The one loop through which every change of a head goes."""
        lock = self._locks.setdefault((owner_id, session_id), asyncio.Lock())
        lost: set[str] = set()
        claimed_version = max([_version_of(tag) for tag in if_match or ()], default=0)
        seen_version = 0
        async with lock:
            for attempt in range(ATTEMPTS):
                await _back_off(attempt)
                claimed = claimed_version > 0 and attempt < _CLAIM_REREADS
                current = await self._find_fresh(owner_id, session_id, lost, claimed)
                if current is None:
                    continue
                head = current.document
                if (ours := head.revision_by(save_id)) is not None:
                    # Not the head as it is now: the caller would take the ETag of others' saves for its own,
                    # and overwrite with it what it has never seen.
                    return head.as_of(ours)
                version = head.metadata.version
                if version < seen_version or (claimed and version < claimed_version):
                    continue  # older than what we have read before, or than what the caller has
                if head.status is SessionStatus.DELETED:
                    raise Gone("session", session_id)
                if if_match is not None and head.metadata.etag not in if_match:
                    raise Changed("session", session_id, head)
                seen_version = version
                new_head = await edit(head)
                if new_head is head:
                    return head
                try:
                    await self._heads.replace(new_head, current.etag)
                except ItemChanged:
                    lost.add(current.etag)
                    continue
                if prune:
                    await self._remove_contents(owner_id, head.content_ids - new_head.content_ids)
                return new_head
        raise Contended("session", session_id)

    async def _find_fresh(
        self, owner_id: str, session_id: str, lost: set[str], claimed: bool
    ) -> Versioned[SessionHead] | None:
        """The head, or None where the read is older than the replace that just failed, or finds nothing where
        the caller claims to have read something."""
        if not is_id(session_id):
            raise NotFound("session", session_id)
        try:
            current = await self._heads.read(session_id, owner_id)
        except ItemNotFound:
            if lost or claimed:
                return None
            raise NotFound("session", session_id) from None
        return None if current.etag in lost else current

    async def _read_packed(self, head: SessionHead) -> Packed:
        """The content that a head names. One point read. Raises ItemNotFound where it was pruned since."""
        assert head.content_id is not None, "only tombstones have none, and reading those raises Gone"
        stored = await self._engine.read(SESSIONS, head.content_id, head.owner_id)
        self._contents.load(stored.item)
        payload = stored.item.get(PAYLOAD)
        if not isinstance(payload, bytes):
            raise CorruptItem("content", head.content_id)
        return Packed(payload, head.metadata.content_hash, head.metadata.content_bytes)

    async def _read(self, owner_id: str, session_id: str) -> Versioned[SessionHead]:
        if not is_id(session_id):
            raise NotFound("session", session_id)
        try:
            found = await self._heads.read(session_id, owner_id)
        except ItemNotFound:
            raise NotFound("session", session_id) from None
        if found.document.status is SessionStatus.DELETED:
            raise Gone("session", session_id)
        return found

    def _content_item(self, owner_id: str, session_id: str, packed: Packed) -> Item:
        content = SessionContent(
            id=f"{session_id}~{new_id()}", owner_id=owner_id, session_id=session_id, saved_at=now()
        )
        return {**content.to_item(), PAYLOAD: packed.payload}

    async def _write_new(self, owner_id: str, content: Item, head: Item) -> None:
        if item_size(content) + item_size(head) <= COMMIT_MAX_BYTES:
            with _met_itself():
                await self._engine.commit(SESSIONS, owner_id, [Create(content), Create(head)])
        else:
            await self._create_content(content)
            with _met_itself():
                await self._engine.create(SESSIONS, head)

    async def _create_content(self, content: Item) -> None:
        with _met_itself():
            await self._engine.create(SESSIONS, content)

    async def _remove_contents(self, owner_id: str, ids: SetOf[str]) -> None:
        """Removes what no head names. What fails here is left for the timer: the commit stands."""
        for id in ids:
            try:
                await self._contents.discard(id, owner_id)
            except PersistenceError as exc:
                _log.warning("A content without a head is left for the timer: %r", exc)


@contextmanager
def _met_itself() -> Iterator[None]:
    """Around creates under ids of 72 random bits made for this attempt alone: a driver that repeats after a
    fault is the only one who can have taken them. To read them back would prove less, as reads may be late."""
    with suppress(ItemExists):
        yield


def _effect(head: SessionHead, change: SessionChange, packed: Packed | None) -> dict[str, object]:
    """The fields that a change would really change, of the head or of its metadata."""
    metadata = head.metadata
    changes: dict[str, object] = {}
    if change.title is not None and change.title != metadata.title:
        changes["title"] = change.title
    if change.description is not None and (change.description or None) != metadata.description:
        changes["description"] = change.description or None
    if change.app is not None and change.app != head.app:
        changes["app"] = change.app
    if packed is not None and packed.hash != metadata.content_hash:
        changes |= {"content_hash": packed.hash, "content_bytes": packed.size}
    if changes:
        # Where it was saved belongs to the save; by itself it is none.
        changes["device_info"] = change.device_info
    return changes


async def _back_off(attempt: int) -> None:
    """Waits before every attempt but the first, with full jitter."""
    if attempt:
        await asyncio.sleep(random.uniform(0, min(_BACKOFF_MAX_SECONDS, _BACKOFF_SECONDS * 2**attempt)))


def _version_of(etag: str) -> int:
    """The version that one of our own ETags names, 0 for any other text."""
    number, dash, _ = etag.strip('"').partition("-")
    return int(number) if dash and number.isascii() and number.isdigit() and len(number) < 16 else 0
