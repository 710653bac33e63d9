"""The kind of snapshots and access log entries: what is counted, exported and erased, and the timer steps."""

from persistence.documents import now
from persistence.kind import Erase, Export, Kind, Step
from persistence.limits import KEPT_BYTES, STORED_BYTES, Counted, CountedBytes
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.chores import SnapshotChores
from persistence.snapshots.documents import AccessLog, Snapshot
from persistence.snapshots.filters import kept, unexpired
from persistence.snapshots.own import MARKS, OwnSnapshots
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.document_set import DocumentSet
from persistence.storage.query import Query
from persistence.timers.scan import TimerRules

_ERASED = {
    "snapshots": "Snapshots that this call deleted.",
    "rows": "Access log entries that this call removed, of visits to any snapshot.",
}


def snapshot_kind(
    shared: Shared, snapshots: SnapshotStore, access_logs: AccessLogStore, rules: TimerRules
) -> Kind:
    """A person finds their snapshots by their access log entries, so one kind covers both."""
    entries = DocumentSet(shared.engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    own = OwnSnapshots(entries, snapshots, access_logs)
    chores = SnapshotChores(shared, snapshots, access_logs, rules)
    return Kind(
        counted=[Counted("snapshots", "Snapshots that are not deleted.", SNAPSHOT_ACCESS_LOGS, live_entries)],
        stored=[
            CountedBytes(SNAPSHOT_ACCESS_LOGS, query, "snapshot_metadata.content_bytes", name)
            for name, query in ((STORED_BYTES, live_entries), (KEPT_BYTES, kept_entries))
        ],
        export=Export("rows", entries, own.lines, MARKS),
        erase=Erase(own.erase, _ERASED),
        timer_steps={
            "mark_deleted_snapshot_logs": [
                Step(("rows_marked", "visitors_removed"), chores.mark_entries),
                Step(("creates_settled",), chores.settle_creates),
            ],
            "purge_stale_drafts": [
                Step(("snapshots_expired",), chores.expire),
                Step(("tombstones_forgotten",), chores.forget_tombstones),
            ],
        },
        unsettled=[entries, DocumentSet(shared.engine, SNAPSHOTS, Snapshot)],
    )


def live_entries(owner_id: str) -> Query:
    """Returns the query of a person's entries of their own snapshots that are neither deleted nor expired."""
    return Query("access_log", owner_id, ("id",), (*kept(owner_id), unexpired(now())))


def kept_entries(owner_id: str) -> Query:
    """As `live_entries`, with those of expired snapshots whose content is still stored."""
    return Query("access_log", owner_id, ("id",), kept(owner_id))
