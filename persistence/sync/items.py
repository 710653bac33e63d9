"""What one item of a sync does."""

from dataclasses import dataclass
from typing import Literal

from persistence.errors import PersistenceError
from persistence.sessions.documents import NewSession, SessionChange, SessionStatus
from persistence.sessions.patches import ContentDelta


@dataclass(frozen=True, slots=True)
class CreateItem:
    """Creates a draft or an active session under an id that the client made."""

    id: str
    new: NewSession
    status: Literal[SessionStatus.DRAFT, SessionStatus.ACTIVE]


@dataclass(frozen=True, slots=True)
class SaveItem:
    """Saves or renames a session. `if_match` is one ETag, or None."""

    id: str
    change: SessionChange
    if_match: str | None = None
    autosave: bool = False


@dataclass(frozen=True, slots=True)
class DeltaItem:
    """Saves what a delta makes of the current version, and a change without content."""

    id: str
    delta: ContentDelta
    change: SessionChange
    autosave: bool = False

    @property
    def if_match(self) -> str:
        """The ETag of the version that the delta was made from. It must be current."""
        return self.delta.base


@dataclass(frozen=True, slots=True)
class TrashItem:
    """Moves a session to the trash. It may be there already."""

    id: str
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that is at fault by itself, such as one whose content is too large."""

    id: str
    error: PersistenceError


SyncItem = CreateItem | SaveItem | DeltaItem | TrashItem | RefusedItem
