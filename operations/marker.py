"""The note in a target of copies that it is one, so that nothing of others is overwritten or removed there."""

from datetime import datetime
from typing import Literal

from operations.items import is_empty, partitions
from operations.places import WrongCall
from persistence.documents import Document, Timestamp, derived_id, new_id, now
from persistence.errors import ItemNotFound
from persistence.storage.containers import (
    CONTAINERS,
    SESSIONS,
    SNAPSHOT_ACCESS_LOGS,
    SNAPSHOTS,
    TIMERS_PARTITION,
    Container,
)
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Filter, Operator, Query

_OVERWRITE = "nothing was copied; --overwrite gives up what only the target has"
_LIVE = (Filter("status", Operator.NOT_EQUAL, "deleted"),)
_OF_PEOPLE = (Filter("actor", Operator.EQUAL, "me"),)


class StoreName(Document):
    """The name of a store, which it keeps wherever it is moved. It is not copied."""

    kind: Literal["store"] = "store"
    id: str = "store"
    owner_id: str = TIMERS_PARTITION
    name: str


class CopyNote(Document):
    """Which store the copy is of. `begun` is when the first run began after the last one that finished, and
    `figures` are those of the target at its end. `is_whole` is False while a run is not finished."""

    kind: Literal["copy"] = "copy"
    owner_id: str = TIMERS_PARTITION
    source: str
    begun: Timestamp
    is_whole: bool = False
    figures: dict[str, str] = {}


class Marker:
    """The note of one copy: of everything, or of one person."""

    def __init__(self, source: Engine, target: Engine, owner_id: str | None, *, overwrites: bool = False) -> None:
        self._source, self._target, self._owner_id = source, target, owner_id
        self._overwrites = overwrites
        self._notes = DocumentSet(target, SESSIONS, CopyNote)
        self._id = "copy-everything" if owner_id is None else f"copy-{derived_id(owner_id)}"

    async def begin(self) -> datetime | None:
        """Notes that a run begins. Returns the time since when nobody else may have written to the target. None if
        that does not matter. Raises WrongCall if the target has something that no such copy brought."""
        name = await self._name()
        note = CopyNote(id=self._id, source=name, begun=now())
        try:
            before = await self._notes.read(self._id, TIMERS_PARTITION)
        except ItemNotFound:
            if self._owner_id is not None and await is_empty(self._source, self._owner_id):
                raise WrongCall(f"{self._owner_id} has nothing in the source; nothing was copied") from None
            if not self._overwrites and not await self._is_empty():
                raise WrongCall(f"the target has data that this copy did not bring; {_OVERWRITE}") from None
            await self._notes.create(note)
            return None if self._overwrites else note.begun
        if not self._overwrites:
            await self._check(before.document, name)
        if not before.document.is_whole and not self._overwrites:
            note = note.model_copy(update={"begun": before.document.begun})
        await self._notes.replace(note, before.etag)
        return None if self._overwrites else note.begun

    async def end(self) -> None:
        """Notes that the run is finished."""
        before = await self._notes.read(self._id, TIMERS_PARTITION)
        done = {"is_whole": True, "figures": await self._figures()}
        await self._notes.replace(before.document.model_copy(update=done), before.etag)

    async def _name(self) -> str:
        """Returns the name of the source, which it gets if it has none. Raises WrongCall if it is the target."""
        names = DocumentSet(self._source, SESSIONS, StoreName)
        await names.create_once(StoreName(name=new_id()))
        name = (await names.read("store", TIMERS_PARTITION)).document.name
        try:
            there = await DocumentSet(self._target, SESSIONS, StoreName).read("store", TIMERS_PARTITION)
        except ItemNotFound:
            return name
        if there.document.name == name:
            raise WrongCall("both are the same store; nothing was copied")
        return name

    async def _check(self, before: CopyNote, name: str) -> None:
        if before.source != name:
            raise WrongCall(f"the target is the copy of another store; {_OVERWRITE}")
        if not before.is_whole:
            return  # what is younger than that run is looked at one by one
        figures = await self._figures()
        grown = [each for each, figure in figures.items() if each != "people" and figure > before.figures[each]]
        if grown or figures["people"] < before.figures["people"]:
            raise WrongCall(f"people have used the target since the last copy; {_OVERWRITE}")

    async def _is_empty(self) -> bool:
        if self._owner_id is not None:
            return await is_empty(self._target, self._owner_id)
        for container in CONTAINERS:
            async for _ in partitions(self._target, container):
                return False
        return True

    async def _figures(self) -> dict[str, str]:
        """Numbers that grow with what people do, and not with what timers do. Fewer `people`: one was erased."""
        owner_id = self._owner_id
        sessions = Query("session", owner_id, ("id",), _LIVE)
        lines = Query("activity", owner_id, ("id",), _OF_PEOPLE)
        entries = Query("access_log", owner_id, ("id",))
        snapshots = Query("snapshot", None, ("id",))
        return {
            "people": await self._people(),
            "sessions": await self._count(SESSIONS, sessions),
            "saved": await self._newest(SESSIONS, sessions, "metadata.updated_at"),
            "opened": await self._newest(SESSIONS, sessions, "metadata.last_accessed_at"),
            "noted": await self._newest(SESSIONS, lines, "at"),
            "entries": await self._count(SNAPSHOT_ACCESS_LOGS, entries),
            "visited": await self._newest(SNAPSHOT_ACCESS_LOGS, entries, "last_visited_at"),
            "snapshots": await self._count(SNAPSHOTS, snapshots) if owner_id is None else "",
        }

    async def _people(self) -> str:
        if self._owner_id is not None:
            return _digits(not await is_empty(self._target, self._owner_id))
        found = set[str]()
        for container in (SESSIONS, SNAPSHOT_ACCESS_LOGS):
            found |= {name async for name in partitions(self._target, container)}
        return _digits(len(found))

    async def _newest(self, container: Container, query: Query, path: str) -> str:
        return str(await self._target.aggregate(container, query, Aggregate.MAX, path) or "")

    async def _count(self, container: Container, query: Query) -> str:
        return _digits(int(await self._target.aggregate(container, query, Aggregate.COUNT) or 0))


def _digits(number: int) -> str:
    """A number as text in its order."""
    return f"{number:012d}"
