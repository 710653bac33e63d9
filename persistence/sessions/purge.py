"""The purge of drafts that nobody uses, and of what was in the trash long enough."""

from datetime import datetime, timedelta

from persistence.errors import Contended, Gone, NotFound
from persistence.kind import Counts, Step
from persistence.rules_in_force import Rule
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Item
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Operator
from persistence.timers.scan import Scan, TimerRules


def purge_step(
    shared: Shared,
    sessions: SessionStore,
    status: SessionStatus,
    retention: Rule,
    rules: TimerRules,
    counted: str,
) -> Step:
    """Returns a step of a timer: it replaces sessions of one status by tombstones if their `stale_since` is older
    than the retention in force. The sweep removes the contents.

    A session that is saved, opened or restored meanwhile survives, and is counted as `spared`.
    """
    scan = Scan(shared.engine, rules.items_max)
    heads = DocumentSet(shared.engine, SESSIONS, SessionHead)
    of_status = (FilterFactory(SessionHead).create("status", status, Operator.EQUAL),)

    async def run(at: datetime, counts: Counts) -> None:
        until = at - timedelta(days=await retention.look())

        async def purge(head: Item) -> None:
            try:
                was_due = await sessions.purge_due(head["owner_id"], head["id"], status, until)
            except (NotFound, Gone, Contended):
                was_due = False  # deleted or purged meanwhile, or being saved or restored
            counts.add(counted if was_due else "spared")

        await scan.each_due(counts, heads, "stale_since", until, purge, of=of_status)

    return Step((counted, "spared"), run)
