"""Contents of sessions: items that are written once, under ids that never repeat, and named by a head."""

import logging
from collections.abc import Collection as SetOf
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from persistence.background import Background
from persistence.content import Packed
from persistence.documents import SessionContent, SessionHead, new_id, now
from persistence.errors import CorruptItem, ItemExists, PersistenceError
from persistence.storage.charge import metered
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, pages_of
from persistence.storage.engine import COMMIT_MAX_BYTES, PAYLOAD, Create, Engine, Item, item_size
from persistence.storage.query import Filter, Operator, Query

_log = logging.getLogger(__name__)


class SessionContents:
    """Writes, reads and removes content items."""

    def __init__(self, engine: Engine, background: Background) -> None:
        self._engine = engine
        self._contents = DocumentSet(engine, SESSIONS, SessionContent)
        self._background = background

    def item_of(self, owner_id: str, session_id: str, packed: Packed) -> Item:
        """A new item, yet to be written."""
        content = SessionContent(
            id=f"{session_id}~{new_id()}", owner_id=owner_id, session_id=session_id, saved_at=now()
        )
        return {**content.to_item(), PAYLOAD: packed.payload}

    async def create_first(self, head: SessionHead, packed: Packed, *, id_is_new: bool) -> SessionHead:
        """A new session's content, and its head, which from then on names it; answers that head. One commit, or
        two creates where it is large. Raises ItemExists where the head's id is taken, unless `id_is_new`."""
        item = self.item_of(head.owner_id, head.id, packed)
        revisions = tuple(one.model_copy(update={"content_id": item["id"]}) for one in head.revisions)
        head = head.model_copy(update={"content_id": item["id"], "revisions": revisions})
        head_item = head.to_item()
        if item_size(item) + item_size(head_item) <= COMMIT_MAX_BYTES:
            with _met_itself() if id_is_new else nullcontext():
                await self._engine.commit(SESSIONS, head.owner_id, [Create(item), Create(head_item)])
        else:
            with _met_itself():
                await self._engine.create(SESSIONS, item)
            with _met_itself() if id_is_new else nullcontext():
                await self._engine.create(SESSIONS, head_item)
        return head

    async def read(self, owner_id: str, content_id: str, hash: str, size: int) -> Packed:
        """The content of that hash and size, as it is stored. One point read. Raises ItemNotFound where it was
        pruned, and CorruptItem."""
        stored = await self._engine.read(SESSIONS, content_id, owner_id)
        self._contents.load(stored.item)
        payload = stored.item.get(PAYLOAD)
        if not isinstance(payload, bytes):
            raise CorruptItem("content", content_id)
        return Packed(payload, hash, size)

    async def erase_all(self, owner_id: str, session_id: str) -> int:
        """Removes every content of a session that is there no more, or deleted; how many. A query and a delete
        for each."""
        erased = 0
        query = Query(self._contents.kind, owner_id, ("id",), contents_of(session_id))
        async for page in pages_of(self._engine, SESSIONS, query):
            for item in page:
                await self._contents.discard(item["id"], owner_id)
                erased += 1
        return erased

    def remove(self, owner_id: str, ids: SetOf[str]) -> None:
        """Removes what no head names, beside the request: the commit stands and its answer need not wait. What
        fails, or is interrupted, is left for the timer."""
        if ids:
            self._background.start(self._remove(owner_id, ids))

    async def _remove(self, owner_id: str, ids: SetOf[str]) -> None:
        with metered() as charge:
            for id in ids:
                try:
                    await self._contents.discard(id, owner_id)
                except PersistenceError as exc:
                    _log.warning("A content without a head is left for the timer: %r", exc)
        _log.debug("%d contents were removed for %.2f RU", len(ids), charge.request_units)


def contents_of(session_id: str) -> tuple[Filter, ...]:
    """The ids "<session>~..." as a range of the index."""
    return (
        Filter("id", Operator.MORE, f"{session_id}~"),
        Filter("id", Operator.LESS, f"{session_id}~~"),
    )


def session_of(id: str) -> str:
    """The session that a head is, or that a content belongs to, by its id."""
    return id.partition("~")[0]


@contextmanager
def _met_itself() -> Iterator[None]:
    """Around creates under ids of 72 random bits made for this attempt alone: a driver that repeats after a
    fault is the only one who can have taken them. To read them back would prove less, as reads may be late."""
    with suppress(ItemExists):
        yield
