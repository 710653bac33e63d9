"""The kind of notes: what is counted, exported and erased, and the timer steps."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from persistence.errors import CorruptItem
from persistence.kind import Counts, Erase, Erased, Export, Exported, Kind, Step, damaged
from persistence.limits import KEPT_BYTES, STORED_BYTES, Counted, CountedBytes
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import pages_of
from persistence.storage.engine import Item
from persistence.storage.query import Filter, Operator, Query
from persistence.timers.scan import Scan
from tests.kinds.notes.store import NoteStore

RETENTION = timedelta(days=1)


def note_kind(store: NoteStore) -> Kind:
    """Makes the kind."""
    chores = NoteChores(store)
    return Kind(
        counted=[Counted("notes", "Notes.", SESSIONS, live_notes)],
        stored=[
            CountedBytes(SESSIONS, live_notes, "metadata.content_bytes", name)
            for name in (STORED_BYTES, KEPT_BYTES)
        ],
        export=Export("notes", store.notes, chores.lines),
        erase=Erase(chores.erase, {"notes": "Notes that this call removed."}),
        timer_steps={"sweep_sessions": [Step(("notes_forgotten",), chores.forget)]},
    )


class NoteChores:
    """The parts of the kind that do work."""

    def __init__(self, store: NoteStore) -> None:
        self._notes = store.notes
        self._scan = Scan(store.notes.engine, items_max=100)

    async def lines(self, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
        """Yields one line."""
        if mark:
            return
        try:
            note = self._notes.load(item)
        except CorruptItem:
            yield damaged(item["id"])
        else:
            yield Exported("note", {"metadata": note}, "1", note.text.encode())

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Removes each note."""
        async for page in pages_of(self._notes.engine, SESSIONS, Query("note", owner_id, ("id",))):
            for item in page:
                await self._notes.discard(item["id"], owner_id)
                yield Erased(counts=("notes",))

    async def forget(self, at: datetime, counts: Counts) -> None:
        """Removes tombstones."""

        async def forget(item: Item) -> None:
            await self._notes.discard(item["id"], item["owner_id"])
            counts.add("notes_forgotten")

        await self._scan.each_due(counts, self._notes, "deleted_at", at - RETENTION, forget)


def live_notes(owner_id: str) -> Query:
    """The query of a person's notes that are not deleted."""
    return Query("note", owner_id, ("id",), (Filter("status", Operator.EQUAL, "active"),))
