"""The documents as they are stored, and what is sent to make or change them."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    computed_field,
)

from persistence.content import Content
from persistence.errors import KeyReused

TITLE_MAX_CHARACTERS = 255
DESCRIPTION_MAX_CHARACTERS = 2_000
LABEL_MAX_CHARACTERS = 100
ID_LENGTH = 12
SNAPSHOT_ID_MAX_LENGTH = 64
REMEMBERED_VERSIONS = 10
"""How many of its last versions a head remembers, to know the attempts again that made them, even where they have
left the history."""

_ID_CHARACTERS = re.compile(r"[A-Za-z0-9_-]+")


def new_id(length: int = ID_LENGTH) -> str:
    """Characters of A-Za-z0-9_-, 6 random bits each: a nanoid by alphabet and length."""
    return secrets.token_urlsafe(length)[:length]


def is_id(text: str, longest: int = ID_LENGTH) -> bool:
    """Whether a client may have been given this as an id."""
    return ID_LENGTH <= len(text) <= longest and _ID_CHARACTERS.fullmatch(text) is not None


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is out of range") from exc


def timestamp_text(value: datetime) -> str:
    """The stored form: UTC, fixed width, microseconds, Z, so that text order is time order."""
    return value.isoformat("T", "microseconds").removesuffix("+00:00") + "Z"


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    PlainSerializer(timestamp_text, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),  # which the serializer alone would not tell
]
LowerText = Annotated[str, AfterValidator(str.lower)]
# Tells what the validator checks, whose words are better than those for a pattern.
_NO_NUL = Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
Title = Annotated[
    str, StringConstraints(min_length=1, max_length=TITLE_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
Description = Annotated[
    str, StringConstraints(max_length=DESCRIPTION_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=LABEL_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]


# Not a union of Label and "": a fault would be reported for each of the two, under names of its own.
ClearableLabel = Annotated[
    str, StringConstraints(max_length=LABEL_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
# It becomes a header of an answer, so it is nothing but a type: no line break, no parameter.
MEDIA_TYPE_PATTERN = r"^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$"
MediaType = Annotated[str, StringConstraints(pattern=MEDIA_TYPE_PATTERN)]


class Document(BaseModel):
    """What every stored item has. Read-only: a change makes a new one."""

    # Here and below, deferred: a process that starts builds only what its first request needs.
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True, defer_build=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    kind: str
    id: str

    def to_item(self) -> dict[str, Any]:
        """Plain JSON for an engine."""
        return self.model_dump(mode="json")


class SessionStatus(StrEnum):
    """A draft saves itself and is in no history; a closed session is read-only; a deleted one is a tombstone."""

    DRAFT = "draft"
    ACTIVE = "active"
    CLOSED = "closed"
    DELETED = "deleted"


class SessionAction(StrEnum):
    """What made a revision."""

    CREATED = "created"
    SAVED = "saved"
    AUTOSAVED = "autosaved"
    RENAMED = "renamed"
    RESTORED = "restored"
    PROMOTED = "promoted"
    CLOSED = "closed"
    REOPENED = "reopened"
    DELETED = "deleted"


MOVES = {
    SessionAction.PROMOTED: (SessionStatus.DRAFT, SessionStatus.ACTIVE),
    SessionAction.CLOSED: (SessionStatus.ACTIVE, SessionStatus.CLOSED),
    SessionAction.REOPENED: (SessionStatus.CLOSED, SessionStatus.ACTIVE),
}
"""Which action leads from which status to which. A deleted session is moved no more."""


class SessionMetadata(BaseModel):
    """What a list shows of a session. `content_bytes` is the size of the UTF-8 text, not of its packed form."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: str
    description: str | None
    created_at: Timestamp
    updated_at: Timestamp
    last_accessed_at: Timestamp
    content_hash: str
    content_bytes: int
    version: int
    device_info: str | None = None
    media_type: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way; mypy cannot see through it
    @property
    def title__lower(self) -> LowerText:
        """For search and sort without regard to case: LOWER() in a query uses no index."""
        return self.title.lower()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def description__lower(self) -> LowerText | None:
        """As `title__lower`."""
        return None if self.description is None else self.description.lower()

    @property
    def etag(self) -> str:
        """What a caller's If-Match is compared with: the same on every engine, unlike the item's own etag."""
        return f'"{self.version}-{self.content_hash[:16]}"'


class Revision(BaseModel):
    """One line of a session's history; exact, because it is part of the commit that it describes.

    `save_id` names the attempt that made it, so that an attempt whose answer was lost is known again; what
    follows a dot in it is a digest of what the attempt was to do. An autosave takes the place of the autosave
    before it within the same span, which began at `since`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    version: int
    action: SessionAction
    saved_at: Timestamp
    save_id: str
    device_info: str | None = None
    title: str
    content_id: str | None
    content_hash: str
    content_bytes: int
    media_type: str | None = None
    since: Timestamp | None = None


class SessionSummary(Document):
    """The part of a head that lists read."""

    kind: Literal["session"] = "session"
    owner_id: str
    app: str | None = None
    status: SessionStatus
    metadata: SessionMetadata
    deleted_at: Timestamp | None = None
    unsettled_at: Timestamp | None = None


class SessionHead(SessionSummary):
    """A session's small item: it names the current content and carries the history, newest first.

    `remembered` are those of its last versions that have left the history, without content, because their attempts
    may still be repeated. A tombstone has no content, title or description, and one revision: the deletion. Its
    `unsettled_at` is there while the timer has its contents to remove.
    """

    content_id: str | None
    revisions: tuple[Revision, ...]
    remembered: tuple[Revision, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def stale_since(self) -> Timestamp | None:
        """Since when a draft lies untouched. None for everything else, which therefore no timer purges."""
        return self.metadata.last_accessed_at if self.status is SessionStatus.DRAFT else None

    @property
    def content_ids(self) -> frozenset[str]:
        """Every content item that this head names."""
        named = {revision.content_id for revision in self.revisions} | {self.content_id}
        return frozenset(name for name in named if name is not None)

    def revision_by(self, save_id: str) -> Revision | None:
        """The revision which that attempt made, as far as is remembered. Raises KeyReused where one of that name
        was to do something else."""
        name = _attempt_name(save_id)
        made = (one for one in (*self.revisions, *self.remembered) if _attempt_name(one.save_id) == name)
        revision = next(made, None)
        if revision is not None and revision.save_id != save_id:
            raise KeyReused
        return revision

    def as_of(self, revision: Revision) -> Self:
        """The head as that revision left it, but for what the history does not keep: description and app, and
        the status where it was not what changed."""
        metadata = self.metadata.model_copy(
            update={
                "title": revision.title,
                "updated_at": revision.saved_at,
                "last_accessed_at": revision.saved_at,
                "content_hash": revision.content_hash,
                "content_bytes": revision.content_bytes,
                "version": revision.version,
                "device_info": revision.device_info,
                "media_type": revision.media_type,
            }
        )
        revisions = tuple(one for one in self.revisions if one.version <= revision.version)
        update = {"metadata": metadata, "content_id": revision.content_id, "revisions": revisions}
        if revision.action in MOVES:
            _, update["status"] = MOVES[revision.action]
        return self.model_copy(update=update)

    def revised(
        self, action: SessionAction, save_id: str, keep: int, span: timedelta = timedelta(0), **changes: Any
    ) -> Self:
        """The head after one more revision. `changes` are fields of the head or of its metadata. An autosave
        takes the place of the one before it if that is of the same `span`."""
        saved_at = max(now(), self.metadata.updated_at)
        of_head = {k: v for k, v in changes.items() if k in type(self).model_fields}
        of_metadata = {k: v for k, v in changes.items() if k not in of_head}
        metadata = self.metadata.model_copy(
            update={
                "version": self.metadata.version + 1,
                "updated_at": saved_at,
                "last_accessed_at": saved_at,
                **of_metadata,
            }
        )
        head = self.model_copy(update={"metadata": metadata, **of_head})
        newest, older = head.as_revision(action, save_id), list(head.revisions)
        if action is SessionAction.AUTOSAVED:
            newest, older = _coalesced(newest, older, span)
        revisions = _kept([newest, *older], keep)
        in_history = {one.version for one in revisions}
        left = (
            one.model_copy(update={"content_id": None}) for one in head.revisions if one.version not in in_history
        )
        remembered = (
            one for one in (*left, *head.remembered) if newest.version - one.version < REMEMBERED_VERSIONS
        )
        return head.model_copy(update={"revisions": revisions, "remembered": tuple(remembered)})

    def as_revision(self, action: SessionAction, save_id: str) -> Revision:
        """The line in the history for this head as it stands."""
        metadata = self.metadata
        return Revision(
            version=metadata.version,
            action=action,
            saved_at=metadata.updated_at,
            save_id=save_id,
            device_info=metadata.device_info,
            title=metadata.title,
            content_id=self.content_id,
            content_hash=metadata.content_hash,
            content_bytes=metadata.content_bytes,
            media_type=metadata.media_type,
        )


def _coalesced(newest: Revision, older: list[Revision], span: timedelta) -> tuple[Revision, list[Revision]]:
    """An autosave as it enters the history, and the history without the autosave before it if that is of its
    span."""
    since = newest.saved_at
    if older and older[0].action is SessionAction.AUTOSAVED:
        began = older[0].since or older[0].saved_at
        if newest.saved_at - began < span:
            older, since = older[1:], began
    return newest.model_copy(update={"since": since}), older


def _kept(revisions: list[Revision], keep: int) -> tuple[Revision, ...]:
    """The newest, and as many others as there is room for. Autosaves give way first: an hour of them must not
    push what was saved on purpose out of the history."""
    autosaves = [one for one in revisions[1:] if one.action is SessionAction.AUTOSAVED]
    surplus = max(0, len(revisions) - keep)
    gone = {one.version for one in autosaves[max(0, len(autosaves) - surplus) :]}
    return tuple(one for one in revisions if one.version not in gone)[:keep]


def _attempt_name(save_id: str) -> str:
    return save_id.partition(".")[0]


class SessionContent(Document):
    """A content item, written once: its bytes are the item's payload, its id never repeats."""

    kind: Literal["content"] = "content"
    owner_id: str
    session_id: str
    saved_at: Timestamp


class NewSession(BaseModel):
    """What makes a session."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: Title
    description: Description | None
    content: Content
    app: Label | None = None
    device_info: Label | None = None
    media_type: MediaType | None = None


class SessionChange(BaseModel):
    """What changes a session: None leaves a field as it is; "" clears a description or an app."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: Title | None = None
    description: Description | None = None
    content: Content | None = None
    app: ClearableLabel | None = None
    device_info: Label | None = None
    media_type: MediaType | None = None
