"""The containers with their partition keys and indexed paths, for every engine and for the Bicep files.

Only the paths listed here are indexed, which keeps writes of content cheap. The partition key is not indexed by
itself, so it is one of the indexed paths.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Listing:
    """Items that are listed, counted and summed by the values of some paths.

    Among many other items, its queries cost the same: they look only through items that have those values.

    by          the paths, of which a query names one value each, or several
    sorts       paths that sort it within a partition
    sums        paths whose numbers are summed; at the first one, items are counted too
    sums_by     other paths that sums and counts are filtered by
    composites  sorts in descending order for which Cosmos DB has an index that starts with `by`
    """

    by: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    sums_by: tuple[str, ...] = ()
    composites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """A named place for items of a few kinds.

    partition_key  the top-level field that names an item's partition
    lists          what is listed within a partition
    scans          paths that sort the timers' queries across all partitions
    filters        other paths that queries filter by
    """

    name: str
    partition_key: str
    lists: tuple[Listing, ...] = ()
    scans: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    def listing(self, sort: str, named: Collection[str]) -> Listing | None:
        """Returns the list for a query that sorts by this path and names the values of those. None if it has to
        look through the whole partition."""
        fitting = [each for each in self.lists if sort in each.sorts and set(each.by) <= set(named)]
        return max(fitting, key=lambda each: len(each.by), default=None)

    @property
    def sorts(self) -> tuple[str, ...]:
        """Every path that sorts a list, without duplicates."""
        return tuple(dict.fromkeys(path for each in self.lists for path in each.sorts))

    @property
    def ordered(self) -> frozenset[str]:
        """Every path that can sort a query, including the id."""
        return frozenset({"id", *self.sorts, *self.scans})

    @property
    def indexed(self) -> tuple[str, ...]:
        """Every indexed path, without duplicates."""
        return tuple(dict.fromkeys((self.partition_key, "kind", *self.sorts, *self.scans, *self.filters)))

    @property
    def composites(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The paths and the order of each composite index of Cosmos DB.

        Each sort of a list is declared in both orders. Azure documents that one serves the reverse order too, but
        not every server with this protocol does that. Timers scan in ascending order.
        """
        both = (((path, "id"), order) for path in self.sorts for order in ("ascending", "descending"))
        scans = (((path, "id"), "ascending") for path in self.scans if path not in self.sorts)
        led = (((*each.by, path, "id"), "descending") for each in self.lists for path in each.composites)
        return (*both, *scans, *led)

    def indexing_policy(self) -> dict[str, Any]:
        """Returns the indexing policy for Cosmos DB."""
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"{_cosmos_path(path)}/?"} for path in self.indexed],
            "excludedPaths": [{"path": "/*"}],
            "compositeIndexes": [
                [{"path": _cosmos_path(path), "order": order} for path in paths]
                for paths, order in self.composites
            ],
        }


def _cosmos_path(path: str) -> str:
    return f"/{path.replace('.', '/')}"


SESSIONS = Container(
    name="sessions",
    partition_key="owner_id",
    lists=(
        Listing(
            by=("status",),
            sorts=(
                "metadata.created_at",
                "metadata.updated_at",
                "metadata.last_accessed_at",
                "metadata.title",
                "metadata.title__lower",
            ),
            sums=("metadata.content_bytes", "kept_bytes"),
            composites=("metadata.updated_at", "metadata.last_accessed_at"),
        ),
        Listing(sorts=("at",)),
    ),
    scans=("metadata.updated_at", "saved_at", "unsettled_at", "deleted_at", "stale_since", "reserved_at", "at"),
    filters=(
        "status",
        "app",
        "metadata.description__lower",
        "metadata.device_info",
        "metadata.content_bytes",
        "kept_bytes",
    ),
)

TIMERS_PARTITION = " timers"
"""The partition of `SESSIONS` for what timers and processes note. Owner ids do not begin with a blank."""

SNAPSHOTS = Container(
    name="snapshots",
    partition_key="snapshot_id",
    lists=(Listing(sorts=("visits", "first_visited_at", "last_visited_at"), sums=("visits",)),),
    scans=("expires_at", "unsettled_at", "deleted_at"),
)

_SNAPSHOT_SORTS = ("snapshot_metadata.created_at", "snapshot_metadata.title", "snapshot_metadata.title__lower")
SNAPSHOT_ACCESS_LOGS = Container(
    name="snapshot_access_logs",
    partition_key="visitor_id",
    lists=(
        # What a person opened, and what a person owns.
        Listing(by=("hidden", "pending"), sorts=("visits", "last_visited_at", *_SNAPSHOT_SORTS)),
        Listing(
            by=("owner_id", "snapshot_deleted", "pending"),
            sorts=_SNAPSHOT_SORTS,
            sums=("snapshot_metadata.content_bytes",),
            sums_by=("expires_at",),
        ),
    ),
    scans=("unsettled_at", "snapshot_id"),
    filters=(
        "owner_id",
        "app",
        "session_id",
        "snapshot_deleted",
        "pending",
        "hidden",
        "expires_at",
        "snapshot_metadata.content_bytes",
    ),
)

CONTAINERS = (SESSIONS, SNAPSHOTS, SNAPSHOT_ACCESS_LOGS)
