"""What an operator sets for snapshots."""

from dataclasses import dataclass
from datetime import timedelta

from persistence.documents import Timestamp
from persistence.errors import InvalidMember


@dataclass(frozen=True, slots=True)
class SnapshotRules:
    """The settings of snapshots.

    id_length      characters of a new id
    default_days   days until a snapshot expires if no time is requested; 0 for never
    max_days       the most days that a snapshot is kept; 0 for no limit
    show_visitors  whether owners see who opened their snapshots
    """

    id_length: int = 12
    default_days: int = 0
    max_days: int = 0
    show_visitors: bool = False

    def expiry(self, requested: Timestamp | None, created_at: Timestamp) -> Timestamp | None:
        """Returns when a new snapshot expires; None for never. Raises InvalidMember if the requested time is not
        allowed."""
        latest = created_at + timedelta(days=self.max_days) if self.max_days else None
        if requested is not None:
            if requested <= created_at:
                raise InvalidMember("expires_at", "must lie in the future")
            if latest is not None and requested > latest:
                raise InvalidMember("expires_at", f"must lie within {self.max_days} days")
            return requested
        default = created_at + timedelta(days=self.default_days) if self.default_days else None
        return min((at for at in (default, latest) if at is not None), default=None)
