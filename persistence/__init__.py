"""Savepoint's persistence: sessions and snapshots kept in SQLite or Cosmos DB. Knows nothing of HTTP.

stores = open_stores(Settings.from_environ(os.environ))
head = await stores.sessions.create("me", NewSession(title="First", description=None, content="{}"))
"""

import asyncio
from dataclasses import dataclass

from persistence.account.personal_data import PersonalData
from persistence.drafts.store import DraftStore
from persistence.errors import InvalidSettings, StoreUnavailable
from persistence.limits import Limits
from persistence.sessions.store import SessionStore
from persistence.snapshots.access_logs import AccessLogStore
from persistence.snapshots.store import SnapshotStore
from persistence.storage.engine import Engine
from persistence.timers.cleanup import Cleanup
from settings import Settings, StoreEngine

__all__ = ["Stores", "open_engine", "open_stores", "stores_over"]


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store, over one engine."""

    engine: Engine
    sessions: SessionStore
    drafts: DraftStore
    snapshots: SnapshotStore
    access_logs: AccessLogStore
    cleanup: Cleanup
    limits: Limits
    personal_data: PersonalData

    async def close(self) -> None:
        """Waits for what was accepted, then lets go of the database."""
        await asyncio.gather(self.access_logs.drain(), self.sessions.drain())
        await self.engine.close()


def open_stores(settings: Settings) -> Stores:
    """The stores over the engine that the settings name. Raises StoreUnavailable where a file cannot be opened."""
    return stores_over(open_engine(settings), settings)


def open_engine(settings: Settings) -> Engine:
    """The one place that picks an engine; only the picked one's module is imported."""
    match settings.store_engine:
        case StoreEngine.SQLITE:
            from persistence.storage.sqlite.engine import SqliteEngine

            try:
                return SqliteEngine(settings.data_dir)
            except StoreUnavailable as exc:
                raise InvalidSettings([f"DATA_DIR: the file there cannot be opened: {exc.__cause__}"]) from exc
        case StoreEngine.COSMOS:
            from persistence.storage.cosmos.engine import CosmosEngine

            return CosmosEngine(settings.cosmos_account())


def stores_over(engine: Engine, settings: Settings) -> Stores:
    """The stores over an engine that is open already."""
    sessions = SessionStore(engine, settings.session_rules(), settings.limit_rules())
    drafts = DraftStore(sessions, settings.draft_retention())
    access_logs = AccessLogStore(engine)
    snapshots = SnapshotStore(engine, sessions, access_logs, settings.snapshot_rules())
    grace = settings.cleanup_rules().settle_grace
    personal_data = PersonalData(engine, sessions, snapshots, access_logs, grace)
    cleanup = Cleanup(engine, sessions, snapshots, access_logs, settings.cleanup_rules())
    return Stores(engine, sessions, drafts, snapshots, access_logs, cleanup, sessions.limits, personal_data)
