"""What an import takes from the lines of an export, and what became of each line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from persistence.content import Packed
from persistence.sessions.documents import SessionStatus
from persistence.sessions.revisions import SessionAction


class ImportMode(StrEnum):
    """Where sessions go. `copy`: to new ids. `skip`: to their own ids if these are free. `replace`: to their own
    ids, as a new version if these are taken."""

    COPY = "copy"
    SKIP = "skip"
    REPLACE = "replace"


class LineOutcome(StrEnum):
    """What became of a line."""

    IMPORTED = "imported"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line.

    number   of the line, from 1 on
    id       of the session, if it was imported
    pointer  a JSON pointer to the field at fault, as a URI fragment (RFC 6901)
    detail   why it was skipped or refused
    """

    number: int
    outcome: LineOutcome
    id: str | None = None
    pointer: str | None = None
    detail: str | None = None


def skipped(number: int, detail: str) -> LineReport:
    return LineReport(number, LineOutcome.SKIPPED, detail=detail)


def refused(number: int, detail: str, pointer: str = "#") -> LineReport:
    return LineReport(number, LineOutcome.REFUSED, None, pointer, detail)


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The line of a session: what its current version does not tell."""

    number: int
    version: int
    content_hash: str
    description: str | None
    app: str | None
    status: SessionStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ImportedVersion:
    """The line of a version. Without `content`, it has that of another version with the same hash."""

    number: int
    version: int
    action: SessionAction
    saved_at: datetime
    title: str
    content_hash: str
    device_info: str | None
    media_type: str | None
    name: str | None
    content: Packed | None


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """The lines of one session in one call. `current` is None if its line was in an earlier call."""

    id: str
    current: CurrentState | None
    versions: Sequence[ImportedVersion]

    @property
    def numbers(self) -> list[int]:
        """The numbers of its lines."""
        first = [] if self.current is None else [self.current.number]
        return [*first, *(one.number for one in self.versions)]
