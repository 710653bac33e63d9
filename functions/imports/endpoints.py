"""The import of an export over HTTP."""

from functions.http.bodies import NDJSON, RawLines
from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.imports.reading import LineReader
from functions.imports.views import ImportedView, ImportQuery, imported
from persistence.imports.store import ImportStore

routes = Routes("import", "Sessions and drafts from an export, yours or that of another person.")

BODY_MAX_BYTES = 8_000_000


@routes.serve(Route("POST", "import", media_types=NDJSON, body_max=BODY_MAX_BYTES))
async def import_sessions(call: Call[ImportQuery, RawLines], imports: ImportStore) -> Response[ImportedView]:
    """Imports the sessions and drafts of an export, with their history. Returns what became of each line."""
    reader = LineReader()
    await reader.read(call.body.lines)
    reports = await imports.run(call.owner_id, call.query.import_id, call.query.mode, reader.sessions)
    return Response(imported([*reader.reports, *reports]))
