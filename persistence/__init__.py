"""Savepoint's persistence: sessions and snapshots in SQLite or Cosmos DB. Knows no HTTP and no environment.

stores = open_stores(Path(".data"))
head = await stores.sessions.create("me", NewSession(title="First", description=None, content="{}"))
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from persistence.account.personal_data import PersonalData
from persistence.drafts.store import DraftStore
from persistence.limits import NO_LIMITS, LimitRules, Limits
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.rules import SnapshotRules
from persistence.snapshots.store import SnapshotStore
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.engine import Engine
from persistence.timers.cleanup import Cleanup, CleanupRules

__all__ = ["Rules", "Stores", "open_engine", "open_stores", "stores_over"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator sets, for each package."""

    limits: LimitRules = NO_LIMITS
    sessions: SessionRules = field(default_factory=SessionRules)
    draft_retention: timedelta = timedelta(days=30)
    snapshots: SnapshotRules = field(default_factory=SnapshotRules)
    timers: CleanupRules = field(default_factory=CleanupRules)


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store over one engine."""

    shared: Shared
    sessions: SessionStore
    drafts: DraftStore
    snapshots: SnapshotStore
    access_logs: AccessLogStore
    cleanup: Cleanup
    personal_data: PersonalData

    @property
    def engine(self) -> Engine:
        """The engine that all of them use."""
        return self.shared.engine

    @property
    def limits(self) -> Limits:
        """What one person keeps and may keep."""
        return self.shared.limits

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
    """Opens the engine of a place. Imports only that engine's driver. Raises as `open_stores`."""
    if isinstance(place, Path):
        from persistence.storage.sqlite.engine import SqliteEngine

        return SqliteEngine(place)
    from persistence.storage.cosmos.engine import CosmosEngine

    return CosmosEngine(place)


def stores_over(engine: Engine, rules: Rules | None = None) -> Stores:
    """The stores over an engine that is already open."""
    rules = rules or Rules()
    shared = Shared.over(engine, rules.limits)
    sessions = SessionStore(shared, rules.sessions)
    drafts = DraftStore(sessions, rules.draft_retention)
    access_logs = AccessLogStore(shared)
    snapshots = SnapshotStore(shared, sessions, access_logs, rules.snapshots)
    personal_data = PersonalData(engine, sessions, snapshots, access_logs, rules.timers.settle_grace)
    cleanup = Cleanup(engine, sessions, snapshots, access_logs, rules.timers)
    return Stores(shared, sessions, drafts, snapshots, access_logs, cleanup, personal_data)
