"""The models of requests and responses about drafts."""

from typing import Annotated

from pydantic import AfterValidator, Field

from functions.http.endpoint import id_parameter
from functions.http.paging import FilterQuery, PageQuery
from functions.http.views import WireModel
from functions.sessions.conflict_copies import ConflictQuery
from functions.sessions.views import DraftMetadataView, SessionMetadataView, SessionUpdateBody
from persistence.documents import LabelText, device_text
from persistence.storage.query import Operator

_BY_APP = {"app": ("app", Operator.EQUAL)}
_BY_APP_AND_DEVICE = {**_BY_APP, "device": ("metadata.device_info", Operator.EQUAL)}


DRAFT_ID = id_parameter("draft_id", "The id of the draft, which the client makes.", statuses=(404, 409, 410))


class DraftContentView(WireModel):
    """A draft with its content."""

    metadata: DraftMetadataView = Field(description="All but the content.")
    content: str = Field(description="The content, exactly as it was sent.")


class DraftSaveBody(SessionUpdateBody):
    """Saves a draft. Fields that are absent or null stay as they are. A new draft needs content."""


class RestorableView(WireModel):
    """What you can continue with."""

    active: SessionMetadataView | None = Field(description="The active session that was opened last, if any.")
    drafts: list[DraftMetadataView] = Field(description="The newest drafts, the last saved first.")


class DraftPutQuery(ConflictQuery):
    """How a save enters the history, and what becomes of it if it is refused."""

    autosave: bool = Field(True, description="True if this save replaces the autosave just before it.")


class RestoreQuery(FilterQuery):
    """Filters by app."""

    FILTERS = _BY_APP

    app: LabelText | None = Field(None, description="The label of one app.")


class LatestDraftQuery(FilterQuery):
    """Filters by app and device."""

    FILTERS = _BY_APP_AND_DEVICE

    app: LabelText | None = Field(None, description="The label of one app.")
    # Cut as stored devices are, so that the text that was sent finds them.
    device: Annotated[str, AfterValidator(device_text)] | None = Field(
        None, description="The label of the device that saved it last."
    )


class DraftsQuery(LatestDraftQuery, PageQuery):
    """Filters and pages of drafts. The last saved comes first."""
