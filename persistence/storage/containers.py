"""The containers, once: partition keys and indexed paths for every engine and for the cloud's description.

Indexing is opt-in: everything is excluded but what stands here, so that writing content costs as little
as it can. A container's partition key has to be named among the indexed paths, or it is not indexed.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Container:
    """Where items of some kinds live.

    partition_key  the top-level field by which items are kept together
    sorts          paths that lists within a partition are ordered by
    scans          paths that timers order by across all partitions
    filters        further paths that queries compare
    """

    name: str
    partition_key: str
    sorts: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def ordered(self) -> frozenset[str]:
        """Every path that a query may be sorted by; the id always is one."""
        return frozenset({"id", *self.sorts, *self.scans})

    @property
    def indexed(self) -> tuple[str, ...]:
        """Every path with an index, each once."""
        return tuple(dict.fromkeys((self.partition_key, "kind", *self.sorts, *self.scans, *self.filters)))

    def indexing_policy(self) -> dict[str, Any]:
        """The policy as Cosmos DB takes it. Two orders per composite: the exact reverse of a composite
        index is documented to be served by it too, but not by every server that speaks the protocol."""
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
