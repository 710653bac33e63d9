"""The filters of access log entries that every list and count shares."""

from datetime import datetime

from persistence.snapshots.documents import AccessLog
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Unless

FILTERS = FilterFactory(AccessLog)


def flag(path: str, value: bool) -> Filter:
    """Returns the filter for a flag of an entry."""
    return FILTERS.create(path, value, Operator.EQUAL)


def of_owner(owner_id: str) -> Filter:
    """Returns the filter for snapshots of one person."""
    return FILTERS.create("owner_id", owner_id, Operator.EQUAL)


def kept(owner_id: str) -> tuple[Filter, ...]:
    """Returns the filters for the entries of a person's own snapshots that are kept: the expired ones, too, until
    a timer deletes them."""
    return of_owner(owner_id), flag("snapshot_deleted", False), flag("pending", False)


def is_expired(at: datetime) -> Filter:
    """Returns the filter for snapshots that have expired by then."""
    return FILTERS.create("expires_at", at, Operator.LESS_OR_EQUAL)


def unexpired(at: datetime) -> Unless:
    """Returns the filter for snapshots that do not expire, or later."""
    return Unless((is_expired(at),))
