"""Notes over HTTP."""

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.views import Nothing
from tests.kinds.notes.store import NoteStore
from tests.kinds.notes.views import NewNoteBody, NoteView, note_view

routes = Routes("notes", "Short texts.")


@routes.serve(Route("POST", "notes"))
async def create_note(call: Call[Nothing, NewNoteBody], notes: NoteStore) -> Response[NoteView]:
    """Creates a note."""
    return Response(note_view(await notes.create(call.owner_id, call.body.text)))
