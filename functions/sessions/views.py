"""The models of requests and responses about sessions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from functions.http.content import CONTENT_HASH, ContentHash, packed_members
from functions.http.endpoint import PathParameter, id_parameter
from functions.http.paging import UNTIL, ListQuery, PageOf, PageQuery, QueryTime, UntilTime
from functions.http.views import BodyModel, QueryModel, WireModel, view_of
from persistence.documents import (
    DEVICE_MAX_CHARACTERS,
    ClearableLabel,
    Description,
    Device,
    Label,
    LabelText,
    MediaType,
    RevisionName,
    Timestamp,
    Title,
    TitleText,
)
from persistence.sessions.documents import NewSession, SessionChange, SessionHead, SessionStatus, SessionSummary
from persistence.sessions.history import previous_version
from persistence.sessions.revisions import Revision, SessionAction
from persistence.storage.query import Operator

SESSION_ID = id_parameter("session_id", "The id of the session.", statuses=(404, 409, 410))
VERSION_MAX = 999_999_999_999_999
VERSION = PathParameter(
    "version", "The number of the version.", {"type": "integer", "minimum": 1, "maximum": VERSION_MAX}
)
DEVICE_INFO = (
    f"A label for the device that saves it. If it has more than {DEVICE_MAX_CHARACTERS} characters, it is cut. "
    "NUL characters are left out."
)


class SessionMetadataView(WireModel):
    """A session without its content."""

    id: str = Field(description="The id of the session.")
    owner_id: str = Field(description="The id of the owner.")
    title: str = Field(description="The title.")
    description: str | None = Field(description="The description, if there is one.")
    app: str | None = Field(description="The label of the app that saved it.")
    status: SessionStatus = Field(description="The status: only active sessions and drafts can be saved.")
    created_at: Timestamp = Field(description="When it was created.")
    updated_at: Timestamp = Field(description="When its current version was made.")
    last_accessed_at: Timestamp = Field(
        description="When it was last saved or opened, accurate to 15 minutes by default."
    )
    deleted_at: Timestamp | None = Field(description="When it was deleted.")
    version: int = Field(description="The number of the current version. The first is 1.")
    content_hash: str = Field(description="The SHA-256 of the content, in hexadecimal.")
    content_bytes: int = Field(description="The size of the content, in bytes of UTF-8.")
    device_info: str | None = Field(description="The device that made the current version.")
    media_type: str | None = Field(description="The media type of the content, if it is known.")
    etag: str = Field(description="The ETag for If-Match and If-None-Match, quotes included.")


class SessionView(WireModel):
    """A session with its content."""

    metadata: SessionMetadataView = Field(description="All but the content.")
    content: str = Field(description="The content, exactly as it was sent.")


class DraftMetadataView(SessionMetadataView):
    """A draft without its content."""

    purges_at: Timestamp | None = Field(
        description="When it is deleted if it is neither saved nor opened before. Null if it is no longer a draft."
    )


class SessionValidityView(WireModel):
    """The current version of a session of yours."""

    id: str = Field(description="The id of the session.")
    status: SessionStatus = Field(description="The status.")
    version: int = Field(description="The number of the current version.")
    content_hash: str = Field(description="The SHA-256 of the content, in hexadecimal.")
    etag: str = Field(description="The ETag for If-Match and If-None-Match, quotes included.")


class RevisionView(WireModel):
    """One version of a session."""

    version: int = Field(description="The number of the version.")
    action: SessionAction = Field(description="What made the version.")
    saved_at: Timestamp = Field(description="When it was made.")
    device_info: str | None = Field(description="The device that made it.")
    title: str = Field(description="The title at that time.")
    content_hash: str = Field(description="The SHA-256 of the content at that time, in hexadecimal.")
    content_bytes: int = Field(description="The size of the content at that time, in bytes of UTF-8.")
    media_type: str | None = Field(description="The media type of the content at that time, if it is known.")
    name: str | None = Field(description="The name that you gave it. A version with a name stays in the history.")


class RevisionMetadataView(RevisionView):
    """One version in the history of a session."""

    description: str | None = Field(description="The description. Only that of the current version is known.")
    previous_version: int | None = Field(
        description="The newest older version with another content, if the history has one."
    )


class RevisionsKeptView(WireModel):
    """How many versions of a session stay in its history."""

    unnamed: int = Field(
        description="Versions without a name, the current one included. Of more, autosaves go first, oldest first."
    )
    named: int = Field(description="The most versions that may have a name. They are kept besides the others.")


class RevisionMetadataPageView(PageOf[RevisionMetadataView]):
    """One page of a history."""

    model_config = ConfigDict(json_schema_extra={"description": "One page of a history."})

    kept: RevisionsKeptView = Field(description="How many versions stay.")


class RevisionContentView(WireModel):
    """One version in the history of a session, with its content."""

    metadata: RevisionMetadataView = Field(description="All but the content.")
    content: str = Field(description="The content at that time, exactly as it was sent.")


class NewSessionBody(BodyModel):
    """Creates a session."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Wells", "description": None, "content": "zoom: 3"}]}
    )

    title: Title = Field(description="The title.")
    description: Description | None = Field(description="A description, or null.")
    content: str = Field(description="Any text, of at most 1,572,864 bytes of UTF-8. It comes back unchanged.")
    content_hash: ContentHash | None = Field(None, description=CONTENT_HASH)
    app: Label | None = Field(None, description="A label for the app that saves it.")
    device_info: Device = Field(None, description=DEVICE_INFO)
    media_type: MediaType | None = Field(None, description="The media type of the content.")

    def new_session(self) -> NewSession:
        """Packs and checks the content. Raises as `packed_members`."""
        return NewSession.model_validate(packed_members(self, NewSession))


class SessionUpdateBody(BodyModel):
    """Changes a session. Fields that are absent or null stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "zoom: 4"}]})

    title: Title | None = Field(None, description="A new title.")
    description: Description | None = Field(None, description='A new description; "" clears it.')
    content: str | None = Field(None, description="New content, of at most 1,572,864 bytes of UTF-8.")
    content_hash: ContentHash | None = Field(None, description=CONTENT_HASH)
    app: ClearableLabel | None = Field(None, description='A label for the app that saves it; "" clears it.')
    device_info: Device = Field(None, description=DEVICE_INFO)
    media_type: MediaType | None = Field(None, description="The media type of the content.")

    def change(self) -> SessionChange:
        """Packs and checks the content. Raises as `packed_members`."""
        return SessionChange.model_validate(packed_members(self, SessionChange))


class SessionPatchBody(BodyModel):
    """A JSON merge patch (RFC 7396): absent fields stay as they are, null clears. A title cannot be cleared."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Wells of today", "description": None}]})

    # With a factory, the field can be absent, without a default in the API description.
    title: Title = Field(default_factory=str, description="A new title.")
    description: Description | None = Field(None, description="A new description; null clears it.")
    app: Label | None = Field(None, description="A label for the app that saves it; null clears it.")

    def change(self) -> SessionChange:
        """Returns the change, in which "" clears."""
        sent = {name: getattr(self, name) for name in self.model_fields_set & SessionChange.model_fields.keys()}
        cleared = {name: "" if value is None else value for name, value in sent.items()}
        return SessionChange.model_validate(cleared)


class SessionCopyBody(BodyModel):
    """Copies a session. An empty object copies the current version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Wells of tomorrow"}]})

    title: Title | None = Field(None, description="A title. By default that of the session, with ` (copy)`.")
    version: int | None = Field(
        None, ge=1, le=VERSION_MAX, description="A version in the history. By default the current one."
    )
    status: Literal[SessionStatus.DRAFT, SessionStatus.ACTIVE] = Field(
        SessionStatus.ACTIVE, description="The status of the copy."
    )


class RevisionNameBody(BodyModel):
    """Names a version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Before the move"}]})

    name: RevisionName = Field(description="The name.")


class RevisionsQuery(PageQuery):
    """Pages of a history, newest version first."""

    page_size: int = Field(100, ge=1, le=100, description="The most items on the page.")


class SaveQuery(QueryModel):
    """How a save enters the history."""

    autosave: bool = Field(False, description="True if this save replaces the autosave just before it.")


class DeleteQuery(QueryModel):
    """Whether a session can be restored after it was deleted."""

    purge: bool = Field(False, description="True to delete it for good, also if it is in the trash already.")


def _split(value: object) -> object:
    # At most one more than all statuses: that is too many already.
    return value.split(",", len(SessionStatus)) if isinstance(value, str) else value


Statuses = Annotated[tuple[SessionStatus, ...], Field(max_length=len(SessionStatus)), BeforeValidator(_split)]


class SessionsQuery(ListQuery):
    """Which sessions, in which order. Drafts and deleted ones are listed only if `status` names them. Those in the
    trash are `trashed`."""

    FILTERS = {
        "status": ("status", Operator.IN),
        "app": ("app", Operator.EQUAL),
        "filter_title": ("metadata.title__lower", Operator.CONTAINS),
        "filter_description": ("metadata.description__lower", Operator.CONTAINS),
        "filter_created_from": ("metadata.created_at", Operator.MORE_OR_EQUAL),
        "filter_created_to": ("metadata.created_at", Operator.LESS_OR_EQUAL),
        "filter_updated_from": ("metadata.updated_at", Operator.MORE_OR_EQUAL),
        "filter_updated_to": ("metadata.updated_at", Operator.LESS_OR_EQUAL),
    }
    LOWERCASE_SORTS = {"metadata.title": "metadata.title__lower"}
    LISTS = frozenset({"status"})

    sort_by: Literal["metadata.updated_at", "metadata.created_at", "metadata.title"] = Field(
        "metadata.updated_at", description="What to sort by."
    )
    status: Statuses | None = Field(None, description="One or more statuses, separated by commas.")
    app: LabelText | None = Field(None, description="The label of one app.")
    filter_title: TitleText | None = Field(None, description="Part of the title, in any case.")
    filter_description: Description | None = Field(None, description="Part of the description, in any case.")
    filter_created_from: QueryTime | None = Field(None, description="Created at or after this time.")
    filter_created_to: UntilTime | None = Field(None, description=f"Created at or before this time. {UNTIL}")
    filter_updated_from: QueryTime | None = Field(None, description="Changed at or after this time.")
    filter_updated_to: UntilTime | None = Field(None, description=f"Changed at or before this time. {UNTIL}")


@view_of.register
def session_metadata(head: SessionSummary) -> SessionMetadataView:
    """Returns the view of a session's head."""
    metadata = head.metadata
    return SessionMetadataView(
        id=head.id,
        owner_id=head.owner_id,
        title=metadata.title,
        description=metadata.description,
        app=head.app,
        status=head.status,
        created_at=metadata.created_at,
        updated_at=metadata.updated_at,
        last_accessed_at=metadata.last_accessed_at,
        deleted_at=head.deleted_at,
        version=metadata.version,
        content_hash=metadata.content_hash,
        content_bytes=metadata.content_bytes,
        device_info=metadata.device_info,
        media_type=metadata.media_type,
        etag=metadata.etag,
    )


def draft_metadata(draft: SessionSummary, purges_at: datetime | None) -> DraftMetadataView:
    """Returns the view of a draft's head."""
    return DraftMetadataView(**dict(session_metadata(draft)), purges_at=purges_at)


def session_validity(head: SessionSummary) -> SessionValidityView:
    """Returns the view of a session that exists."""
    return SessionValidityView(
        id=head.id,
        status=head.status,
        version=head.metadata.version,
        content_hash=head.metadata.content_hash,
        etag=head.metadata.etag,
    )


@view_of.register
def revision_view(revision: Revision) -> RevisionView:
    """Returns the view of a version by itself."""
    return RevisionView.model_validate(revision)


def revision_metadata(head: SessionHead, revision: Revision) -> RevisionMetadataView:
    """Returns the view of a version in the history of a session."""
    is_current = revision.version == head.metadata.version
    return RevisionMetadataView(
        **dict(revision_view(revision)),
        description=head.metadata.description if is_current else None,
        previous_version=previous_version(head, revision),
    )
