"""The data of the caller over HTTP: who they are, how much they keep, its export and its deletion."""

from contextlib import aclosing

from functions.account.views import (
    ErasureView,
    ExportQuery,
    MeView,
    UsageAndLimitsView,
    erasure,
    export_line,
    usage_and_limits,
)
from functions.http.bodies import NDJSON
from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.errors import ConfirmationRequired
from functions.http.ndjson import as_file, page_of_lines
from functions.http.views import Nothing
from persistence import Stores
from persistence.account.erasure import erase
from persistence.account.export import export

routes = Routes("account", "What belongs to you: your id, how much you keep, its export and its deletion.")

CONFIRMATION = "Savepoint-Confirm"


@routes.serve(Route("GET", "me"))
async def get_me(call: Call[Nothing, Nothing]) -> Response[MeView]:
    """Returns who you are here."""
    return Response(MeView(owner_id=call.owner_id))


@routes.serve(Route("GET", "usage"))
async def get_usage(call: Call[Nothing, Nothing], stores: Stores) -> Response[UsageAndLimitsView]:
    """Returns how much you keep, and how much you may keep."""
    return Response(usage_and_limits(await stores.limits.usage(call.owner_id), stores.limits.allowed))


@routes.serve(Route("GET", "export", produces=NDJSON[0]))
async def get_export(call: Call[ExportQuery, Nothing], stores: Stores) -> Response[bytes]:
    """Returns everything of yours, one JSON value a line. The last line says how to continue."""
    async with aclosing(export(stores.kinds, call.owner_id, call.query.cursor)) as exported:
        if call.is_head:
            await anext(exported, None)  # checks the cursor
            return Response(headers=as_file("export"))
        page = await page_of_lines(export_line(line, cursor) async for line, cursor in exported)
    if call.query.cursor is None:
        await stores.activity.note_export(call.owner_id)
    return Response(page, headers=as_file("export"))


@routes.serve(Route("DELETE", "me", reads=(CONFIRMATION,), statuses=(409,)))
async def delete_me(call: Call[Nothing, Nothing], stores: Stores) -> Response[ErasureView]:
    """Deletes everything of yours for good. The header Savepoint-Confirm must repeat your owner id."""
    if call.header(CONFIRMATION) != call.owner_id:
        raise ConfirmationRequired(
            f"This deletes everything that you keep here. Send the header {CONFIRMATION} with your ownerId."
        )
    erased = await erase(stores.kinds, call.owner_id)
    stores.limits.changed(call.owner_id)
    if erased.done:
        stores.shared.background.start(stores.engine.scrub())
    return Response(erasure(erased))
