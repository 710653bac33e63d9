"""The timers as the tests run them, and what they count."""

from dataclasses import dataclass, fields

from persistence import Stores


@dataclass(slots=True)
class Counts:
    """What `mark_deleted_snapshot_logs` and then `sweep_sessions` did."""

    snapshots_expired: int = 0
    rows_marked: int = 0
    visitors_removed: int = 0
    creates_settled: int = 0
    sessions_swept: int = 0
    contents_removed: int = 0
    lines_written: int = 0
    tombstones_forgotten: int = 0
    reservations_forgotten: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


@dataclass(slots=True)
class PurgeCounts:
    """What `purge_stale_drafts` did."""

    drafts: int = 0
    spared: int = 0
    skipped: int = 0
    trash: int = 0


async def clean_up(stores: Stores) -> Counts:
    """Runs the two timers of CLEANUP_SCHEDULE, and adds what they count."""
    total: dict[str, int] = {}
    for name in ("mark_deleted_snapshot_logs", "sweep_sessions"):
        counts = await stores.timers.run(name)
        total |= {name: total.get(name, 0) + number for name, number in counts.as_dict().items()}
    # A new kind may add names, which its own tests check.
    return Counts(**{field.name: total[field.name] for field in fields(Counts)})


async def purge(stores: Stores) -> PurgeCounts:
    """Runs the timer of PURGE_SCHEDULE."""
    counts = (await stores.timers.run("purge_stale_drafts")).as_dict()
    # Activity has its own tests.
    return PurgeCounts(counts["drafts purged"], counts["spared"], counts["skipped"], counts["trash purged"])
