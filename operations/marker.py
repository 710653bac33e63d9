"""The note in a target of copies that it is one, so that nothing of others is overwritten or removed there."""

from typing import Literal

from operations.items import partitions
from operations.places import WrongCall
from persistence.documents import Document, derived_id
from persistence.errors import ItemNotFound
from persistence.storage.containers import CONTAINERS, SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query


class CopyNote(Document):
    """Where the copy is from. Of its sessions: the time of the newest change, and their number.

    Both are None while a run is not finished.
    """

    kind: Literal["copy"] = "copy"
    owner_id: str = TIMERS_PARTITION
    source: str
    newest: str | None = None
    sessions: int | None = None


class Marker:
    """The note of one copy: of everything, or of one person."""

    def __init__(self, target: Engine, source: str, owner_id: str | None) -> None:
        self._target, self._owner_id = target, owner_id
        self._notes = DocumentSet(target, SESSIONS, CopyNote)
        id = "copy-everything" if owner_id is None else f"copy-{derived_id(owner_id)}"
        self._note = CopyNote(id=id, source=derived_id(source))

    async def begin(self) -> None:
        """Notes that a run begins. Raises WrongCall if the target has something that no such copy brought."""
        try:
            before = await self._notes.read(self._note.id, TIMERS_PARTITION)
        except ItemNotFound:
            if not await self._is_empty():
                raise WrongCall("the target has data that this copy did not bring; nothing was copied") from None
            await self._notes.create(self._note)
            return
        if before.document.source != self._note.source:
            raise WrongCall("the target is the copy of another store; nothing was copied")
        if before.document.newest is not None and await self._has_changed(before.document):
            raise WrongCall("people have saved in the target since the last copy; nothing was copied")
        await self._notes.replace(self._note, before.etag)

    async def end(self) -> None:
        """Notes that the run is finished."""
        before = await self._notes.read(self._note.id, TIMERS_PARTITION)
        done = {"newest": await self._newest(), "sessions": await self._count()}
        await self._notes.replace(self._note.model_copy(update=done), before.etag)

    async def _is_empty(self) -> bool:
        if self._owner_id is not None:
            return not await self._count()
        for container in CONTAINERS:
            async for _ in partitions(self._target, container):
                return False
        return True

    async def _has_changed(self, before: CopyNote) -> bool:
        """Timers of the target may have deleted meanwhile. That is no change of people."""
        return await self._newest() > (before.newest or "") or await self._count() > (before.sessions or 0)

    async def _newest(self) -> str:
        query = Query("session", self._owner_id, ("id",))
        return str(await self._target.aggregate(SESSIONS, query, Aggregate.MAX, "metadata.updated_at") or "")

    async def _count(self) -> int:
        query = Query("session", self._owner_id, ("id",))
        return int(await self._target.aggregate(SESSIONS, query, Aggregate.COUNT) or 0)
