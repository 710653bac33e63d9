"""The models of requests and responses about sync."""

import base64
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from functions.http.headers import own_tag
from functions.http.views import BodyModel, WireModel
from functions.openapi.problem import Problem
from functions.sessions.views import (
    NewSessionBody,
    SessionMetadataView,
    SessionPatchBody,
    SessionUpdateBody,
)
from persistence.documents import Description
from persistence.errors import InvalidMember, PersistenceError
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.joint_commits import CHANGES_MAX
from persistence.sessions.patches import ContentDelta
from persistence.sync.items import CreateItem, DeltaItem, RefusedItem, SaveItem, SyncItem, TrashItem

BODY_MAX_BYTES = 8_000_000

_ID = "The id of the session or draft."
_IF_MATCH = "The ETag that must be current, as `etag` in the metadata has it. Without it, the last writer wins."

_EXAMPLE: JsonDict = {"op": "create", "id": "4f90d13a42xy", "title": "Wells", "content": "zoom: 3"}

SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{12}$")]
EntityTag = Annotated[
    str,
    StringConstraints(pattern=r'^(W/)?"[!#-~]*"$', max_length=255),
    AfterValidator(lambda tag: own_tag(tag.removeprefix("W/"))),
]


class CreateItemBody(NewSessionBody):
    """Creates a session or a draft under an id that the client made. The id must be free."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    op: Literal["create"] = Field(description="Creates.")
    id: SessionId = Field(description="12 characters of A-Z, a-z, 0-9, _ and -.")
    status: Literal[SessionStatus.ACTIVE, SessionStatus.DRAFT] = Field(
        SessionStatus.ACTIVE, description="`active` for a session, `draft` for a draft."
    )
    description: Description | None = Field(None, description="A description.")

    def item(self) -> SyncItem:
        """Packs and checks the content."""
        try:
            return CreateItem(self.id, self.new_session(), self.status)
        except PersistenceError as exc:
            return RefusedItem(self.id, exc)


class SaveItemBody(SessionUpdateBody):
    """Saves a session or draft. Fields that are absent or null stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"op": "save", "id": "V1StGXR8_Z5j", "content": "zoom: 4"}]}
    )

    op: Literal["save"] = Field(description="Saves.")
    id: SessionId = Field(description=_ID)
    if_match: EntityTag | None = Field(None, description=_IF_MATCH)
    autosave: bool = Field(False, description="True if this save replaces the autosave just before it.")
    delta: str | None = Field(
        None,
        description="Instead of `content`: a Fossil delta in base64, made from the version of `ifMatch`. Needs "
        "`ifMatch`, and the `contentHash` of what it makes.",
    )

    def item(self) -> SyncItem:
        """Packs and checks the content."""
        try:
            if self.delta is not None:
                return self._delta_item(self.delta)
            return SaveItem(self.id, self.change(), self.if_match, self.autosave)
        except PersistenceError as exc:
            return RefusedItem(self.id, exc)

    def _delta_item(self, base64_delta: str) -> DeltaItem:
        """Raises InvalidMember."""
        if self.content is not None:
            raise InvalidMember("delta", "cannot be sent with content")
        if self.if_match is None:
            raise InvalidMember("if_match", "is needed for a delta")
        if self.content_hash is None:
            raise InvalidMember("content_hash", "is needed for a delta")
        try:
            delta = base64.b64decode(base64_delta, validate=True)
        except ValueError:
            raise InvalidMember("delta", "is not base64") from None
        others = self.model_dump(include=SessionChange.model_fields.keys() - {"content"})
        change = SessionChange.model_validate(others)
        return DeltaItem(self.id, ContentDelta(self.if_match, delta, self.content_hash), change, self.autosave)


class RenameItemBody(SessionPatchBody):
    """Changes or clears title, description and app. Absent fields stay as they are, null clears."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"op": "rename", "id": "V1StGXR8_Z5j", "title": "Wells of today"}]}
    )

    op: Literal["rename"] = Field(description="Renames.")
    id: SessionId = Field(description=_ID)
    if_match: EntityTag | None = Field(None, description=_IF_MATCH)

    def item(self) -> SyncItem:
        """Returns what the store applies."""
        return SaveItem(self.id, self.change(), self.if_match)


class TrashItemBody(BodyModel):
    """Moves a session or draft to the trash. One that is in the trash stays there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"op": "trash", "id": "V1StGXR8_Z5j"}]})

    op: Literal["trash"] = Field(description="Moves it to the trash.")
    id: SessionId = Field(description=_ID)
    if_match: EntityTag | None = Field(None, description=_IF_MATCH)

    def item(self) -> SyncItem:
        """Returns what the store applies."""
        return TrashItem(self.id, self.if_match)


ItemBody = Annotated[CreateItemBody | SaveItemBody | RenameItemBody | TrashItemBody, Field(discriminator="op")]


class SyncBody(BodyModel):
    """Changes of different sessions and drafts. The body has at most 8,000,000 bytes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "atomic", "items": [_EXAMPLE]}]})

    mode: Literal["atomic", "independent"] = Field(
        description="`atomic`: all items are applied together, or none. `independent`: each by itself."
    )
    items: list[ItemBody] = Field(
        min_length=1, max_length=CHANGES_MAX, description="At most one for each session or draft."
    )


class SyncedItemView(WireModel):
    """What became of one item."""

    id: str = Field(description="The id of the session or draft.")
    status: int = Field(description="200 saved, 201 created, 204 in the trash, otherwise that of the problem.")
    metadata: SessionMetadataView | None = Field(description="The session or draft after it, without its content.")
    problem: Problem | None = Field(description="Why it was refused. Pointers are relative to the item.")


class SyncedView(WireModel):
    """What became of each item."""

    items: list[SyncedItemView] = Field(description="In the order of the request.")
