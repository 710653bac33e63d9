"""What is mine, over HTTP: how much it is, all of it to take along, and its deletion."""

from contextlib import aclosing
from typing import Any

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.account.views import erasure_model, usage_model, view_of
from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.http.problems import ConfirmationRequired
from functions.sessions.views import Nothing
from persistence import Stores
from persistence.account.erasure import erase
from persistence.account.export import export
from persistence.kind import Exported

CONFIRMATION = "Savepoint-Confirm"
NDJSON = "application/x-ndjson"

EXPORT_BYTES = 8_000_000
"""After so many bytes an export stops, to be continued by its cursor. A last line may have as many more."""
EXPORT_LINES = 1_000
"""After so many lines, too: some need reading, and an answer must come in time."""


class ExportQuery(BaseModel):
    """Where the export is to go on."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    cursor: str | None = Field(None, description="The `pageToken` in the last line of the call before.")


def blueprint(api: Api, stores: Stores) -> func.Blueprint:
    """The endpoints `persistence/usage`, `persistence/export`, and DELETE at `persistence/me`."""
    routes = api.blueprint()
    usage_and_limits, erasure = usage_model(stores.kinds), erasure_model(stores.kinds)

    @api.endpoint(routes, "GET", "persistence/usage", answer=usage_and_limits)
    async def get_usage(call: Call[Nothing, Nothing]) -> Answer:
        """How much I keep, and how much I may."""
        used = await stores.limits.usage(call.owner_id)
        return Answer(usage_and_limits(used=used, limits=stores.limits.allowed))

    @api.endpoint(routes, "GET", "persistence/export", query=ExportQuery, answer=bytes, produces=NDJSON)
    async def get_export(call: Call[ExportQuery, Nothing]) -> Answer:
        """Everything that is mine, a JSON value a line; the last line tells how to go on."""
        lines, size, page_token = list[bytes](), 0, None
        async with aclosing(export(stores.kinds, call.owner_id, call.query.cursor)) as exported:
            async for line, cursor in exported:
                lines.append(to_json(_line(line)))
                size += len(lines[-1])
                if size >= EXPORT_BYTES or len(lines) >= EXPORT_LINES:
                    page_token = cursor
                    break
        lines.append(to_json({"kind": "end", "pageToken": page_token}))
        return Answer(b"\n".join(lines) + b"\n", media_type=NDJSON)

    @api.endpoint(routes, "DELETE", "persistence/me", answer=erasure, reads=(CONFIRMATION,), statuses=(409,))
    async def delete_me(call: Call[Nothing, Nothing]) -> Answer:
        """Deletes everything that is mine; the header Savepoint-Confirm has to repeat my owner id."""
        if call.headers.get(CONFIRMATION.lower()) != call.owner_id:
            raise ConfirmationRequired(
                f"This deletes everything that you keep here. Send the header {CONFIRMATION} with your ownerId."
            )
        erased = await erase(stores.kinds, call.owner_id)
        return Answer(erasure(**erased.counts, done=erased.done))

    return routes


def _line(exported: Exported) -> dict[str, Any]:
    """A line of the export as JSON."""
    line: dict[str, Any] = {"kind": exported.kind}
    for name, value in exported.fields.items():
        line[to_camel(name)] = value if isinstance(value, str) else view_of(value).model_dump(mode="json")
    if exported.content is not None:
        line["content"] = exported.content.decode()
    if exported.unreadable:
        line["unreadable"] = True
    return line
