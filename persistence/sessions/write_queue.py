"""The writes of one session in one process. Those that wait together are committed together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from persistence.conditions import Conditions
from persistence.errors import PersistenceError
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead
from persistence.sessions.edits import Edit
from persistence.sessions.patches import SaveDelta
from persistence.sessions.revisions import Revision
from persistence.storage.document_set import Versioned

_GROUP_MAX = REMEMBERED_VERSIONS
"""The most writes of one commit. The head that it leaves remembers all of them."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The heads `before` and `after` an edit: the same one if nothing was written. `retried` is the revision that
    an earlier try of this write had created."""

    before: SessionHead
    after: SessionHead
    retried: Revision | None = None

    @property
    def head(self) -> SessionHead:
        """The head as this write left it. Not the current head if others have saved since: the caller would treat
        their ETag as its own, and overwrite what it has never seen."""
        return self.after if self.retried is None else self.after.as_of(self.retried)


Outcome = Committed | PersistenceError


@dataclass(eq=False, slots=True)
class Write:
    """An edit on its way. `outcome` is None until the edit is committed or refused.

    planned  the outcome that the last attempt would have, and the newest revision of the head that it would leave.
             A head that has that revision proves that the attempt was committed, although its response was lost.
    """

    edit: Edit | SaveDelta
    conditions: Conditions
    outcome: Outcome | None = None
    planned: tuple[Outcome, Revision] | None = None

    def lost_outcome(self, head: SessionHead) -> Outcome | None:
        """Returns the outcome of an attempt whose response was lost. None if no attempt is known to be in the
        head."""
        if self.planned is None:
            return None
        outcome, newest = self.planned
        return outcome if head.has(newest) else None


Commit = Callable[[Sequence[Write], Versioned[SessionHead] | None], Awaitable[Versioned[SessionHead] | None]]
"""Sets the outcome of every write, in one commit. Takes the head that the commit before has left, if it is known,
and returns the head that this commit leaves."""


class WriteQueue:
    """Writers take turns, in the order in which they came. The one whose turn it is commits for all who wait."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: list[Write] = []
        self._latest: Versioned[SessionHead] | None = None

    async def run(self, write: Write, commit: Commit) -> Committed:
        """Returns what was committed. Raises the outcome if it is an error, and what `commit` raises.

        What `commit` raises concerns the writer whose turn it is. The others' writes wait for the next turn.
        """
        self._waiting.append(write)
        try:
            async with self._turn:
                while write.outcome is None:
                    await self._commit_waiting(commit)
        finally:
            if write in self._waiting:
                self._waiting.remove(write)
            if not self._waiting:
                self._latest = None  # it would become stale
        if isinstance(write.outcome, PersistenceError):
            raise write.outcome
        return write.outcome

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, for a commit that does not go through this queue. The others wait until it ends."""
        async with self._turn:
            self._latest = None  # it would become stale
            yield

    async def _commit_waiting(self, commit: Commit) -> None:
        group = self._waiting[:_GROUP_MAX]
        del self._waiting[: len(group)]
        # As good as a read: a write of someone who was waiting may be ordered directly behind that commit.
        latest, self._latest = self._latest, None
        try:
            self._latest = await commit(group, latest)
        finally:
            self._waiting[:0] = [one for one in group if one.outcome is None]
