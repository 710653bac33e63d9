"""Drafts: sessions that save themselves before anyone presses Save, under ids that the client makes.

A draft is a session document of the status `draft`; promoting keeps its id and everything saved.
"""

import asyncio
from collections.abc import Collection as SetOf
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from persistence.content import pack
from persistence.documents import (
    NewSession,
    SessionAction,
    SessionChange,
    SessionHead,
    SessionStatus,
    SessionSummary,
    is_id,
    new_id,
)
from persistence.errors import Contended, Gone, InvalidMember, ItemExists, NotFound
from persistence.retry import Attempts
from persistence.sessions.reads import OpenedSession
from persistence.sessions.rules import with_digest_of_save
from persistence.sessions.store import SessionStore
from persistence.storage.query import Filter, Operator, Page, Sort

UNTITLED = "Untitled"
"""What a draft is called until someone gives it a name."""

_DRAFT = frozenset({SessionStatus.DRAFT})
_RECENTLY_SAVED = Sort("metadata.updated_at", descending=True)
_RECENTLY_ACCESSED = Sort("metadata.last_accessed_at", descending=True)
_RESTORABLE_DRAFTS = 20


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a person can go on with: the active session that was open last, and the drafts, newest first."""

    active: SessionSummary | None
    drafts: list[SessionSummary]


class DraftStore:
    """A person's drafts. Raises as `SessionStore`; where an id is an active or closed session's, IllegalMove."""

    def __init__(self, sessions: SessionStore, retention: timedelta) -> None:
        self._sessions, self._retention = sessions, retention
        self.filters = sessions.filters

    def purges_at(self, draft: SessionSummary) -> datetime | None:
        """When the timer takes it, unless it is saved or opened before. None for what is no draft."""
        if draft.status is not SessionStatus.DRAFT:
            return None
        return draft.metadata.last_accessed_at + self._retention

    async def put(
        self,
        owner_id: str,
        draft_id: str,
        change: SessionChange,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
        *,
        only_new: bool = False,
        unless: SetOf[str] = (),
        must_exist: bool = False,
        autosave: bool = True,
    ) -> tuple[SessionHead, bool]:
        """The draft after the save, and whether this attempt made it. With `only_new`, Changed is raised where
        it is there; with `if_match` or `must_exist`, NotFound where it is not. Raises InvalidMember where a new
        one has no content, and otherwise as `SessionStore.save`."""
        save_id = save_id or new_id()
        may_create = only_new or not (must_exist or if_match is not None)
        if only_new:
            if_match = frozenset()  # no ETag at all: holds for nothing that is there
        packed = None if change.content is None else pack(change.content)
        change = change.model_copy(update={"content": packed})
        made_by = with_digest_of_save(save_id, change, packed)
        async for _ in Attempts():
            try:
                head = await self._sessions.save(
                    owner_id, draft_id, change, if_match, save_id, unless, autosave=autosave, editable=_DRAFT
                )
                return head, _was_made_by(made_by, head)
            except NotFound:
                if not (may_create and is_id(draft_id)):
                    raise
            try:
                return await self._create(owner_id, draft_id, change, made_by), True
            except ItemExists:
                # Made meanwhile, by another tab or by this attempt's own first try: the save finds out which,
                # as soon as reads show it.
                continue
        raise Contended("draft", draft_id)

    async def get(self, owner_id: str, draft_id: str, unless: SetOf[str] = ()) -> OpenedSession:
        """The draft and its content. Raises NotFound for what is no draft (any more). Two point reads."""
        opened = await self._sessions.get(owner_id, draft_id, unless)
        if opened.head.status is not SessionStatus.DRAFT:
            raise NotFound("draft", draft_id)
        return opened

    async def find_latest(self, owner_id: str, filters: Sequence[Filter] = ()) -> OpenedSession | None:
        """The draft that was saved last. One query and two point reads."""
        async for _ in Attempts():
            newest = await self._first(owner_id, SessionStatus.DRAFT, filters, _RECENTLY_SAVED)
            if newest is None:
                break
            try:
                return await self.get(owner_id, newest.id)
            except (NotFound, Gone):
                continue  # promoted or discarded since it was listed
        return None

    async def page(
        self, owner_id: str, filters: Sequence[Filter] = (), page_size: int = 10, cursor: str | None = None
    ) -> Page[SessionSummary]:
        """A page of the drafts, the last saved first. One query in one partition, over heads alone."""
        drafts = self._of_status(SessionStatus.DRAFT)
        return await self._sessions.page(owner_id, [*filters, drafts], _RECENTLY_SAVED, page_size, cursor)

    async def restorable(self, owner_id: str, filters: Sequence[Filter] = ()) -> Restorable:
        """Everything that a picker shows on load, from heads alone. Two queries in one partition."""
        active, drafts = await asyncio.gather(
            self._first(owner_id, SessionStatus.ACTIVE, filters, _RECENTLY_ACCESSED),
            self.page(owner_id, filters, _RESTORABLE_DRAFTS),
        )
        return Restorable(active, drafts.items)

    async def promote(
        self,
        owner_id: str,
        draft_id: str,
        if_match: SetOf[str] | None = None,
        save_id: str | None = None,
    ) -> SessionHead:
        """Makes it an active session of the same id, with everything that was saved."""
        return await self._sessions.move(owner_id, draft_id, SessionAction.PROMOTED, if_match, save_id)

    async def discard(self, owner_id: str, draft_id: str, if_match: SetOf[str] | None = None) -> None:
        """Deletes it for good."""
        await self._sessions.delete(owner_id, draft_id, if_match, status=SessionStatus.DRAFT)

    async def _create(self, owner_id: str, draft_id: str, change: SessionChange, save_id: str) -> SessionHead:
        if change.content is None:
            raise InvalidMember("content", "is needed to make a draft")
        new = NewSession(
            title=change.title or UNTITLED,
            description=change.description,
            content=change.content,
            app=change.app or None,
            device_info=change.device_info,
            media_type=change.media_type,
        )
        return await self._sessions.create_draft(owner_id, draft_id, new, save_id)

    async def _first(
        self, owner_id: str, status: SessionStatus, filters: Sequence[Filter], sort: Sort
    ) -> SessionSummary | None:
        of_status = [*filters, self._of_status(status)]
        page = await self._sessions.page(owner_id, of_status, sort, page_size=1)
        while not page.items and page.cursor is not None:
            # What cannot be read is left out of lists: the first that can be may be on a later page.
            page = await self._sessions.page(owner_id, of_status, sort, page_size=1, cursor=page.cursor)
        return page.items[0] if page.items else None

    def _of_status(self, status: SessionStatus) -> Filter:
        return self.filters.create("status", status, Operator.EQUAL)


def _was_made_by(save_id: str, head: SessionHead) -> bool:
    newest = head.revisions[0]
    return newest.action is SessionAction.CREATED and newest.save_id == save_id
