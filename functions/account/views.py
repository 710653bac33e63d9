"""What belongs to one person, as it crosses the wire."""

from typing import Any

from pydantic import Field

from functions.http.views import QueryModel, WireModel
from functions.sessions.views import revision_metadata, session_metadata
from functions.snapshots.views import access_log, snapshot_metadata
from persistence.account.personal_data import Exported
from persistence.sessions.documents import SessionHead
from persistence.snapshots.documents import Snapshot


class MeView(WireModel):
    """The caller."""

    owner_id: str = Field(description="The id under which everything of yours is stored.")


class AmountsView(WireModel):
    """Numbers of things, and bytes of content. History does not count."""

    sessions: int = Field(description="Active and closed sessions.")
    drafts: int = Field(description="Drafts.")
    snapshots: int = Field(description="Snapshots.")
    stored_bytes: int = Field(description="Bytes of the current contents of all of them.")


class UsageAndLimitsView(WireModel):
    """How much you keep, and how much you may keep."""

    used: AmountsView = Field(description="How much you keep.")
    limits: AmountsView = Field(description="How much you may keep. 0 is no limit.")


class ErasureView(WireModel):
    """What this call removed."""

    sessions: int = Field(description="Removed sessions and drafts.")
    snapshots: int = Field(description="Removed snapshots.")
    rows: int = Field(description="Removed access logs.")
    done: bool = Field(description="Whether nothing is left. If it is false, repeat the call.")


class ExportQuery(QueryModel):
    """Where the export continues."""

    cursor: str | None = Field(None, description="The `pageToken` in the last line of the call before.")


def export_line(exported: Exported) -> dict[str, Any]:
    """Returns a line of the export: its kind, the metadata with the hash, and the content."""
    document = exported.document
    line: dict[str, Any]
    if exported.revision is not None:
        revision = revision_metadata(exported.revision).model_dump(mode="json")
        line = {"kind": "revision", "sessionId": exported.id, "revision": revision}
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
