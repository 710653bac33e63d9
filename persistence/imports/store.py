"""The import of sessions and drafts from the lines of an export. Each session is imported by itself."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from persistence.call_time import CallTime
from persistence.conditions import Conditions
from persistence.documents import derived_id, new_id
from persistence.errors import (
    Contended,
    Gone,
    ItemExists,
    NotFound,
    PersistenceError,
    StoreUnavailable,
    Unfinished,
)
from persistence.imports.history import AddHistory, imported_head, prepare
from persistence.imports.lines import (
    CurrentState,
    ImportedSession,
    ImportedVersion,
    ImportMode,
    LineOutcome,
    LineReport,
    refused,
    skipped,
)
from persistence.retry import Attempts
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared

_AT_ONCE = 8
_NEWEST_IS_MISSING = "Its newest version is not in this call, or has no content: send both lines together."
_SESSION_IS_MISSING = "Its session is not imported: send the lines of the session and its newest version first."
_IN_TRASH = "It was in the trash."
_TAKEN = "There is a session with this id."
_OWN_HISTORY = "There is a session with this id, and it keeps its own history."
_NO_ROOM = "The history has no room for it, or its content is in no call so far."


@dataclass(frozen=True, slots=True)
class _Import:
    """One session of one import.

    id   where it goes
    tag  is stored in the head that this import creates, so that repeats and later calls know it
    """

    owner_id: str
    mode: ImportMode
    source: ImportedSession
    id: str
    tag: str

    @property
    def newest(self) -> tuple[CurrentState, ImportedVersion] | None:
        """The line of the session, and that of its newest version. None unless both are here, with the content."""
        current = self.source.current
        if current is None:
            return None
        wanted = (current.version, current.content_hash)
        newest = (one for one in self.source.versions if (one.version, one.content_hash) == wanted and one.content)
        return next(((current, one) for one in newest), None)

    def report(self, kept: Collection[tuple[int, str]], otherwise: str) -> list[LineReport]:
        """Reports each version as imported if it is among those that were `kept`, and else as skipped."""
        current = self.source.current
        reports = [] if current is None else [LineReport(current.number, LineOutcome.IMPORTED, self.id)]
        for one in self.source.versions:
            is_kept = (one.version, one.content_hash) in kept
            imported = LineReport(one.number, LineOutcome.IMPORTED, self.id)
            reports.append(imported if is_kept else skipped(one.number, otherwise))
        return reports

    def all_skipped(self, why: str) -> list[LineReport]:
        return [skipped(number, why) for number in self.source.numbers]

    def all_refused(self, why: str) -> list[LineReport]:
        return [refused(number, why) for number in self.source.numbers]


class ImportStore:
    """Imports sessions with their history. All calls with one import id meet at the same sessions, repeats too."""

    def __init__(self, shared: Shared, sessions: SessionStore, rules: SessionRules = DEFAULT_RULES) -> None:
        self._activity, self._sessions, self._rules = shared.activity, sessions, rules

    async def run(
        self, owner_id: str, import_id: str, mode: ImportMode, sessions: Sequence[ImportedSession]
    ) -> list[LineReport]:
        """Imports the sessions, a few at a time, and returns a report for each of their lines.

        A session that is refused does not stop the others. Raises StoreUnavailable, and Unfinished if the time is
        over: a repeat continues. One read and one commit for each session, and a create for each content if they
        do not fit into the commit.
        """
        few, call_time = asyncio.Semaphore(_AT_ONCE), CallTime()

        async def one(source: ImportedSession) -> list[LineReport] | None:
            """Returns None if the time is over."""
            async with few:
                if call_time.is_over:
                    return None
                names = owner_id, import_id, source.id
                id = derived_id(*names) if mode is ImportMode.COPY else source.id
                wanted = _Import(owner_id, mode, source, id, "import-" + derived_id("import", *names))
                try:
                    return await self._import(wanted)
                except StoreUnavailable:
                    raise
                except PersistenceError as exc:
                    return wanted.all_refused(str(exc))

        try:
            async with call_time.limit():
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(source)) for source in sessions]
                done = [each for task in tasks if (each := task.result()) is not None]
                reports = [report for each in done for report in each]
                if any(report.outcome is LineOutcome.IMPORTED for report in reports):
                    await self._activity.note_import(owner_id, import_id)
        except ExceptionGroup as faults:
            # Callers catch by class, so one fault stands for the group.
            raise faults.exceptions[0] from faults
        except TimeoutError:
            raise Unfinished from None
        if len(done) < len(tasks):
            raise Unfinished
        return reports

    async def _import(self, wanted: _Import) -> list[LineReport]:
        async for _ in Attempts():
            try:
                head = await self._sessions.get_head(wanted.owner_id, wanted.id)
            except NotFound:
                try:
                    return await self._create(wanted)
                except ItemExists:
                    continue  # a repeat of this call was faster
            except Gone:
                if wanted.mode is ImportMode.SKIP:
                    return wanted.all_skipped(_TAKEN)
                raise
            if head.copied_by == wanted.tag:
                return await self._add_history(wanted, head)
            if wanted.mode is ImportMode.REPLACE:
                return await self._replace(wanted)
            return wanted.all_skipped(_TAKEN)
        raise Contended("session", wanted.id)

    async def _create(self, wanted: _Import) -> list[LineReport]:
        source, owner_id, id, rules = wanted.source, wanted.owner_id, wanted.id, self._rules
        if source.current is None:
            return wanted.all_refused(_SESSION_IS_MISSING)
        if source.current.status in (SessionStatus.TRASHED, SessionStatus.DELETED):
            return wanted.all_skipped(_IN_TRASH)
        if wanted.newest is None:
            return wanted.all_refused(_NEWEST_IS_MISSING)
        _, newest = wanted.newest
        if not rules.named_max:
            newest = replace(newest, name=None)  # it is kept without its name
        older = [one for one in source.versions if one.version < newest.version]
        prepared = prepare(owner_id, id, [newest, *older], (), rules)
        head = imported_head(owner_id, id, source, prepared.rows, wanted.tag, rules)
        await self._sessions.create_whole(head, prepared.contents)
        return wanted.report({(row.version, row.content_hash) for row in prepared.rows}, _NO_ROOM)

    async def _add_history(self, wanted: _Import, head: SessionHead) -> list[LineReport]:
        """Adds the versions that an earlier call with this import id has not brought."""
        owner_id, id = wanted.owner_id, wanted.id
        prepared = prepare(owner_id, id, wanted.source.versions, head.revisions, self._rules)
        if prepared.rows:
            new_ids = frozenset(item["id"] for item in prepared.contents)
            edit = AddHistory(prepared.rows, new_ids, new_id(), self._rules)
            head = await self._sessions.add_history(head, edit, prepared.contents)
        return wanted.report({(row.version, row.content_hash) for row in head.revisions}, _NO_ROOM)

    async def _replace(self, wanted: _Import) -> list[LineReport]:
        """Saves the newest version on a session of the person. The save id makes a repeat harmless."""
        if wanted.newest is None:
            missing = _NEWEST_IS_MISSING if wanted.source.current else None
            return wanted.all_refused(missing) if missing else wanted.all_skipped(_OWN_HISTORY)
        current, newest = wanted.newest
        change = SessionChange(
            title=newest.title,
            description=current.description or "",
            content=newest.content,
            app=current.app or "",
            device_info=newest.device_info,
            media_type=newest.media_type,
        )
        await self._sessions.save(wanted.owner_id, wanted.id, change, Conditions(save_id=wanted.tag))
        return wanted.report({(newest.version, newest.content_hash)}, _OWN_HISTORY)
