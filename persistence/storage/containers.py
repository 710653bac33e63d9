"""The containers with their partition keys and indexed paths, for every engine and for the Bicep files.

Only the paths listed here are indexed, which keeps writes of content cheap. The partition key is not indexed by
itself, so it is one of the indexed paths.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Container:
    """A named place for items of a few kinds.

    partition_key  the top-level field that names an item's partition
    sorts          paths that sort lists within a partition
    scans          paths that sort the timers' queries across all partitions
    filters        other paths that queries filter by
    """

    name: str
    partition_key: str
    sorts: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def ordered(self) -> frozenset[str]:
        """Every path that can sort a query, including the id."""
        return frozenset({"id", *self.sorts, *self.scans})

    @property
    def indexed(self) -> tuple[str, ...]:
        """Every indexed path, without duplicates."""
        return tuple(dict.fromkeys((self.partition_key, "kind", *self.sorts, *self.scans, *self.filters)))

    def indexing_policy(self) -> dict[str, Any]:
        """Returns the indexing policy for Cosmos DB.

        Each composite index is declared in both orders. Azure documents that one serves the reverse order too,
        but not every server with this protocol does that.
        """
        included = [f"/{path.replace('.', '/')}/?" for path in self.indexed]
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": path} for path in included],
            "excludedPaths": [{"path": "/*"}],
            "compositeIndexes": [
                [
                    {"path": f"/{path.replace('.', '/')}", "order": order},
                    {"path": "/id", "order": order},
                ]
                for path in dict.fromkeys((*self.sorts, *self.scans))
                for order in ("ascending", "descending")
            ],
        }


SESSIONS = Container(
    name="sessions",
    partition_key="owner_id",
    sorts=(
        "metadata.created_at",
        "metadata.updated_at",
        "metadata.last_accessed_at",
        "metadata.title",
        "metadata.title__lower",
    ),
    scans=("metadata.updated_at", "saved_at", "unsettled_at", "deleted_at", "stale_since", "reserved_at"),
    filters=(
        "status",
        "app",
        "metadata.description__lower",
        "metadata.device_info",
        "metadata.content_bytes",
    ),
)

SNAPSHOTS = Container(
    name="snapshots",
    partition_key="snapshot_id",
    sorts=("visits", "first_visited_at", "last_visited_at"),
    scans=("expires_at", "unsettled_at", "deleted_at"),
)

SNAPSHOT_ACCESS_LOGS = Container(
    name="snapshot_access_logs",
    partition_key="visitor_id",
    sorts=(
        "visits",
        "last_visited_at",
        "snapshot_metadata.created_at",
        "snapshot_metadata.title",
        "snapshot_metadata.title__lower",
    ),
    scans=("unsettled_at", "snapshot_id"),
    filters=("owner_id", "app", "snapshot_deleted", "pending", "hidden", "snapshot_metadata.content_bytes"),
)

CONTAINERS = (SESSIONS, SNAPSHOTS, SNAPSHOT_ACCESS_LOGS)
