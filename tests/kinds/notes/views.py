"""Notes as they cross the wire."""

from pydantic import Field

from functions.http.endpoint import id_parameter
from functions.http.views import BodyModel, WireModel, view_of
from tests.kinds.notes.documents import Note

NOTE_ID = id_parameter("note_id", "The id of the note.", longest=17, statuses=(404, 410))


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
