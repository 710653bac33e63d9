"""What a partition has of one session, and what is wrong with it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from operations.checks import Finding, Place, is_old
from persistence.activity.documents import ActivityAction
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead
from persistence.sessions.revisions import SessionAction

Text = tuple[str, int]
"""Hash and size of a text."""

_WITHOUT_ROWS_BEFORE = (SessionAction.TRASHED, SessionAction.DELETED)
"""A deletion in a full partition takes the row of the version before it."""


@dataclass(frozen=True, slots=True)
class Content:
    """A content that was read. `text` is None if it is damaged."""

    text: Text | None
    saved_at: datetime


@dataclass(slots=True)
class SessionParts:
    """Of a session. `head` is None if there is none, or if it `is_unread`.

    derived      what does not follow from the rest of the head
    kept_bytes   as the head has it
    last_line    when what was done last, by the lines of activity. None if no line is left
    """

    id: str
    head: SessionHead | None = None
    is_unread: bool = False
    derived: Finding | None = None
    kept_bytes: object = None
    contents: dict[str, Content] = field(default_factory=dict)
    last_line: tuple[datetime, ActivityAction] | None = None

    def compared(self, place: Place) -> Iterator[Finding]:
        """Yields what is wrong. What is the last that is left of a session is no orphan."""
        if self.head is None:
            yield from self._headless(place)
            return
        named = _named(self.head)
        unnamed = self.contents.keys() - named.keys()
        # The sum is that of all rows that the head was written with. Heads of the first format may have none.
        is_less = self.kept_bytes is not None and self.kept_bytes != self.head.kept_bytes
        lost = _lacks_rows(self.head) or (unnamed and is_less)
        wrong = [id for id, said in named.items() if id in self.contents and self.contents[id].text not in said]
        if lost:
            yield place.finding("missing", self.id, "revision")
        if any(len(said) > 1 for said in named.values()) or (wrong and self.derived):
            yield place.finding("damaged", self.id, "session")
        elif self.derived is not None and not lost:
            yield self.derived
        for id in wrong:
            yield place.finding("damaged", id, "content")
        for id in sorted(named.keys() - self.contents.keys()):
            yield place.finding("missing", id, "content")
        if not lost:
            yield from self._orphans(place, sorted(unnamed))

    def _headless(self, place: Place) -> Iterator[Finding]:
        if not self.is_unread and not self._is_lost:
            # Lines are kept for a time only. Without any, nobody knows whether a person has deleted the session.
            yield from self._orphans(place, self.contents, may_go=self.last_line is not None)
            return
        if self.contents and not self.is_unread:
            yield place.finding("missing", self.id, "session")
        for id, content in self.contents.items():
            if content.text is None:
                yield place.finding("damaged", id, "content")

    @property
    def _is_lost(self) -> bool:
        """True if it was there, and nobody has deleted it. Its lines come with its head, not before."""
        return self.last_line is not None and self.last_line[1] is not ActivityAction.DELETED

    def _orphans(self, place: Place, ids: Iterable[str], *, may_go: bool = True) -> Iterator[Finding]:
        for id in ids:
            content = self.contents[id]
            is_orphan = is_old(content.saved_at)
            if content.text is None:
                yield place.finding("damaged", id, "content", is_orphan=is_orphan and may_go)
            elif is_orphan:
                yield place.finding("orphan", id, "content", is_orphan=may_go)


def _named(head: SessionHead) -> dict[str, set[Text]]:
    """Returns what is said of each content that a head names. It is the same text wherever it is said."""
    named = defaultdict[str, set[Text]](set)
    for row in (*head.revisions, *head.remembered):
        if row.content_id is not None:
            named[row.content_id].add((row.content_hash, row.content_bytes))
    if head.content_id is not None:
        named[head.content_id].add((head.metadata.content_hash, head.metadata.content_bytes))
    return named


def _lacks_rows(head: SessionHead) -> bool:
    """Returns True if a row is lost among the recent ones, which no limit of the history removes.

    An imported row has no save id. What is older than that is as it was imported.
    """
    rows = sorted((*head.revisions, *head.remembered), key=attrgetter("version"), reverse=True)
    newest = head.metadata.version
    if not rows or (rows[0].version, rows[0].content_id) != (newest, head.content_id):
        return True
    oldest = max(newest - REMEMBERED_VERSIONS, 0)
    versions = [row.version for row in rows] + [oldest]
    for row, next_version in zip(rows, versions[1:], strict=True):
        if row.version - 1 <= oldest or row.save_id is None or row.action in _WITHOUT_ROWS_BEFORE:
            return False
        if next_version < row.version - 1:
            return True
    return False
