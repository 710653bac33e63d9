"""The kind of sessions: what is counted, exported and erased, and the timer steps."""

from persistence.kind import Erase, Export, Kind, Step
from persistence.limits import KEPT_BYTES, Counted, CountedBytes, QueryOf
from persistence.sessions.chores import SessionChores
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.export import SessionExport
from persistence.sessions.late_lines import LateLines
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Operator, Query
from persistence.timers.scan import TimerRules

_SAVED = (SessionStatus.ACTIVE, SessionStatus.CLOSED)
_LIVE = (*_SAVED, SessionStatus.DRAFT)


def session_kind(shared: Shared, sessions: SessionStore, rules: TimerRules) -> Kind:
    """Sessions of every status: drafts are exported and erased with them, and their bytes are counted. The trash
    is exported and erased with them, too."""
    heads = DocumentSet(shared.engine, SESSIONS, SessionHead)
    chores = SessionChores(shared.engine, sessions, LateLines(shared.activity), rules)
    swept = ("sessions_swept", "contents_removed", "lines_written")
    return Kind(
        counted=[Counted("sessions", "Active and closed sessions.", SESSIONS, sessions_of(*_SAVED))],
        stored=[
            CountedBytes(SESSIONS, sessions_of(*_LIVE), "metadata.content_bytes"),
            CountedBytes(SESSIONS, sessions_of(*_LIVE), "kept_bytes", KEPT_BYTES),
        ],
        export=Export("sessions", heads, SessionExport(sessions, heads).lines),
        erase=Erase(chores.erase, {"sessions": "Sessions that this call removed, with all their contents."}),
        timer_steps={
            "sweep_sessions": [
                Step(swept, chores.empty_deleted),
                Step(swept, chores.sweep_saved),
            ],
            "purge_stale_drafts": [Step(("tombstones_forgotten",), chores.forget_tombstones)],
        },
        unsettled=[heads],
    )


def sessions_of(*statuses: SessionStatus) -> QueryOf:
    """Returns what makes the query of a person's sessions that have one of the statuses."""
    of_status = FilterFactory(SessionHead).create("status", statuses, Operator.IN)
    return lambda owner_id: Query("session", owner_id, ("id",), (of_status,))
