"""Notes of one person."""

from persistence.documents import new_id, now
from persistence.errors import Gone, ItemNotFound, NotFound
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet, Versioned
from tests.kinds.notes.documents import Note, NoteMetadata

PREFIX = "note-"


class NoteStore:
    """Raises NotFound for notes of other owners."""

    def __init__(self, shared: Shared) -> None:
        self._limits = shared.limits
        self.notes = DocumentSet(shared.engine, SESSIONS, Note)

    async def create(self, owner_id: str, text: str) -> Note:
        """Raises TooMany and StorageFull."""
        metadata = NoteMetadata(created_at=now(), content_bytes=len(text.encode()))
        note = Note(id=PREFIX + new_id(), owner_id=owner_id, text=text, metadata=metadata)
        async with self._limits.turn(owner_id):
            await self._limits.check_one_more(owner_id, "notes", metadata.content_bytes)
            await self.notes.create(note)
        return note

    async def get(self, owner_id: str, note_id: str) -> Note:
        """Returns a note. Raises NotFound, and Gone for a tombstone."""
        return (await self._live(owner_id, note_id)).document

    async def delete(self, owner_id: str, note_id: str) -> None:
        """Replaces a note by its tombstone. Raises as `get`."""
        found = await self._live(owner_id, note_id)
        tombstone = {"status": "deleted", "text": "", "deleted_at": now()}
        await self.notes.replace(found.document.model_copy(update=tombstone), found.etag)
        self._limits.changed(owner_id)

    async def _live(self, owner_id: str, note_id: str) -> Versioned[Note]:
        # The container is that of sessions, too: the prefix tells the ids of notes from theirs.
        if not note_id.startswith(PREFIX):
            raise NotFound("note", note_id)
        try:
            found = await self.notes.read(note_id, owner_id)
        except ItemNotFound:
            raise NotFound("note", note_id) from None
        if found.document.status == "deleted":
            raise Gone("note", note_id)
        return found
