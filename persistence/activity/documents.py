"""Lines of activity as they are stored. A line is written once. It outlives what it tells of."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from persistence.documents import Document, Timestamp, timestamp_text
from persistence.storage.query import Filter, Operator

_VERSION_DIGITS = 10


class ActivityAction(StrEnum):
    """What happened. All values of `SessionAction` are here, too."""

    CREATED = "created"
    SAVED = "saved"
    AUTOSAVED = "autosaved"
    RENAMED = "renamed"
    PROMOTED = "promoted"
    CLOSED = "closed"
    REOPENED = "reopened"
    RESTORED = "restored"
    NAMED = "named"
    TRASHED = "trashed"
    UNTRASHED = "untrashed"
    DELETED = "deleted"
    EXPORTED = "exported"
    IMPORTED = "imported"


class Actor(StrEnum):
    """Who did it: the owner, or a timer."""

    ME = "me"
    TIMER = "timer"


class SubjectKind(StrEnum):
    """What it was done to. `session` stands for drafts, too; `account` for everything of the owner."""

    SESSION = "session"
    SNAPSHOT = "snapshot"
    ACCOUNT = "account"


class Subject(BaseModel):
    """What a line tells of. `title` is the title at that time, or None if it is not known."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: SubjectKind
    id: str
    title: str | None = None


class ActivityLine(Document):
    """One line. The version, the device and the content are None if the subject has none. `name` is the name that
    the version got, if it got one.

    `at` is the server's clock. For autosaves that share a row of the history, it is the time of the first one.
    """

    kind: Literal["activity"] = "activity"
    owner_id: str
    at: Timestamp
    action: ActivityAction
    actor: Actor = Actor.ME
    subject: Subject
    version: int | None = None
    name: str | None = None
    device_info: str | None = None
    content_hash: str | None = None
    content_bytes: int | None = None
    app: str | None = None

    def to_item(self) -> dict[str, Any]:
        """Plain JSON without the fields that are None: a line is written with each save, and costs by its size."""
        return self.model_dump(mode="json", exclude_none=True)


def line_id(session_id: str, version: int, save_id: str, at: datetime) -> str:
    """Returns the id of the line of a version. Its last part tells apart sessions that had the same id, one after
    the other."""
    return f"{_lines_from(session_id, version)}~{_digest(save_id, at)}"


def naming_line_id(session_id: str, version: int, name: str, at: datetime) -> str:
    """Returns the id of the line of a naming. It comes after the line of the version that was named."""
    return f"{_lines_from(session_id, version)}~~{_digest(name, at)}"


def event_id(*names: str) -> str:
    """Returns the fixed id of an event beside sessions. No id of a session's line begins like it."""
    return "~".join(("event", *names))


def lines_of(session_id: str, first_version: int = 0) -> tuple[Filter, ...]:
    """Returns the filters for the ids of a session's lines, from a version on. They are a range of the index."""
    return (
        Filter("id", Operator.MORE_OR_EQUAL, _lines_from(session_id, first_version)),
        Filter("id", Operator.LESS, f"{session_id}~b"),
    )


def _lines_from(session_id: str, version: int) -> str:
    return f"{session_id}~a{version:0{_VERSION_DIGITS}}"


def _digest(name: str, at: datetime) -> str:
    return hashlib.sha256(f"{name} {timestamp_text(at)}".encode()).hexdigest()[:12]
