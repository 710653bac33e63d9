"""Reads the lines of an export. A line that is broken does not stop the others."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from functions.http.bodies import refuse_crowd
from functions.http.errors import InvalidRequest
from functions.imports.views import SessionLine, VersionLine
from persistence.content import Packed, pack
from persistence.errors import PersistenceError
from persistence.imports.lines import (
    CurrentState,
    ImportedSession,
    ImportedVersion,
    LineReport,
    refused,
    skipped,
)

LINES_MAX = 2_000
"""A page of an export has about a thousand."""

_NOT_IMPORTED = {
    "access_log": "Visits are not imported.",
    "snapshot": "Snapshots are not imported.",
    "activity": "Activity is not imported.",
    "damaged": "It was damaged when it was exported.",
    "end": "It ends a page.",
}


@dataclass(slots=True)
class _Lines:
    """The lines of one session."""

    current: CurrentState | None = None
    versions: dict[int, ImportedVersion] = field(default_factory=dict)


class LineReader:
    """Collects the lines of each session. `reports` are about lines that no session has."""

    def __init__(self) -> None:
        self.reports: list[LineReport] = []
        self._sessions: dict[str, _Lines] = {}

    @property
    def sessions(self) -> list[ImportedSession]:
        """The sessions, in the order of their first lines."""
        return [
            ImportedSession(id, one.current, tuple(one.versions.values())) for id, one in self._sessions.items()
        ]

    async def read(self, body: bytes) -> None:
        """Reads NDJSON. Lets other requests run between two lines. Raises InvalidRequest if there are too many."""
        if body.count(b"\n") > 2 * LINES_MAX:
            raise InvalidRequest([{"pointer": "#", "detail": f"has more than {LINES_MAX:,} lines"}])
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
        if len(lines) > LINES_MAX:
            raise InvalidRequest([{"pointer": "#", "detail": f"has more than {LINES_MAX:,} lines"}])
        for number, line in lines:
            try:
                refuse_crowd(line)
                self._add(number, orjson.loads(line))
            except orjson.JSONDecodeError:
                self.reports.append(refused(number, "is not JSON"))
            except InvalidRequest as exc:
                fault = exc.faults[0]
                self.reports.append(refused(number, fault["detail"], fault.get("pointer", "#")))
            await asyncio.sleep(0)

    def _add(self, number: int, value: Any) -> None:
        """Raises InvalidRequest."""
        kind = value.get("kind") if isinstance(value, dict) else None
        try:
            if kind == "session":
                self._add_session(number, SessionLine.model_validate(value))
            elif kind == "revision":
                self._add_version(number, VersionLine.model_validate(value))
            elif isinstance(kind, str):
                self.reports.append(
                    skipped(number, _NOT_IMPORTED.get(kind, "This kind of line is not known here."))
                )
            else:
                raise InvalidRequest([{"pointer": "#/kind", "detail": "is required"}])
        except ValidationError as exc:
            raise InvalidRequest.of_body(exc, value) from None

    def _add_session(self, number: int, line: SessionLine) -> None:
        sent = line.metadata
        session = self._sessions.setdefault(sent.id, _Lines())
        if session.current is not None:
            raise InvalidRequest([{"pointer": "#/metadata/id", "detail": "is on an earlier line, too"}])
        session.current = CurrentState(
            number, sent.version, sent.content_hash, sent.description, sent.app, sent.status, sent.created_at
        )

    def _add_version(self, number: int, line: VersionLine) -> None:
        sent = line.revision
        packed = None if line.content is None else _packed(line.content, sent.content_hash)
        session = self._sessions.setdefault(line.session_id, _Lines())
        if sent.version in session.versions:
            raise InvalidRequest([{"pointer": "#/revision/version", "detail": "is on an earlier line, too"}])
        session.versions[sent.version] = ImportedVersion(
            number,
            sent.version,
            sent.action,
            sent.saved_at,
            sent.title,
            sent.content_hash,
            sent.device_info,
            sent.media_type,
            sent.name,
            packed,
        )


def _packed(content: str, content_hash: str) -> Packed:
    """Raises InvalidRequest if the content is too large or has another hash."""
    try:
        packed = pack(content)
    except PersistenceError as exc:
        raise InvalidRequest([{"pointer": "#/content", "detail": str(exc)}]) from None
    if packed.hash != content_hash:
        raise InvalidRequest([{"pointer": "#/content", "detail": "has another SHA-256 than its contentHash says"}])
    return packed
