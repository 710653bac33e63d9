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
from functions.http.call import Call, Response, to_json
from functions.http.endpoint import Route, Routes
from functions.http.errors import ConfirmationRequired
from functions.http.views import Nothing
from persistence import Stores
from persistence.account.erasure import erase
from persistence.account.export import export

routes = Routes("account", "What belongs to you: your id, how much you keep, its export and its deletion.")

CONFIRMATION = "Savepoint-Confirm"
NDJSON = "application/x-ndjson"

EXPORT_BYTES = 8_000_000
"""A call stops after this many bytes. Its last line may add as many more."""
EXPORT_LINES = 1_000
"""A call stops after this many lines too, because some need a read, and the response must be in time."""


@routes.serve(Route("GET", "me"))
async def get_me(call: Call[Nothing, Nothing]) -> Response[MeView]:
    """Returns who you are here."""
    return Response(MeView(owner_id=call.owner_id))


@routes.serve(Route("GET", "usage"))
async def get_usage(call: Call[Nothing, Nothing], stores: Stores) -> Response[UsageAndLimitsView]:
    """Returns how much you keep, and how much you may keep."""
    return Response(usage_and_limits(await stores.limits.usage(call.owner_id), stores.limits.allowed))


@routes.serve(Route("GET", "export", produces=NDJSON))
async def get_export(call: Call[ExportQuery, Nothing], stores: Stores) -> Response[bytes]:
    """Returns everything of yours, one JSON value a line. The last line says how to continue."""
    lines, size, page_token = list[bytes](), 0, None
    async with aclosing(export(stores.kinds, call.owner_id, call.query.cursor)) as exported:
        async for line, cursor in exported:
            if call.is_head:
                # The cursor is valid. To know the length, everything would have to be read.
                return Response()
            lines.append(_one_line(export_line(line)))
            size += len(lines[-1])
            if size >= EXPORT_BYTES or len(lines) >= EXPORT_LINES:
                page_token = cursor
                break
    if call.query.cursor is None and not call.is_head:
        await stores.activity.note_export(call.owner_id)
    lines.append(_one_line({"kind": "end", "pageToken": page_token}))
    return Response(b"\n".join(lines) + b"\n")


def _one_line(value: object) -> bytes:
    """Returns JSON that no reader cuts. Many readers of lines take these three characters for line breaks."""
    line = to_json(value)
    for character in ("\x85", "\u2028", "\u2029"):
        line = line.replace(character.encode(), b"\\u%04x" % ord(character))
    return line


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
