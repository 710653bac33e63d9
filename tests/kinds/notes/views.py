"""Notes as they cross the wire."""

from functions.account.views import view_of
from functions.sessions.views import WireModel
from tests.kinds.notes.documents import Note


class NoteView(WireModel):
    """A note without its text."""

    id: str


@view_of.register
def note_view(note: Note) -> NoteView:
    """Returns the view of a note."""
    return NoteView(id=note.id)
