"""Savepoint's persistence: sessions and snapshots in SQLite or Cosmos DB. Knows no HTTP and no environment.

from persistence.content import pack
from persistence.sessions.documents import NewSession

stores = open_stores(Path(".data"))
head = await stores.sessions.create("me", NewSession(title="First", description=None, content=pack("{}")))
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from persistence.account.leftovers import leftover_kind
from persistence.activity.kind import activity_kind
from persistence.activity.store import RETENTION, ActivityStore
from persistence.drafts.conflict_copies import ConflictCopies
from persistence.drafts.kind import draft_kind
from persistence.drafts.store import DraftStore
from persistence.formats.kind import format_kind
from persistence.formats.renewal import renewed
from persistence.idempotency_kind import idempotency_kind
from persistence.imports.store import ImportStore
from persistence.kind import Kind
from persistence.limits import NO_LIMITS, LimitRules, Limits
from persistence.sessions.documents import SessionHead
from persistence.sessions.export import SessionExport
from persistence.sessions.kind import session_kind
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.kind import snapshot_kind
from persistence.snapshots.rules import SnapshotRules
from persistence.snapshots.store import SnapshotStore
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine
from persistence.sync.store import SyncStore
from persistence.timers.run import Timers
from persistence.timers.scan import TimerRules
from persistence.trash.kind import trash_kind
from persistence.trash.store import TrashStore

__all__ = ["Rules", "Stores", "damage_of", "open_engine", "open_stores", "stores_over"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator sets, for each package. With `renew_formats`, a timer renews items of older formats. With
    `read_only`, nothing is written, whatever the switch in the store says."""

    limits: LimitRules = NO_LIMITS
    sessions: SessionRules = field(default_factory=SessionRules)
    draft_retention: timedelta = timedelta(days=30)
    snapshots: SnapshotRules = field(default_factory=SnapshotRules)
    activity_retention: timedelta = RETENTION
    timers: TimerRules = field(default_factory=TimerRules)
    renew_formats: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store over one engine. Usage, limits, export, erasure and timers go through the `kinds` in order."""

    shared: Shared
    sessions: SessionStore
    drafts: DraftStore
    sync: SyncStore
    imports: ImportStore
    trash: TrashStore
    snapshots: SnapshotStore
    access_logs: AccessLogStore
    kinds: tuple[Kind, ...]

    def __post_init__(self) -> None:
        self.limits.count(self.kinds)

    @property
    def engine(self) -> Engine:
        """The engine below all stores. It does not look at the switch of read-only mode."""
        return self.shared.switch.engine

    @property
    def activity(self) -> ActivityStore:
        """What happened, line by line."""
        return self.shared.activity

    @property
    def session_export(self) -> SessionExport:
        """The lines of one session."""
        return SessionExport(self.sessions, DocumentSet(self.engine, SESSIONS, SessionHead))

    @property
    def conflict_copies(self) -> ConflictCopies:
        """Drafts of saves that were refused."""
        return ConflictCopies(self.sessions, self.drafts)

    @property
    def limits(self) -> Limits:
        """What one person stores and may store."""
        return self.shared.limits

    @property
    def timers(self) -> Timers:
        """The timers over all kinds."""
        return Timers(self.kinds, self.engine, self.shared.switch)

    def confirm_rules(self) -> None:
        """Lets other processes know how long this one keeps things, in the background. Does so once an hour."""
        self.shared.rules.confirm_soon(self.shared.background)

    async def close(self) -> None:
        """Waits for background work, then closes the engine."""
        await self.shared.background.drain()
        await self.engine.close()


def open_stores(place: Path | CosmosAccount, rules: Rules | None = None) -> Stores:
    """Opens the stores over a folder with a SQLite file, or over a Cosmos DB account.

    Raises StoreUnavailable if the SQLite file cannot be opened. Sends nothing to Cosmos DB yet.
    """
    return stores_over(open_engine(place), rules)


def open_engine(place: Path | CosmosAccount) -> Engine:
    """Opens the engine of a place. Imports only that engine's driver. Raises as `open_stores`.

    A SQLite file of an older format is migrated, with a backup beside it that is kept for 7 days.
    """
    if isinstance(place, Path):
        from persistence.storage.sqlite.engine import SqliteEngine

        return SqliteEngine(place, renewed)
    from persistence.storage.cosmos.engine import CosmosEngine

    return CosmosEngine(place)


def damage_of(folder: Path) -> str | None:
    """Returns what is wrong with the form or the indexes of a folder's SQLite file, and None if it is whole.

    Reads all of it, while others may read and write it.
    """
    from persistence.storage.sqlite.operations import Refused, check

    try:
        check(folder)
    except Refused as error:
        return str(error)
    return None


def stores_over(engine: Engine, rules: Rules | None = None) -> Stores:
    """The stores over an engine that is already open. A new kind is one more line of `kinds`."""
    rules = rules or Rules()
    shared = Shared.over(engine, rules.limits, rules.activity_retention, read_only=rules.read_only)
    sessions = SessionStore(shared, rules.sessions)
    drafts = DraftStore(sessions, rules.draft_retention)
    access_logs = AccessLogStore(shared)
    snapshots = SnapshotStore(shared, sessions, access_logs, rules.snapshots)
    timers = rules.timers.in_force(shared.rules)
    kept_lines = shared.rules.add("ACTIVITY_RETENTION_DAYS", rules.activity_retention)
    kinds = (
        session_kind(shared, sessions, timers),
        draft_kind(shared, sessions, rules.draft_retention, timers),
        trash_kind(shared, sessions, rules.sessions.trash_retention, timers),
        idempotency_kind(shared, timers),
        snapshot_kind(shared, snapshots, access_logs, timers),
        activity_kind(shared.activity, kept_lines, timers),
        *([format_kind(shared, timers)] if rules.renew_formats else []),
        leftover_kind(shared),
    )
    sync = SyncStore(shared, sessions, rules.sessions)
    imports = ImportStore(shared, sessions, rules.sessions)
    return Stores(shared, sessions, drafts, sync, imports, TrashStore(sessions), snapshots, access_logs, kinds)
