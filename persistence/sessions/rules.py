"""What an operator sets for sessions."""

from dataclasses import dataclass
from datetime import timedelta

from persistence.sessions.documents import StoredFormat


@dataclass(frozen=True, slots=True)
class SessionRules:
    """The settings of sessions.

    keep_revisions  number of revisions without a name that are kept of a session, the current one included
    named_max       the most revisions of a session that may have a name; these are kept besides the others
    coalesce        an autosave replaces the autosave before it in the history within this span
    touch_interval  the least time between two recorded accesses
    stored_format   the format in which changed heads are stored
    trash_retention how long a deleted session stays in the trash; zero: it is deleted at once
    cached_bytes    the most bytes of packed contents that a process keeps in memory; 0 for none
    """

    keep_revisions: int = 20
    named_max: int = 20
    coalesce: timedelta = timedelta(seconds=60)
    touch_interval: timedelta = timedelta(minutes=15)
    stored_format: StoredFormat = 2
    cached_bytes: int = 0
    trash_retention: timedelta = timedelta(days=30)

    @property
    def has_trash(self) -> bool:
        """True if a deleted session is kept in the trash. Format 1 has none."""
        return self.trash_retention > timedelta(0) and self.stored_format > 1


DEFAULT_RULES = SessionRules()
