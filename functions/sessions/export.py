"""The export of one session over HTTP."""

from contextlib import aclosing

from functions.account.views import ExportQuery, export_line
from functions.http.bodies import NDJSON
from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.ndjson import as_file, page_of_lines
from functions.http.views import Nothing
from functions.sessions.views import SESSION_ID
from persistence.call_time import CallTime
from persistence.sessions.export import SessionExport

routes = Routes("session export", "One session with its history, in the form that an import takes.", SESSION_ID)


@routes.serve(Route("GET", "sessions/{session_id}/export", produces=NDJSON[0]))
async def get_session_export(call: Call[ExportQuery, Nothing], exports: SessionExport) -> Response[bytes]:
    """Returns a session with its history, one JSON value a line. The last line says how to continue."""
    session_id = call.path["session_id"]
    async with aclosing(exports.of(call.owner_id, session_id, call.query.cursor)) as exported:
        if call.is_head:
            await anext(exported, None)  # checks the session and the cursor
            return Response(headers=as_file(f"session-{session_id}"))
        page = await page_of_lines((export_line(line, line.mark) async for line in exported), CallTime())
    return Response(page, headers=as_file(f"session-{session_id}"))
