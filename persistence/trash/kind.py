"""The parts of the trash that sessions do not cover: its bytes, and the timer that purges what is due."""

from datetime import datetime, timedelta

from persistence.errors import Contended, Gone, NotFound
from persistence.kind import Counts, Kind, Step
from persistence.limits import KEPT_BYTES, TRASH_BYTES, CountedBytes
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.kind import sessions_of
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Operator
from persistence.timers.scan import Scan, TimerRules


def trash_kind(shared: Shared, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> Kind:
    """What is in the trash are session documents. So the kind of sessions exports and erases them."""
    in_trash = sessions_of(SessionStatus.TRASHED)
    chores = TrashChores(shared.engine, sessions, retention, rules)
    return Kind(
        stored=[CountedBytes(SESSIONS, in_trash, "kept_bytes", name) for name in (KEPT_BYTES, TRASH_BYTES)],
        timer_steps={"purge_stale_drafts": [Step(("trash purged", "spared"), chores.purge_due)]},
    )


class TrashChores:
    """The step of the timer `purge_stale_drafts` for the trash."""

    def __init__(self, engine: Engine, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> None:
        self._sessions, self._retention = sessions, retention
        self._scan = Scan(engine, rules.items_max)
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._trashed = (FilterFactory(SessionHead).create("status", SessionStatus.TRASHED, Operator.EQUAL),)

    async def purge_due(self, at: datetime, counts: Counts) -> None:
        """Replaces what was in the trash for the retention by tombstones. The sweep removes the contents.

        What is restored meanwhile survives, and is counted as `spared`.
        """
        until = at - self._retention

        async def purge(head: Item) -> None:
            owner_id, id = head["owner_id"], head["id"]
            try:
                was_due = await self._sessions.purge_due(owner_id, id, SessionStatus.TRASHED, until)
            except (NotFound, Gone, Contended):
                was_due = False  # purged, or being restored
            counts.add("trash purged" if was_due else "spared")

        await self._scan.each_due(counts, self._heads, "stale_since", until, purge, of=self._trashed)
