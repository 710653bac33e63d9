"""Checks what one person keeps in the container of sessions: heads, contents, and the sums of an index."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from operator import itemgetter

from operations.checks import Finding, Place, text_of
from operations.items import addresses
from operations.session_parts import Content, SessionParts
from operations.usage_check import Shown, Usage
from persistence.activity.documents import ActivityLine
from persistence.documents import Document
from persistence.sessions.contents import session_of
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Engine, Item


async def check_sessions(engine: Engine, owner_id: str, shown: Sequence[Shown]) -> AsyncIterator[Finding | None]:
    """Yields what is wrong in a partition, and None for each item that was read.

    No more than one session is in memory: ids begin with that of the session, and come in order.
    """
    place = Place(engine, SESSIONS, owner_id)
    usage = Usage(shown, place)
    begun = list[SessionParts]()
    async for address in addresses(engine, SESSIONS, owner_id):
        id = str(address["id"])
        # An id can be the beginning of another one.
        while begun and not id.startswith(begun[-1].id):
            for finding in begun.pop().compared(place):
                yield finding
        if not begun or begun[-1].id != session_of(id):
            begun.append(SessionParts(session_of(id)))
        document, item, fault = await place.load(address)
        if fault is not None and fault.fault != "derived":
            yield fault
            fault = None
        usage.add(item)
        _add(begun[-1], str(address.get("kind")), document, item, fault)
        yield None
    while begun:
        for finding in begun.pop().compared(place):
            yield finding
    for finding in await usage.compared():
        yield finding


def _add(parts: SessionParts, kind: str, document: Document | None, item: Item, derived: Finding | None) -> None:
    if isinstance(document, SessionHead):
        parts.head, parts.derived, parts.kept_bytes = document, derived, item.get("kept_bytes")
    elif isinstance(document, SessionContent):
        text = text_of(item.get(PAYLOAD))
        found = None if text is None else (hashlib.sha256(text).hexdigest(), len(text))
        parts.contents[document.id] = Content(found, document.saved_at)
    elif isinstance(document, ActivityLine):
        line = document.at, document.action
        parts.last_line = line if parts.last_line is None else max(parts.last_line, line, key=itemgetter(0))
    elif kind == "session":
        parts.is_unread = True
