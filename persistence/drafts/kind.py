"""The parts of drafts that sessions do not cover: their number, and the timer that purges stale drafts."""

from datetime import datetime, timedelta

from persistence.errors import Contended, Gone, NotFound
from persistence.kind import Counts, Kind, Step
from persistence.limits import Counted
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


def draft_kind(shared: Shared, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> Kind:
    """Drafts are session documents. So the kind of sessions exports and erases them."""
    chores = DraftChores(shared.engine, sessions, retention, rules)
    return Kind(
        counted=[Counted("drafts", "Drafts.", SESSIONS, sessions_of(SessionStatus.DRAFT))],
        timer_steps={"purge_stale_drafts": [Step(("drafts purged", "spared"), chores.purge_stale)]},
    )


class DraftChores:
    """The step of the timer `purge_stale_drafts`."""

    def __init__(self, engine: Engine, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> None:
        self._sessions, self._retention = sessions, retention
        self._scan = Scan(engine, rules.items_max)
        self._heads = DocumentSet(engine, SESSIONS, SessionHead)
        self._drafts = (FilterFactory(SessionHead).create("status", SessionStatus.DRAFT, Operator.EQUAL),)

    async def purge_stale(self, at: datetime, counts: Counts) -> None:
        """Deletes drafts that were neither saved nor opened for the retention.

        A draft that is saved or opened meanwhile survives, and is counted as `spared`.
        """
        until = at - self._retention

        async def purge(draft: Item) -> None:
            try:
                was_stale = await self._sessions.purge_due(
                    draft["owner_id"], draft["id"], SessionStatus.DRAFT, until
                )
            except (NotFound, Gone, Contended):
                was_stale = False  # discarded, or being saved
            counts.add("drafts purged" if was_stale else "spared")

        await self._scan.each_due(counts, self._heads, "stale_since", until, purge, of=self._drafts)
