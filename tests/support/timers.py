"""The timers as the tests run them, and what they count."""

from collections import Counter
from dataclasses import dataclass, fields

from persistence import Stores, kind
from persistence.storage.engine import Engine
from persistence.timers.daily import DAILY, DailyRuns
from persistence.timers.records import TimerRecords
from persistence.timers.run import Timers
from settings import Settings
from tests.support.engines import innermost


@dataclass(slots=True)
class Counts:
    """What `mark_deleted_snapshot_logs` and then `sweep_sessions` did, and the daily timer if it ran."""

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


async def clean_up(stores: Stores, *, daily: bool = False) -> Counts:
    """Runs the two timers of CLEANUP_SCHEDULE, and adds what they count. With `daily`, then that of
    PURGE_SCHEDULE."""
    runs = [await stores.timers.run("mark_deleted_snapshot_logs"), await stores.timers.run("sweep_sessions")]
    if daily:
        runs.append(await run_daily(stores))
    total: Counter[str] = Counter()
    for counts in runs:
        total.update(counts.as_dict())
    # A new kind may add names, which its own tests check.
    return Counts(**{field.name: total[field.name] for field in fields(Counts)})


async def run_daily(stores: Stores) -> kind.Counts:
    """Runs the timer of PURGE_SCHEDULE, with a last run to which the clock fits. Engines around the innermost one
    see only its steps."""
    engine = innermost(stores.engine)
    while not await DailyRuns(engine).may_delete():
        pass
    return await Timers(stores.kinds, engine).run(DAILY)


async def purge(stores: Stores) -> PurgeCounts:
    """As `run_daily`, with what it did to drafts and the trash."""
    counts = (await run_daily(stores)).as_dict()
    # Activity has its own tests.
    return PurgeCounts(counts["drafts purged"], counts["spared"], counts["skipped"], counts["trash purged"])


def records(engine: Engine) -> TimerRecords:
    """Records of the timers on their default schedules."""
    settings = Settings.from_environ({"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"})
    return TimerRecords(engine, settings.app_rules().schedules.by_timer())
