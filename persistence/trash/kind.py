"""The parts of the trash that sessions do not cover: its bytes, and the timer that purges what is due."""

from datetime import timedelta

from persistence.kind import Kind
from persistence.limits import KEPT_BYTES, TRASH_BYTES, CountedBytes
from persistence.sessions.documents import SessionStatus
from persistence.sessions.kind import sessions_of
from persistence.sessions.purge import purge_step
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS
from persistence.timers.scan import TimerRules


def trash_kind(shared: Shared, sessions: SessionStore, retention: timedelta, rules: TimerRules) -> Kind:
    """What is in the trash are session documents. So the kind of sessions exports and erases them."""
    in_trash = sessions_of(SessionStatus.TRASHED)
    in_force = shared.rules.add("TRASH_RETENTION_DAYS", retention)
    purge = purge_step(shared, sessions, SessionStatus.TRASHED, in_force, rules, "trash purged")
    return Kind(
        stored=[CountedBytes(SESSIONS, in_trash, "kept_bytes", name) for name in (KEPT_BYTES, TRASH_BYTES)],
        timer_steps={"purge_stale_drafts": [purge]},
    )
