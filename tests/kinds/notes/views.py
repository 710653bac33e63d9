"""Notes as they cross the wire."""

from pydantic import Field

from functions.http.views import BodyModel, WireModel, view_of
from tests.kinds.notes.documents import Note


class NoteView(WireModel):
    """A note."""

    id: str = Field(description="The id of the note.")
    text: str = Field(description="The text of the note.")


class NewNoteBody(BodyModel):
    """Creates a note."""

    text: str = Field(description="The text of the note.")


@view_of.register
def note_view(note: Note) -> NoteView:
    """Returns the view of a note."""
    return NoteView(id=note.id, text=note.text)
