"""What an operator sets for sessions."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from persistence.rules_in_force import Rule, RulesInForce
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
    kept, trashed   the rules in force for `keep_revisions` and `trash_retention`, which another process may have
    """

    keep_revisions: int = 20
    named_max: int = 20
    coalesce: timedelta = timedelta(seconds=60)
    touch_interval: timedelta = timedelta(minutes=15)
    stored_format: StoredFormat = 2
    cached_bytes: int = 0
    trash_retention: timedelta = timedelta(days=30)
    kept: Rule | None = None
    trashed: Rule | None = None

    def in_force(self, rules: RulesInForce) -> Self:
        """Returns these rules with those in force. Reads nothing yet."""
        kept = rules.add("KEEP_REVISIONS", self.keep_revisions)
        return replace(self, kept=kept, trashed=rules.add("TRASH_RETENTION_DAYS", self.trash_retention))

    @property
    def keep(self) -> float:
        """Number of revisions to keep in a history now."""
        return self.keep_revisions if self.kept is None else self.kept.value

    async def has_trash(self) -> bool:
        """True if a deleted session is kept in the trash. Format 1 has none. Reads the rule in force if this
        process has no trash."""
        if self.stored_format == 1 or self.trash_retention > timedelta(0) or self.trashed is None:
            return self.stored_format > 1 and self.trash_retention > timedelta(0)
        return await self.trashed.look() > 0


DEFAULT_RULES = SessionRules()
