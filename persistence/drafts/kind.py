"""The parts of drafts that sessions do not cover: their number, and the timer that purges stale drafts."""

from datetime import timedelta

from persistence.kind import Kind
from persistence.limits import Counted
from persistence.sessions.documents import SessionStatus
from persistence.sessions.kind import sessions_of
from persistence.sessions.purge import purge_step
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.timers.scan import TimerRules


def draft_kind(shared: Shared, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> Kind:
    """Drafts are session documents. So the kind of sessions exports and erases them."""
    in_force = shared.rules.add("DRAFT_RETENTION_DAYS", retention)
    purge = purge_step(shared, sessions, SessionStatus.DRAFT, in_force, rules, "drafts purged")
    return Kind(
        counted=[Counted("drafts", "Drafts.", SESSIONS, sessions_of(SessionStatus.DRAFT))],
        timer_steps={"purge_stale_drafts": [purge]},
    )
