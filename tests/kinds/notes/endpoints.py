"""Notes over HTTP."""

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.views import Nothing
from tests.kinds.notes.store import NoteStore
from tests.kinds.notes.views import NOTE_ID, NewNoteBody, NoteView, note_view

routes = Routes("notes", "Short texts.", NOTE_ID)


@routes.serve(Route("POST", "notes"))
async def create_note(call: Call[Nothing, NewNoteBody], notes: NoteStore) -> Response[NoteView]:
    """Creates a note."""
    return Response(note_view(await notes.create(call.owner_id, call.body.text)))


@routes.serve(Route("GET", "notes/{note_id}"))
async def get_note(call: Call[Nothing, Nothing], notes: NoteStore) -> Response[NoteView]:
    """Returns a note."""
    return Response(note_view(await notes.get(call.owner_id, call.path["note_id"])))


@routes.serve(Route("DELETE", "notes/{note_id}"))
async def delete_note(call: Call[Nothing, Nothing], notes: NoteStore) -> Response[None]:
    """Deletes a note."""
    await notes.delete(call.owner_id, call.path["note_id"])
    return Response()
