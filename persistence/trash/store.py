"""The trash: deleted sessions and drafts, with their contents and histories, until they are purged.

A session in the trash is a session of status `trashed`. Restoring and purging replace its head under its etag, so
one of them wins.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from persistence.call_time import CallTime
from persistence.conditions import NO_CONDITIONS, Conditions
from persistence.errors import Contended, IllegalMove, NotFound
from persistence.faults import is_damage, log_fault
from persistence.sessions.documents import SessionHead, SessionStatus, SessionSummary
from persistence.sessions.store import SessionStore
from persistence.storage.query import Filter, Operator, Page, Sort

EMPTY_ITEMS = 1_000
"""Number of removed items after which a call of `empty` stops. The same call continues."""

_RECENTLY_TRASHED = Sort("metadata.updated_at", descending=True)
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Emptied:
    """How many sessions and drafts one call purged. `done` is False if the call must be repeated."""

    purged: int
    done: bool


class TrashStore:
    """The trash of all owners. Raises as `SessionStore`, and IllegalMove for a session outside the trash."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions
        self.filters = sessions.filters
        self._trashed = self.filters.create("status", SessionStatus.TRASHED, Operator.EQUAL)

    def purges_at(self, trashed: SessionSummary) -> datetime:
        """Returns when the timer purges a session in the trash."""
        return self._sessions.purges_at(trashed)

    async def page(
        self, owner_id: str, filters: Sequence[Filter] = (), page_size: int = 10, cursor: str | None = None
    ) -> Page[SessionSummary]:
        """Returns a page of the trash, the last deleted first. One query in one partition, over heads alone."""
        return await self._sessions.page(owner_id, [*filters, self._trashed], _RECENTLY_TRASHED, page_size, cursor)

    async def restore(self, owner_id: str, session_id: str, conditions: Conditions = NO_CONDITIONS) -> SessionHead:
        """Restores a session or draft to the status that it had. Counts as an access. Raises TooMany and
        StorageFull."""
        return await self._sessions.untrash(owner_id, session_id, conditions)

    async def purge(self, owner_id: str, session_id: str) -> None:
        """Deletes a session or draft in the trash for good, with its contents. A tombstone stays as it is."""
        await self._sessions.purge(owner_id, session_id)

    async def empty(self, owner_id: str) -> Emptied:
        """Purges everything in the trash. It is safe to repeat. Stops after EMPTY_ITEMS, or if the time is over.

        What is restored at the same time stays as a whole. Damaged items are left.
        """
        purged, items, done = 0, 0, True
        call_time = CallTime()
        with suppress(TimeoutError):
            async with call_time.limit(), aclosing(self._purge_each(owner_id)) as each:
                async for removed in each:
                    if removed is None:
                        done = False
                        continue
                    purged += removed > 0
                    if (items := items + removed) >= EMPTY_ITEMS or call_time.is_over:
                        return Emptied(purged, done=False)
                return Emptied(purged, done)
        return Emptied(purged, done=False)

    async def _purge_each(self, owner_id: str) -> AsyncGenerator[int | None, None]:
        """Purges everything in the trash. Yields how many items were removed with each session. None for one that
        too many others write."""
        cursor = None
        while True:
            page = await self.page(owner_id, (), _PAGE_SIZE, cursor)
            for one in page.items:
                removed = None
                try:
                    removed = await self._sessions.purge(owner_id, one.id)
                except (IllegalMove, NotFound):
                    continue  # restored meanwhile, or erased meanwhile
                except Contended:
                    pass
                except Exception as exc:
                    if not is_damage(exc):
                        raise
                    log_fault(f"The damaged session {one.id} stays in the trash", exc)
                    continue
                yield removed
            if (cursor := page.cursor) is None:
                return
