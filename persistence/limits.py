"""How much one person may keep, and how much it is. Each process has a person's writes pass one by one; those of
two processes at once may both pass just below a limit."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from persistence.errors import StorageFull, TooMany
from persistence.keyed import Keyed
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.snapshots.documents import AccessLog
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, Container
from persistence.storage.engine import Engine
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Aggregate, Filter, Operator, Query

Counted = Literal["sessions", "drafts", "snapshots"]

_STATUSES = {
    "sessions": (SessionStatus.ACTIVE, SessionStatus.CLOSED),
    "drafts": (SessionStatus.DRAFT,),
}


@dataclass(frozen=True, slots=True)
class LimitRules:
    """What an operator sets; 0 is no limit. `stored_bytes` are the current contents' bytes of UTF-8."""

    sessions: int = 0
    drafts: int = 0
    snapshots: int = 0
    stored_bytes: int = 0


NO_LIMITS = LimitRules()


class Usage(BaseModel):
    """What a person keeps. `stored_bytes` are those of current contents: history is not counted."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    sessions: int
    drafts: int
    snapshots: int
    stored_bytes: int


class Limits:
    """Counts what a person keeps, in their own partitions. Where there is no limit, checking asks nothing."""

    def __init__(self, engine: Engine, rules: LimitRules = NO_LIMITS) -> None:
        self._engine, self.rules = engine, rules
        self._sessions, self._rows = FilterFactory(SessionHead), FilterFactory(AccessLog)
        self._turns = Keyed(asyncio.Lock)

    def turn(self, owner_id: str) -> AbstractAsyncContextManager[None]:
        """Around a check and the write that it is for, so that no other write of the person passes on the same
        count. Nothing where there is no limit."""
        if self.rules == NO_LIMITS:
            return nullcontext()
        return self._turns[owner_id]

    async def usage(self, owner_id: str) -> Usage:
        """Five aggregates in two partitions."""
        sessions, drafts, snapshots, stored_bytes = await asyncio.gather(
            self._count(owner_id, "sessions"),
            self._count(owner_id, "drafts"),
            self._count(owner_id, "snapshots"),
            self._stored_bytes(owner_id),
        )
        return Usage(sessions=sessions, drafts=drafts, snapshots=snapshots, stored_bytes=stored_bytes)

    async def check_one_more(self, owner_id: str, what: Counted, new_bytes: int) -> None:
        """Raises TooMany where one more would be too many, and as `check_growth`."""
        limit: int = getattr(self.rules, what)
        if limit and (used := await self._count(owner_id, what)) >= limit:
            raise TooMany(what, used, limit)
        await self.check_growth(owner_id, new_bytes)

    async def check_growth(self, owner_id: str, new_bytes: int) -> None:
        """Raises StorageFull where so many bytes more would be too many."""
        limit = self.rules.stored_bytes
        if limit and new_bytes > 0 and (used := await self._stored_bytes(owner_id)) + new_bytes > limit:
            raise StorageFull("stored bytes", used, limit)

    async def _count(self, owner_id: str, what: Counted) -> int:
        if what == "snapshots":
            query = self._own_snapshots(owner_id)
            return int(await self._engine.aggregate(SNAPSHOT_ACCESS_LOGS, query, Aggregate.COUNT) or 0)
        query = self._sessions_of(owner_id, _STATUSES[what])
        return int(await self._engine.aggregate(SESSIONS, query, Aggregate.COUNT) or 0)

    async def _stored_bytes(self, owner_id: str) -> int:
        live = (*_STATUSES["sessions"], *_STATUSES["drafts"])
        of_sessions, of_snapshots = await asyncio.gather(
            self._sum(SESSIONS, self._sessions_of(owner_id, live), "metadata.content_bytes"),
            self._sum(SNAPSHOT_ACCESS_LOGS, self._own_snapshots(owner_id), "snapshot_metadata.content_bytes"),
        )
        return of_sessions + of_snapshots

    async def _sum(self, container: Container, query: Query, path: str) -> int:
        return int(await self._engine.aggregate(container, query, Aggregate.SUM, path) or 0)

    def _sessions_of(self, owner_id: str, statuses: tuple[SessionStatus, ...]) -> Query:
        return Query("session", owner_id, ("id",), (self._sessions.create("status", statuses, Operator.IN),))

    def _own_snapshots(self, owner_id: str) -> Query:
        own: tuple[Filter, ...] = (
            self._rows.create("owner_id", owner_id, Operator.EQUAL),
            self._rows.create("snapshot_deleted", False, Operator.EQUAL),
            self._rows.create("pending", False, Operator.EQUAL),
        )
        return Query("access_log", owner_id, ("id",), own)
