"""Checks what one person keeps in the container of sessions: heads, contents, and the sums of an index."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

from operations.checks import Finding, Place, is_old, text_of
from operations.items import addresses
from persistence.sessions.contents import session_of
from persistence.sessions.documents import SessionContent, SessionHead
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Engine
from persistence.storage.query import Aggregate, Query

_Content = tuple[str, int]
"""Hash and size of a text."""


async def check_sessions(engine: Engine, owner_id: str) -> AsyncIterator[Finding | None]:
    """Yields what is wrong in a partition, and None for each item that was read."""
    place = Place(engine, SESSIONS, owner_id)
    named: dict[str, _Content] = {}
    contents: dict[str, tuple[_Content | None, datetime]] = {}
    unread = set[str]()
    heads = kept = 0
    async for address in addresses(engine, SESSIONS, owner_id):
        document, item, finding = await place.load(address)
        if finding is not None:
            yield finding
        if address.get("kind") == "session":
            heads += 1
            size = item.get("kept_bytes")
            kept += size if isinstance(size, int) else 0
        if isinstance(document, SessionHead):
            named |= _named(document)
        elif isinstance(document, SessionContent):
            text = text_of(item.get(PAYLOAD))
            found = None if text is None else (hashlib.sha256(text).hexdigest(), len(text))
            contents[document.id] = found, document.saved_at
        if address.get("kind") == "session" and not isinstance(document, SessionHead):
            unread.add(str(address["id"]))
        yield None
    # What a head names that cannot be read is not known: its contents are what is left of it.
    whole = {id: content for id, content in contents.items() if session_of(id) not in unread}
    for finding in _compared(place, named, whole):
        yield finding
    query = Query("session", owner_id, ("id",))
    counted = (
        await engine.aggregate(SESSIONS, query, Aggregate.COUNT),
        await engine.aggregate(SESSIONS, query, Aggregate.SUM, "kept_bytes"),
    )
    if counted != (heads, kept):
        yield place.finding("counted", "usage", "session")


def _named(head: SessionHead) -> dict[str, _Content]:
    """Returns each content that a head names."""
    rows = (*head.revisions, *head.remembered)
    named = {row.content_id: (row.content_hash, row.content_bytes) for row in rows if row.content_id is not None}
    if head.content_id is not None:
        named[head.content_id] = head.metadata.content_hash, head.metadata.content_bytes
    return named


def _compared(
    place: Place, named: dict[str, _Content], contents: dict[str, tuple[_Content | None, datetime]]
) -> list[Finding]:
    found = []
    for id, expected in named.items():
        if id not in contents:
            found.append(place.finding("missing", id, "content"))
        elif contents[id][0] != expected:
            found.append(place.finding("damaged", id, "content"))
    for id, (content, saved_at) in contents.items():
        if id in named:
            continue
        if content is None:
            found.append(place.finding("damaged", id, "content", is_orphan=is_old(saved_at)))
        elif is_old(saved_at):
            found.append(place.finding("orphan", id, "content", is_orphan=True))
    return found
