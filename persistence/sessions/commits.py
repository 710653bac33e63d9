"""The one loop through which every change of a session goes."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from persistence.activity.documents import ActivityLine
from persistence.conditions import NO_CONDITIONS, Conditions
from persistence.documents import now
from persistence.errors import Changed, Contended, PersistenceError
from persistence.faults import named
from persistence.keyed import Keyed
from persistence.limits import Growth
from persistence.retry import Attempts
from persistence.sessions.contents import SessionContents
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.edits import Edit, Name
from persistence.sessions.heads import SessionHeads
from persistence.sessions.history import find_revision
from persistence.sessions.late_lines import LateLines
from persistence.sessions.lines import is_erasure, line_of, line_of_naming, line_of_retried
from persistence.sessions.patches import SaveDelta
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.stale_reads import HeadReads
from persistence.sessions.write_queue import Committed, Outcome, Write, WriteQueue
from persistence.shared import Shared
from persistence.storage.document_set import Versioned
from persistence.storage.engine import PAYLOAD, Item

_log = logging.getLogger(__name__)

_COUNTED = {
    SessionStatus.DRAFT: "drafts",
    SessionStatus.ACTIVE: "sessions",
    SessionStatus.CLOSED: "sessions",
}
"""What counts a session of each status. Nothing counts the others, nor their stored bytes."""


@dataclass(slots=True)
class Plan:
    """What a group of writes makes of the `stored` head: the `head` after the last of them, the content items and
    the lines of activity of all, and the outcome of each. The outcomes hold once that head is stored.

    retried  lines of writes that an earlier try has applied. It may have been interrupted before its line.
    """

    stored: SessionHead
    head: SessionHead
    contents: list[Item] = field(default_factory=list)
    lines: list[ActivityLine | None] = field(default_factory=list)
    retried: list[ActivityLine | None] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def note_in(self, writes: Sequence[Write]) -> None:
        """Notes in each write what this plan makes of it, in case that the response is lost."""
        if self.head.metadata.version > self.stored.metadata.version:
            newest = self.head.revisions[0]
            for write, outcome in zip(writes, self.outcomes, strict=True):
                write.planned = outcome, newest

    @property
    def named_contents(self) -> list[Item]:
        """The contents that the head names. It names none if the group ends with a deletion."""
        return [content for content in self.contents if content["id"] in self.head.content_ids]


class SessionCommits:
    """Applies edits to sessions. In one process, the writers of one session take turns. Those who wait at the same
    time share one commit, and each of their edits is a version."""

    def __init__(
        self, heads: SessionHeads, contents: SessionContents, shared: Shared, rules: SessionRules
    ) -> None:
        self._heads, self._contents, self._rules = heads, contents, rules
        self._limits, self._activity = shared.limits, shared.activity
        self._late_lines = LateLines(shared.activity)
        self._queues = Keyed(WriteQueue)

    async def commit(
        self, owner_id: str, session_id: str, edit: Edit | SaveDelta, conditions: Conditions = NO_CONDITIONS
    ) -> Committed:
        """Applies an edit and returns what was stored. Nothing is written if the edit changes nothing, or if an
        earlier try of the same write was applied.

        No write is based on a stale read: if a newer version is known, the read is repeated. If the edit changes
        nothing, the result is only as fresh as the read. Contents that the head no longer names are removed in the
        background.
        Raises what the edit raises; Changed if the conditions are not met; Gone, NotFound, KeyReused, TooMany,
        StorageFull; Contended after ten lost attempts. One point read and one compare-and-set for each attempt,
        shared with the other writers who were waiting. They pay no read if they waited for a commit.
        """
        queue = self._queues[owner_id, session_id]
        return await queue.run(Write(edit, conditions), partial(self._commit, owner_id, session_id))

    async def _commit(
        self, owner_id: str, session_id: str, writes: Sequence[Write], latest: Versioned[SessionHead] | None
    ) -> Versioned[SessionHead] | None:
        tags = (tag for write in writes for tag in write.conditions.if_match or ())
        reads = HeadReads(self._heads, owner_id, session_id, tags)
        async with self._limits.turn(owner_id):
            async for attempt in Attempts():
                current = await reads.read(attempt, None if attempt else latest)
                if current is None:
                    continue
                plan = await self.plan(current.document, writes)
                replaced = None
                if plan.head is not plan.stored:
                    plan.note_in(writes)
                    await self.tell_before_deletion(plan)
                    replaced = await self._heads.try_replace(
                        plan.head, current.etag, plan.named_contents, self._activity.items(plan.lines)
                    )
                    if replaced is None:
                        reads.lost(current.etag)
                        continue
                await self._activity.note_all(plan.retried)
                for write, outcome in zip(writes, plan.outcomes, strict=True):
                    write.outcome = outcome
                self.committed(plan)
                return replaced
        raise Contended("session", session_id)

    @asynccontextmanager
    async def turns(self, owner_id: str, session_ids: Iterable[str]) -> AsyncIterator[None]:
        """Keeps the other writers of these sessions in this process waiting. Waits until it is its turn in each.

        Every caller waits for the sessions in the same order, so that no two wait for each other.
        """
        async with AsyncExitStack() as stack:
            for session_id in sorted(session_ids):
                await stack.enter_async_context(self._queues[owner_id, session_id].turn())
            yield

    async def plan(self, stored: SessionHead, writes: Sequence[Write], *, check_limits: bool = True) -> Plan:
        """Applies the edits one after the other, each to what the one before has left. Writes nothing."""
        plan = Plan(stored, stored)
        for write in writes:
            try:
                outcome: Outcome = await self._apply(plan, write, check_limits)
            except PersistenceError as exc:
                outcome = exc
            plan.outcomes.append(outcome)
        return plan

    def committed(self, plan: Plan) -> None:
        """Starts the removal of contents that the new head no longer names, and keeps the new one in memory.

        The timer removes the contents of a deleted session, and those of attempts that failed. Nothing of an owner
        who has deleted a session stays in memory.
        """
        owner_id = plan.head.owner_id
        if plan.head.status is SessionStatus.DELETED:
            self._contents.forget(owner_id)
            return
        self._contents.remove_later(owner_id, plan.stored.content_ids - plan.head.content_ids)
        for content in plan.contents:
            if content["id"] == plan.head.content_id:
                self._contents.committed(plan.head, content[PAYLOAD])

    async def tell_before_deletion(self, plan: Plan) -> None:
        """A tombstone has no history. So lines that interrupted commits of the session lack are written first."""
        newest = plan.head.revisions[0]
        if newest.action is SessionAction.DELETED and not is_erasure(newest):
            await self._late_lines.write(plan.stored, now())

    async def _apply(self, plan: Plan, write: Write, check_limits: bool) -> Committed:
        head, edit = plan.head, write.edit
        if (lost := write.lost_outcome(head)) is not None:
            if isinstance(lost, PersistenceError):
                raise lost
            if lost.after is not lost.before:
                plan.retried.append(line_of(lost.before, lost.after))
            return lost
        if (revision := head.revision_by(edit.save_id)) is not None:
            plan.retried.append(line_of_retried(head, revision))
            return Committed(head, head, revision)
        self._heads.check_live(head, or_trashed=edit.reaches_trash)
        _check(head, edit, write.conditions)
        if isinstance(edit, SaveDelta):
            edit = await edit.on(head, plan.contents)
        await self._look_before_pruning(head)
        edited = edit.apply(head)
        if edited is None:
            if isinstance(edit, Name):
                # A retry is not recognised by its save id, because a naming makes no version.
                plan.retried.append(line_of_naming(head, find_revision(head, edit.version)))
            return Committed(head, head)
        if check_limits:
            await self._limits.check(head.owner_id, growth(plan.stored, edited.head))
        plan.head = edited.head
        plan.lines.append(line_of(head, edited.head))
        if edited.content is not None:
            plan.contents.append(edited.content)
        return Committed(head, edited.head)

    async def _look_before_pruning(self, head: SessionHead) -> None:
        """Reads the rule in force if the next version may prune the history. If it cannot be read and was never
        read, nothing is pruned: a later save does it."""
        if self._rules.kept is None or len(head.revisions) < self._rules.keep_revisions:
            return
        try:
            await self._rules.kept.look()
        except PersistenceError as exc:
            _log.warning("A history is pruned by the rules as they were known: %s", named(exc))


def _check(head: SessionHead, edit: Edit | SaveDelta, conditions: Conditions) -> None:
    edit.check(head)
    etag = head.metadata.etag
    if etag in conditions.if_none_match or (conditions.if_match is not None and etag not in conditions.if_match):
        raise Changed("session", head.id, head)


def growth(before: SessionHead | None, after: SessionHead) -> Growth:
    """Returns what a change adds to what its owner keeps. `before` is None for a new session."""
    things: Counter[str] = Counter()
    for head, number in ((before, -1), (after, 1)):
        if head is not None and head.status in _COUNTED:
            things[_COUNTED[head.status]] += number
    kept = after.kept_bytes - (0 if before is None else before.kept_bytes)
    return Growth(things, _stored_bytes(after) - _stored_bytes(before), kept)


def _stored_bytes(head: SessionHead | None) -> int:
    return head.metadata.content_bytes if head is not None and head.status in _COUNTED else 0
