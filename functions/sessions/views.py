"""What crosses the wire: camelCase JSON, made from documents, and the queries that lists take."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from persistence import documents
from persistence.content import pack
from persistence.documents import Timestamp
from persistence.sessions import documents as session_documents
from persistence.sessions.documents import SessionAction, SessionStatus, SessionSummary
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Page, Sort

T = TypeVar("T", bound=BaseModel)
S = TypeVar("S")


class WireModel(BaseModel):
    """camelCase in JSON, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        from_attributes=True,
        defer_build=True,  # see Document
    )


class SessionMetadata(WireModel):
    """All of a session but its content. `etag` is for If-Match and If-None-Match, quotes included."""

    id: str
    owner_id: str
    title: str
    description: str | None
    app: str | None
    status: SessionStatus
    created_at: Timestamp
    updated_at: Timestamp
    last_accessed_at: Timestamp
    deleted_at: Timestamp | None
    version: int
    content_hash: str
    content_bytes: int
    device_info: str | None
    media_type: str | None
    etag: str


class Session(WireModel):
    """A session and its content, as it was sent."""

    metadata: SessionMetadata
    content: str


class NewSession(BaseModel):
    """Makes a session. Content is an opaque text of at most 1,572,864 bytes of UTF-8."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        defer_build=True,
        json_schema_extra={"examples": [{"title": "Wells", "description": None, "content": "zoom: 3"}]},
    )

    title: documents.Title
    description: documents.Description | None
    content: str
    app: documents.Label | None = None
    device_info: documents.Label | None = None
    media_type: documents.MediaType | None = None

    def new_session(self) -> session_documents.NewSession:
        """What it makes. Raises ContentTooLarge and InvalidMember."""
        return session_documents.NewSession(**{**dict(self), "content": pack(self.content)})


class SessionUpdate(BaseModel):
    """Changes a session: what is absent or null stays; a description of "" is cleared."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        defer_build=True,
        json_schema_extra={"examples": [{"content": "zoom: 4"}]},
    )

    title: documents.Title | None = None
    description: documents.Description | None = None
    content: str | None = None
    app: documents.ClearableLabel | None = None
    device_info: documents.Label | None = None
    media_type: documents.MediaType | None = None

    def change(self) -> session_documents.SessionChange:
        """The change that it stands for. Raises ContentTooLarge and InvalidMember."""
        packed = None if self.content is None else pack(self.content)
        return session_documents.SessionChange(**{**dict(self), "content": packed})


class SessionPatch(BaseModel):
    """An RFC 7396 merge patch: what is absent stays, null clears. A title cannot be cleared."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        defer_build=True,
        json_schema_extra={"examples": [{"title": "Wells of today", "description": None}]},
    )

    title: documents.Title = Field(default_factory=str)  # given or not: there is none to describe
    description: documents.Description | None = None
    app: documents.Label | None = None

    def change(self) -> session_documents.SessionChange:
        """The change that it stands for."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        cleared = {name: "" if value is None else value for name, value in given.items()}
        return session_documents.SessionChange.model_validate(cleared)


class SessionValidity(WireModel):
    """That a session is there and mine, and what is current of it."""

    id: str
    status: SessionStatus
    version: int
    content_hash: str
    etag: str


class RevisionMetadata(WireModel):
    """A line of a session's history: which version, what made it, when and where."""

    version: int
    action: SessionAction
    saved_at: Timestamp
    device_info: str | None
    title: str
    content_hash: str
    content_bytes: int


class RevisionContent(WireModel):
    """A line of the history, and the content as it was."""

    metadata: RevisionMetadata
    content: str


class SaveQuery(BaseModel):
    """How the history takes a save."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    autosave: bool = Field(False, description="Whether it takes the place of the autosave just before it.")


class PageOf(WireModel, Generic[T]):
    """Some of a list. `pageToken` is the next call's `cursor`; null on the last page."""

    items: list[T]
    page_token: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`SessionMetadataPage`: generated clients have no better name for it."""
        return f"{params[0].__name__}Page"


def session_metadata(head: SessionSummary) -> SessionMetadata:
    """The wire's form of a head."""
    metadata = head.metadata
    return SessionMetadata(
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


def page_of(page: Page[S], convert: Callable[[S], T]) -> PageOf[T]:
    """The wire's form of a page of documents."""
    return PageOf(items=[convert(one) for one in page.items], page_token=page.cursor)


def _iso_text(value: object) -> object:
    # Without this a bare number would be taken for seconds since 1970.
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("must be an ISO 8601 date and time with a zone, as 2026-01-31T09:30:00Z")
    return value


def _split(value: object) -> object:
    # No more than what is too many already.
    return value.split(",", len(SessionStatus)) if isinstance(value, str) else value


QueryTime = Annotated[Timestamp, BeforeValidator(_iso_text)]
Statuses = Annotated[tuple[SessionStatus, ...], Field(max_length=len(SessionStatus)), BeforeValidator(_split)]


class Nothing(BaseModel):
    """No query parameters, or no body."""

    model_config = ConfigDict(extra="forbid")


class FilterQuery(BaseModel):
    """A query whose parameters are filters."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    FILTERS: ClassVar[dict[str, tuple[str, Operator]]] = {}

    def filters(self, factory: FilterFactory) -> list[Filter]:
        """The filters that were given, checked against the document's model."""
        given = ((name, getattr(self, name)) for name in self.FILTERS)
        return [
            factory.create(self.FILTERS[name][0], value, self.FILTERS[name][1])
            for name, value in given
            if value is not None
        ]


class PageQuery(BaseModel):
    """Which page. An empty value means "not given": existing clients send `cursor=`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    cursor: str | None = Field(None, description="The `pageToken` of the page before.")
    page_size: int = Field(10, ge=1, le=100, description="How many items a page has at most.")


class ListQuery(FilterQuery, PageQuery):
    """What every list takes that can be sorted."""

    SORTS: ClassVar[dict[str, str]] = {}
    """Sort values whose stored path has another name."""
    LOWERCASE_SORTS: ClassVar[dict[str, str]] = {}
    """Stored paths that have a lower-cased twin."""

    sort_by: str = "id"
    sort_direction: Literal["asc", "desc"] = "desc"
    sort_lowercase: bool = Field(False, description="Whether titles are sorted without regard to case.")

    def sort(self) -> Sort:
        """The order asked for, by stored path."""
        path = self.SORTS.get(self.sort_by, self.sort_by)
        if self.sort_lowercase:
            path = self.LOWERCASE_SORTS.get(path, path)
        return Sort(path, descending=self.sort_direction == "desc")


class SessionsQuery(ListQuery):
    """Which sessions, in which order. Drafts and deleted ones are left out unless `status` names them."""

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

    sort_by: Literal["metadata.updated_at", "metadata.created_at", "metadata.title"] = "metadata.updated_at"
    status: Statuses | None = Field(None, description="One or more of the statuses, separated by commas.")
    app: documents.Label | None = Field(None, description="The label of one app.")
    filter_title: documents.Title | None = Field(None, description="Part of the title, in any case.")
    filter_description: documents.Description | None = Field(None, description="Part of the description.")
    filter_created_from: QueryTime | None = Field(None, description="Made then or later.")
    filter_created_to: QueryTime | None = Field(None, description="Made then or earlier.")
    filter_updated_from: QueryTime | None = Field(None, description="Changed last then or later.")
    filter_updated_to: QueryTime | None = Field(None, description="Changed last then or earlier.")
