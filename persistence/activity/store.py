"""The activity of all owners: writing lines, and the feed, newest first."""

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from persistence.activity.documents import (
    ActivityAction,
    ActivityLine,
    Subject,
    SubjectKind,
    event_id,
    lines_of,
)
from persistence.documents import new_id, now, timestamp_text
from persistence.errors import CorruptItem, InvalidCursor, Maintenance, OwnerFull
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Filter, Operator, Page, Query, Sort

RETENTION = timedelta(days=90)
LOOKED_AT_MAX = 1_000
"""The most lines that one page looks at to find those that match."""

_LOOKED_AT_ONCE = 100
_log = logging.getLogger(__name__)
_NEWEST = Sort("at", descending=True)
_LAST_VERSION = Sort("id", descending=True)


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which lines to return. None: all. `since` and `until` are inclusive."""

    session_id: str | None = None
    action: ActivityAction | None = None
    app: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, line: ActivityLine) -> bool:
        """Returns True if the line matches all but the session."""
        return (
            (self.action is None or line.action is self.action)
            and (self.app is None or line.app == self.app)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at <= self.until)
        )


EVERYTHING = ActivityFilter()


class ActivityStore:
    """Lines of activity. `retention` is how long they are kept. If it is zero, no line is written."""

    def __init__(self, engine: Engine, retention: timedelta = RETENTION) -> None:
        self.engine, self.retention = engine, retention
        self.lines = DocumentSet(engine, SESSIONS, ActivityLine)

    def items(self, lines: Iterable[ActivityLine | None]) -> list[Item]:
        """Returns the items to create in the commit that the lines tell of."""
        return [line.to_item() for line in lines if line is not None] if self.retention else []

    async def note(self, line: ActivityLine) -> bool:
        """Writes the line of something that is already committed. Harmless to repeat. One create.

        Returns False if the database has no room for it: what it tells of stays done.
        """
        if self.retention:
            try:
                await self.lines.create_once(line)
            except OwnerFull:
                _log.warning("A line of activity is missing, because its owner has no room left")
                return False
        return True

    async def note_all(self, lines: Iterable[ActivityLine | None]) -> None:
        """As `note`, one after the other."""
        for line in lines:
            if line is not None:
                await self.note(line)

    async def note_export(self, owner_id: str) -> None:
        """Writes that an export of everything began, but not in read-only mode."""
        with suppress(Maintenance):
            await self._note_account(owner_id, event_id("export", new_id()), ActivityAction.EXPORTED)

    async def note_import(self, owner_id: str, import_id: str) -> None:
        """Writes that an import brought something. One line for all calls of the import."""
        await self._note_account(owner_id, event_id("import", import_id), ActivityAction.IMPORTED)

    async def _note_account(self, owner_id: str, id: str, action: ActivityAction) -> None:
        account = Subject(kind=SubjectKind.ACCOUNT, id=owner_id)
        await self.note(ActivityLine(id=id, owner_id=owner_id, at=now(), action=action, subject=account))

    async def page(
        self,
        owner_id: str,
        wanted: ActivityFilter = EVERYTHING,
        page_size: int = 10,
        cursor: str | None = None,
    ) -> Page[ActivityLine]:
        """Returns a page of lines, newest first: by time, or within one session by version. One partition.

        No index has actions and apps, nor the times within one session. To find them, a page looks at up to 1,000
        lines. It may be short or empty, and still have a cursor. One query, or up to ten. Raises InvalidCursor.
        """
        query, must_look = self._query(owner_id, wanted)
        query = replace(query, page_size=page_size, cursor=_unbound(cursor, wanted))
        shown: list[ActivityLine] = []
        for _ in range(LOOKED_AT_MAX // _LOOKED_AT_ONCE):
            if must_look:
                query = replace(query, page_size=_LOOKED_AT_ONCE)
            page = await self.engine.query(SESSIONS, query)
            for number, item in enumerate(page.items, 1):
                line = self._load_or_none(item)
                if line is not None and wanted.matches(line):
                    shown.append(line)
                is_last = number == len(page.items) and page.cursor is None
                if len(shown) == page_size and not is_last:
                    return Page(shown, _bound(query.cursor_after(item), wanted))
            if page.cursor is None:
                return Page(shown, None)
            query = replace(query, cursor=page.cursor)
            if not must_look:
                break
        return Page(shown, _bound(query.cursor, wanted))

    def _query(self, owner_id: str, wanted: ActivityFilter) -> tuple[Query, bool]:
        """Returns the query, and True if its result must be looked through."""
        fields = self.lines.fields
        must_look = wanted.action is not None or wanted.app is not None
        if wanted.session_id is not None:
            filters = lines_of(wanted.session_id)
            must_look = must_look or wanted.since is not None or wanted.until is not None
            return Query(self.lines.kind, owner_id, fields, filters, _LAST_VERSION), must_look
        bounds = ((Operator.MORE_OR_EQUAL, wanted.since), (Operator.LESS_OR_EQUAL, wanted.until))
        times = tuple(Filter("at", operator, timestamp_text(at)) for operator, at in bounds if at is not None)
        return Query(self.lines.kind, owner_id, fields, times, _NEWEST), must_look

    def _load_or_none(self, item: Item) -> ActivityLine | None:
        try:
            return self.lines.load(item)
        except CorruptItem:
            return None


def _bound(cursor: str | None, wanted: ActivityFilter) -> str | None:
    """Returns a cursor that is bound to the filters, too, and not only to the query."""
    return None if cursor is None else f"{_digest(wanted)}.{cursor}"


def _unbound(cursor: str | None, wanted: ActivityFilter) -> str | None:
    """Returns the cursor of the query. Raises InvalidCursor if the filters are others."""
    if not cursor:
        return None
    digest, _, rest = cursor.partition(".")
    if digest != _digest(wanted) or not rest:
        raise InvalidCursor
    return rest


def _digest(wanted: ActivityFilter) -> str:
    return hashlib.sha256(orjson.dumps(wanted)).hexdigest()[:8]
