"""Notes of one person."""

from persistence.documents import new_id, now
from persistence.errors import ItemNotFound, NotFound
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from tests.kinds.notes.documents import Note, NoteMetadata


class NoteStore:
    """Raises NotFound for notes of other owners."""

    def __init__(self, shared: Shared) -> None:
        self._limits = shared.limits
        self.notes = DocumentSet(shared.engine, SESSIONS, Note)

    async def create(self, owner_id: str, text: str) -> Note:
        """Raises TooMany and StorageFull."""
        metadata = NoteMetadata(created_at=now(), content_bytes=len(text.encode()))
        note = Note(id=new_id(), owner_id=owner_id, text=text, metadata=metadata)
        async with self._limits.turn(owner_id):
            await self._limits.check_one_more(owner_id, "notes", metadata.content_bytes)
            await self.notes.create(note)
        return note

    async def get(self, owner_id: str, note_id: str) -> Note:
        """Returns a note, or its tombstone."""
        try:
            return (await self.notes.read(note_id, owner_id)).document
        except ItemNotFound:
            raise NotFound("note", note_id) from None

    async def delete(self, owner_id: str, note_id: str) -> None:
        """Replaces a note by its tombstone."""
        found = await self.notes.read(note_id, owner_id)
        tombstone = {"status": "deleted", "text": "", "deleted_at": now()}
        await self.notes.replace(found.document.model_copy(update=tombstone), found.etag)
