"""What an operator sets of sessions."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SessionRules:
    """keep_revisions  how many revisions of a session are kept, the current one included
    coalesce        an autosave replaces the autosave before it in the history within this span
    touch_interval  an access is recorded at most this often
    """

    keep_revisions: int = 20
    coalesce: timedelta = timedelta(seconds=60)
    touch_interval: timedelta = timedelta(minutes=15)


DEFAULT_RULES = SessionRules()
