"""The export of everything that one person stores: the kinds one after the other, each by id."""

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Self

from persistence.errors import InvalidCursor
from persistence.faults import is_damage, log_fault
from persistence.kind import Export, Exported, Kind, damaged
from persistence.storage.engine import Item
from persistence.storage.query import Query

_PAGE_SIZE = 20
_CURSOR = re.compile(r"(\w+):(\w+):([\w-]*):([\w~-]*):(\w*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an export continues.

    owner  a digest of the owner id
    phase  the `Export.phase`
    page   the cursor of the page
    id     the item that the mark belongs to. If it is not the next item, the mark means nothing.
    mark   where in the item
    """

    owner: str
    phase: str
    page: str = ""
    id: str = ""
    mark: str = ""

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises InvalidCursor."""
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise InvalidCursor
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.owner}:{self.phase}:{self.page}:{self.id}:{self.mark}"


async def export(
    kinds: Sequence[Kind], owner_id: str, cursor: str | None = None
) -> AsyncGenerator[tuple[Exported, str], None]:
    """Yields each line of the export after `cursor`, with the cursor that continues after the line.

    Raises InvalidCursor. One query for every 20 documents, and what the kinds read for their lines.
    """
    phases = {kind.export.phase: kind.export for kind in kinds if kind.export is not None}
    owner = hashlib.sha256(owner_id.encode()).hexdigest()[:16]
    start = None if cursor is None else _Place.parse(cursor)
    if start is not None:
        first = phases.get(start.phase)
        if first is None or start.owner != owner or re.fullmatch(first.marks, start.mark) is None:
            raise InvalidCursor
    for phase in phases.values():
        if start is not None and start.phase != phase.phase:
            continue
        place, start = start or _Place(owner, phase.phase), None
        async for item, at in _items(phase, owner_id, place):
            async with aclosing(_lines(phase, owner_id, item, at.mark)) as lines:
                async for line in lines:
                    yield line, str(replace(at, mark=line.mark))


async def _lines(phase: Export, owner_id: str, item: Item, mark: str) -> AsyncGenerator[Exported, None]:
    """Yields the lines of an item. If it is damaged, the last line says so."""
    try:
        async with aclosing(phase.lines(owner_id, item, mark)) as lines:
            async for line in lines:
                yield line
    except Exception as exc:
        if not is_damage(exc):
            raise
        log_fault(f"The export leaves out the rest of {item['id']}", exc)
        yield damaged(item["id"])


async def _items(phase: Export, owner_id: str, place: _Place) -> AsyncIterator[tuple[Item, _Place]]:
    """Yields each item of a phase and its place, from `place` on."""
    documents = phase.documents
    query = Query(documents.kind, owner_id, documents.fields, page_size=_PAGE_SIZE, cursor=place.page or None)
    while True:
        page = await documents.engine.query(documents.container, query)
        for item in page.items:
            yield item, place if place.id == item["id"] else replace(place, id=item["id"], mark="")
            place = _Place(place.owner, place.phase, query.cursor_after(item))
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)
