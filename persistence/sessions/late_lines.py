"""Lines of activity that come late: their commit took two steps, and was interrupted before the second."""

from datetime import datetime, timedelta
from typing import NamedTuple

from persistence.activity.documents import ActivityAction, ActivityLine, lines_of
from persistence.activity.store import ActivityStore
from persistence.documents import timestamp_text
from persistence.errors import ItemNotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead
from persistence.sessions.lines import is_erasure, line_of_naming, line_of_row
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Item
from persistence.storage.query import Aggregate, Filter, Operator, Query
from persistence.timers.grace import is_settled


class Late(NamedTuple):
    """How many missing lines were written, and how many the database had no room for."""

    written: int = 0
    without_room: int = 0


class LateLines:
    """Writes the lines that the last rows of a history lack."""

    def __init__(self, activity: ActivityStore) -> None:
        self._activity, self._engine = activity, activity.engine

    async def write(self, head: SessionHead, at: datetime, grace: timedelta = timedelta()) -> Late:
        """Writes the missing lines. One aggregate if none is missing.

        Leaves out rows that are not settled at the moment `at`: their commits may still write their lines. A line
        that is older than the retention then is not missing.
        """
        due = self._due(head, at, grace)
        if not due:
            return Late()
        query = self._query_of(head, due)
        if await self._engine.aggregate(SESSIONS, query, Aggregate.COUNT) == len(due):
            return Late()
        for item in (await self._engine.query(SESSIONS, query)).items:
            due.pop(_key(item), None)
        written = 0
        for line in due.values():
            written += await self._activity.note(line)
        if due and not await self._exists(head):
            # It was erased meanwhile, with all lines but these.
            for line in due.values():
                await self._activity.lines.discard(line.id, line.owner_id)
        return Late(written, len(due) - written)

    def _due(self, head: SessionHead, at: datetime, grace: timedelta) -> dict[str, ActivityLine]:
        """Returns the lines of the last rows, and of the namings of all rows. Autosaves that share a line have one
        key."""
        last = head.metadata.version - REMEMBERED_VERSIONS
        rows = [row for row in (*head.revisions, *head.remembered) if row.version > last and row.save_id]
        settled = (row for row in rows if is_settled(row.saved_at, at, grace))
        lines = [line_of_row(head, row) for row in settled if not is_erasure(row)]
        namings = [line for row in head.revisions if (line := line_of_naming(head, row)) is not None]
        lines += [line for line in namings if is_settled(line.at, at, grace)]
        oldest = at - self._activity.retention
        return {_key(line.to_item()): line for line in lines if line.at > oldest}

    def _query_of(self, head: SessionHead, lines: dict[str, ActivityLine]) -> Query:
        """Returns the query of the lines that are stored: of these times, from the first of these rows on."""
        before = min(line.version or 0 for line in lines.values())
        first = max((row.version + 1 for row in head.revisions if row.version < before), default=0)
        times = tuple({timestamp_text(line.at) for line in lines.values()})
        filters = (*lines_of(head.id, first), Filter("at", Operator.IN, times))
        return Query(self._activity.lines.kind, head.owner_id, ("id", "at", "action"), filters)

    async def _exists(self, head: SessionHead) -> bool:
        try:
            await self._engine.read(SESSIONS, head.id, head.owner_id)
            return True
        except ItemNotFound:
            return False


def _key(line: Item) -> str:
    """Returns what a line is found by. Autosaves that share a row have one line, with the time of the first."""
    # A line that is stored may be damaged.
    return str(line.get("at")) if line.get("action") == ActivityAction.AUTOSAVED else str(line["id"])
