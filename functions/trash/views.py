"""The models of responses about the trash."""

from datetime import datetime

from pydantic import Field

from functions.http.endpoint import id_parameter
from functions.http.paging import FilterQuery, PageQuery
from functions.http.views import WireModel
from functions.sessions.views import SessionMetadataView, session_metadata
from persistence.documents import LabelText, Timestamp
from persistence.sessions.documents import SessionStatus, SessionSummary
from persistence.storage.query import Operator

TRASHED_ID = id_parameter("session_id", "The id of a session or draft.", statuses=(404, 409))


class TrashedView(SessionMetadataView):
    """A session or draft in the trash, without its content."""

    status_before: SessionStatus = Field(description="The status that it had, and that a restore gives it again.")
    trashed_at: Timestamp = Field(description="When it was moved to the trash.")
    purges_at: Timestamp = Field(description="When it is deleted for good if it is not restored before.")


class EmptiedView(WireModel):
    """What this call purged."""

    purged: int = Field(description="Sessions and drafts that this call deleted for good.")
    done: bool = Field(description="True if nothing is left. If it is false, repeat the call.")


class TrashQuery(FilterQuery, PageQuery):
    """Filters and pages of the trash. The last deleted comes first."""

    FILTERS = {"app": ("app", Operator.EQUAL)}

    app: LabelText | None = Field(None, description="The label of one app.")


def trashed_metadata(trashed: SessionSummary, purges_at: datetime) -> TrashedView:
    """Returns the view of a head in the trash."""
    assert trashed.status_before is not None, "whatever is in the trash had a status before"
    return TrashedView(
        **dict(session_metadata(trashed)),
        status_before=trashed.status_before,
        trashed_at=trashed.metadata.updated_at,
        purges_at=purges_at,
    )
