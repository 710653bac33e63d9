"""The data of the caller over HTTP: who they are, how much they keep, its export and its deletion."""

import logging
from contextlib import aclosing, suppress

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
from persistence.call_time import CallTime
from persistence.errors import PersistenceError
from persistence.faults import named

routes = Routes("account", "What belongs to you: your id, how much you keep, its export and its deletion.")

CONFIRMATION = "Savepoint-Confirm"

_log = logging.getLogger(__name__)


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
    call_time = CallTime()
    async with aclosing(export(stores.kinds, call.owner_id, call.query.cursor)) as exported:
        if call.is_head:
            await anext(exported, None)  # checks the cursor
            return Response(headers=as_file("export"))
        page = await page_of_lines((export_line(line, cursor) async for line, cursor in exported), call_time)
    if call.query.cursor is None:
        await _note_export(stores, call.owner_id, call_time)
    return Response(page, headers=as_file("export"))


async def _note_export(stores: Stores, owner_id: str, call_time: CallTime) -> None:
    """Writes the line of activity. If the time is over before, the line follows in the background."""

    async def note() -> None:
        try:
            await stores.activity.note_export(owner_id)
        except PersistenceError as exc:
            # What was read is not withheld because nothing can be written.
            _log.error("An export has no line of activity: %s", named(exc))

    noting = ("export", owner_id)
    stores.shared.background.start(note(), noting)
    with suppress(TimeoutError):
        async with call_time.limit():
            await stores.shared.background.settle(noting)


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
