"""Commits changes of several sessions of one person together: all or none."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate

from persistence.documents import is_id
from persistence.errors import (
    Changed,
    Contended,
    CorruptItem,
    Gone,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    NotFound,
    OwnerFull,
    PersistenceError,
    TooLargeTogether,
)
from persistence.limits import Growth
from persistence.retry import Attempts
from persistence.sessions.commits import SessionCommits, growth
from persistence.sessions.contents import SessionContents, new_content
from persistence.sessions.creation import with_content
from persistence.sessions.deletions import Delete, Trash
from persistence.sessions.documents import DELETED_STATUSES, SessionHead, SessionStatus
from persistence.sessions.heads import SessionHeads
from persistence.sessions.history import without_growth
from persistence.sessions.joint_changes import Change, Creation, JointChange, Refusal, Step, outcomes_of
from persistence.sessions.lines import line_of
from persistence.sessions.stale_reads import HeadReads
from persistence.sessions.write_queue import Committed, Write
from persistence.shared import Shared
from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import Versioned
from persistence.storage.engine import (
    COMMIT_MAX_BYTES,
    COMMIT_MAX_OPERATIONS,
    PAYLOAD,
    Create,
    Item,
    Replace,
)

CHANGES_MAX = 40
"""Each is at most a head and a line of activity, so that they fit into one commit."""

_CONTENTS_AT_ONCE = 4
"""Written, or made from deltas. A base and what a delta makes of it take megabytes."""


class JointCommits:
    """Applies changes of different sessions in one commit, under the same rules as `SessionCommits`."""

    def __init__(
        self, shared: Shared, commits: SessionCommits, heads: SessionHeads, contents: SessionContents
    ) -> None:
        self._engine, self._limits, self._activity = shared.engine, shared.limits, shared.activity
        self._commits, self._heads, self._contents = commits, heads, contents

    async def commit(self, owner_id: str, changes: Sequence[JointChange]) -> list[Committed]:
        """Applies all changes, or none, and returns the outcome of each. At most one change for each session,
        else ValueError.

        A change that changes nothing writes nothing. Moving a session to the trash that is there already changes
        nothing. The engine must have conditional commits, unless all changes are creations. Contents that do not
        fit into the commit are written before it.
        Raises ItemsRefused, or ItemsStale if the only reason is stale ETags; TooMany and StorageFull for all
        changes together; TooLargeTogether, KeyReused; Contended after ten lost attempts. Nothing can be seen of
        them then. One point read for each session, and one commit.
        """
        ids = [one.session_id for one in changes]
        if len(set(ids)) < len(ids):
            raise ValueError("a session cannot be changed twice in one commit")
        reads = [HeadReads(self._heads, owner_id, one.session_id, _tags(one)) for one in changes]
        few = asyncio.Semaphore(_CONTENTS_AT_ONCE)
        async with self._commits.turns(owner_id, ids), self._limits.turn(owner_id):
            async for attempt in Attempts():
                found = await asyncio.gather(
                    *(self._step(*one, attempt, few) for one in zip(changes, reads, strict=True))
                )
                steps = [step for step in found if step is not None]
                if len(steps) < len(found):
                    continue
                outcomes = outcomes_of(changes, steps)
                written = [step for step in steps if step.head is not None]
                await self._check(owner_id, steps, written)
                if not written or await self._try_write(owner_id, written):
                    await self._finish(written)
                    return outcomes
        raise Contended("session", ids[0])

    async def _step(
        self, change: JointChange, reads: HeadReads, attempt: int, few: asyncio.Semaphore
    ) -> Step | None:
        """Reads a session and returns what the change makes of it. None if the read is stale."""
        if isinstance(change, Refusal):
            return Step(change.error)
        try:
            stored = await reads.read(attempt)
        except CorruptItem as exc:
            return Step(exc)
        except NotFound as exc:
            is_new = isinstance(change, Creation) and is_id(change.session_id)
            return self._created(change) if isinstance(change, Creation) and is_new else Step(exc)
        if stored is None:
            return None
        if isinstance(change, Creation):
            return Step(self._taken(change, stored.document), stored)
        async with few:
            return await self._changed(change, stored)

    def _created(self, change: Creation) -> Step:
        first = change.first
        content = new_content(first.owner_id, first.id, change.content)
        head = with_content(first, content["id"])
        lines = self._activity.items([line_of(None, head)])
        return Step(Committed(head, head), head=head, contents=[content], lines=lines)

    def _taken(self, change: Creation, head: SessionHead) -> Committed | PersistenceError:
        """Returns the outcome of a creation whose id is taken, perhaps by an earlier try of the same one."""
        try:
            revision = head.revision_by(change.first.revisions[0].save_id or "")
            if revision is not None:
                return Committed(head, head, revision)
            self._heads.check_live(head)
        except PersistenceError as exc:
            return exc
        return Changed("session", head.id, head)

    async def _changed(self, change: Change, stored: Versioned[SessionHead]) -> Step:
        head = stored.document
        plan = await self._commits.plan(head, [Write(change.edit, change.conditions)], check_limits=False)
        [outcome] = plan.outcomes
        if isinstance(outcome, Gone) and isinstance(change.edit, Trash | Delete):
            outcome = Committed(head, head)
        if plan.head is plan.stored:
            return Step(outcome, stored)
        return Step(outcome, stored, plan.head, plan, plan.named_contents, self._activity.items(plan.lines))

    async def _check(self, owner_id: str, steps: Sequence[Step], written: Sequence[Step]) -> None:
        """Raises TooLargeTogether, TooMany and StorageFull."""
        sizes = [sum(map(item_size, _items(step))) for step in steps]
        if (size := sum(sizes)) > COMMIT_MAX_BYTES:
            fits = sum(total <= COMMIT_MAX_BYTES for total in accumulate(sizes))
            raise TooLargeTogether(size, COMMIT_MAX_BYTES, fits)
        grown = (growth(step.before, step.head) for step in written if step.head is not None)
        await self._limits.check(owner_id, Growth.sum(grown))

    async def _try_write(self, owner_id: str, written: Sequence[Step]) -> bool:
        """Writes the heads, their lines and their contents in one commit. If that is too large, writes the
        contents before it. Returns False if another writer was faster."""
        writes = [step.write for step in written]
        replaces = [one for one in writes if isinstance(one, Replace)]
        created = [one for one in writes if isinstance(one, Create)]
        lines = [Create(line) for step in written for line in step.lines]
        contents = [Create(content) for step in written for content in step.contents]
        operations: list[Create | Replace] = [*replaces, *contents, *created, *lines]
        is_small = sum(item_size(one.item) for one in operations) <= COMMIT_MAX_BYTES
        if len(operations) > COMMIT_MAX_OPERATIONS or not is_small:
            await self._write_contents([one.item for one in contents])
            operations = [*replaces, *created, *lines]
        for step in written:
            if step.plan is not None:
                await self._commits.tell_before_deletion(step.plan)
        try:
            try:
                await self._engine.commit(SESSIONS, owner_id, operations)
            except OwnerFull:
                # The lines of deletions may be missing. Whatever else is written has no room either.
                await self._engine.commit(SESSIONS, owner_id, _without_growth(written))
        except (ItemChanged, ItemExists, ItemNotFound):
            return False
        return True

    async def _write_contents(self, contents: Sequence[Item]) -> None:
        async def write(content: Item) -> None:
            with suppress(ItemExists):  # the driver's retry of its own first try
                await self._engine.create(SESSIONS, content)

        for start in range(0, len(contents), _CONTENTS_AT_ONCE):
            await asyncio.gather(*map(write, contents[start : start + _CONTENTS_AT_ONCE]))

    async def _finish(self, written: Sequence[Step]) -> None:
        """Does what follows a commit: contents are kept in memory, or removed."""
        for step in written:
            if step.plan is not None:
                self._commits.committed(step.plan)
            elif step.head is not None:
                [content] = step.contents
                self._contents.committed(step.head, content[PAYLOAD])
            if step.head is not None and step.head.status is SessionStatus.DELETED:
                await self._contents.empty(step.head.owner_id, step.head.id)


def _tags(change: JointChange) -> Sequence[str]:
    return tuple(change.conditions.if_match or ()) if isinstance(change, Change) else ()


def _without_growth(written: Sequence[Step]) -> list[Replace]:
    """Returns what a full partition takes of these steps. Raises OwnerFull unless all are deletions."""
    replaces = []
    for step in written:
        if step.head is None or step.stored is None or step.head.status not in DELETED_STATUSES:
            raise OwnerFull
        replaces.append(Replace(without_growth(step.head).to_item(), step.stored.etag))
    return replaces


def _items(step: Step) -> list[Item]:
    """Returns what must be in the commit: the head and its lines of activity."""
    return [] if step.head is None else [step.head.to_item(), *step.lines]
