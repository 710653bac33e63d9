"""What is mine, over HTTP: how much it is, all of it to take along, and its deletion."""

from contextlib import aclosing
from typing import Any

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.http.problems import ConfirmationRequired
from functions.sessions.views import Nothing, RevisionMetadata, WireModel, session_metadata
from functions.snapshots.views import access_log, snapshot_metadata
from persistence.account.personal_data import Exported, PersonalData
from persistence.limits import Limits
from persistence.sessions.documents import SessionHead
from persistence.snapshots.documents import Snapshot

CONFIRMATION = "Savepoint-Confirm"
NDJSON = "application/x-ndjson"

EXPORT_BYTES = 8_000_000
"""After so many bytes an export stops, to be continued by its cursor. A last line may have as many more."""
EXPORT_LINES = 1_000
"""After so many lines, too: some need reading, and an answer must come in time."""


class Amounts(WireModel):
    """Numbers of things, and bytes of current contents; in `limits`, 0 is no limit."""

    sessions: int
    drafts: int
    snapshots: int
    stored_bytes: int


class UsageAndLimits(WireModel):
    """How much I keep, and how much I may."""

    used: Amounts
    limits: Amounts


class Erasure(WireModel):
    """What this call removed. Where `done` is false, the same call has to be repeated."""

    sessions: int
    snapshots: int
    rows: int
    done: bool


class ExportQuery(BaseModel):
    """Where the export is to go on."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    cursor: str | None = Field(None, description="The `pageToken` in the last line of the call before.")


def blueprint(api: Api, personal_data: PersonalData, limits: Limits) -> func.Blueprint:
    """The endpoints `persistence/usage`, `persistence/export`, and DELETE at `persistence/me`."""
    routes = api.blueprint()

    @api.endpoint(routes, "GET", "persistence/usage", answer=UsageAndLimits)
    async def get_usage(call: Call[Nothing, Nothing]) -> Answer:
        """How much I keep, and how much I may."""
        used = Amounts.model_validate(await limits.usage(call.owner_id))
        return Answer(UsageAndLimits(used=used, limits=Amounts.model_validate(limits.rules)))

    @api.endpoint(routes, "GET", "persistence/export", query=ExportQuery, answer=bytes, produces=NDJSON)
    async def get_export(call: Call[ExportQuery, Nothing]) -> Answer:
        """Everything that is mine, a JSON value a line; the last line tells how to go on."""
        lines, size, page_token = list[bytes](), 0, None
        async with aclosing(personal_data.export(call.owner_id, call.query.cursor)) as export:
            async for exported in export:
                lines.append(to_json(_line(exported)))
                size += len(lines[-1])
                if size >= EXPORT_BYTES or len(lines) >= EXPORT_LINES:
                    page_token = exported.cursor
                    break
        lines.append(to_json({"kind": "end", "pageToken": page_token}))
        return Answer(b"\n".join(lines) + b"\n", media_type=NDJSON)

    @api.endpoint(routes, "DELETE", "persistence/me", answer=Erasure, reads=(CONFIRMATION,), statuses=(409,))
    async def delete_me(call: Call[Nothing, Nothing]) -> Answer:
        """Deletes everything that is mine; the header Savepoint-Confirm has to repeat my owner id."""
        if call.headers.get(CONFIRMATION.lower()) != call.owner_id:
            raise ConfirmationRequired(
                f"This deletes everything that you keep here. Send the header {CONFIRMATION} with your ownerId."
            )
        return Answer(Erasure.model_validate(await personal_data.erase(call.owner_id)))

    return routes


def _line(exported: Exported) -> dict[str, Any]:
    """What a line of the export holds: its kind, the metadata, which have the hash, and the content."""
    document = exported.document
    line: dict[str, Any]
    if exported.revision is not None:
        revision = RevisionMetadata.model_validate(exported.revision)
        line = {"kind": "revision", "sessionId": exported.id, "revision": revision.model_dump(mode="json")}
    elif isinstance(document, SessionHead):
        line = {"kind": "session", "metadata": session_metadata(document).model_dump(mode="json")}
    elif isinstance(document, Snapshot):
        line = {"kind": "snapshot", "metadata": snapshot_metadata(document).model_dump(mode="json")}
    elif document is not None:
        line = {"kind": "access_log", "metadata": access_log(document).model_dump(mode="json")}
    else:
        line = {"kind": "damaged", "id": exported.id}
    if exported.content is not None:
        line["content"] = exported.content.decode()
    if exported.unreadable:
        line["unreadable"] = True
    return line
