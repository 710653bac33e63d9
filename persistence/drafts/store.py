"""Drafts: sessions that save themselves before the user presses Save, under ids that the client makes.

A draft is a session of status `draft`. Promoting it keeps its id and everything that was saved.
"""

import asyncio
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from persistence.conditions import NO_CONDITIONS, Conditions
from persistence.documents import is_id, new_id
from persistence.errors import Contended, Gone, InvalidMember, ItemExists, NotFound
from persistence.retry import Attempts
from persistence.sessions.documents import NewSession, SessionChange, SessionHead, SessionStatus, SessionSummary
from persistence.sessions.edits import with_digest_of_save
from persistence.sessions.reads import OpenedSession
from persistence.sessions.revisions import SessionAction
from persistence.sessions.store import SessionStore
from persistence.storage.query import Filter, Operator, Page, Sort

UNTITLED = "Untitled"
"""The title of a draft that was saved without one."""

_DRAFT = frozenset({SessionStatus.DRAFT})
_RECENTLY_SAVED = Sort("metadata.updated_at", descending=True)
_RECENTLY_ACCESSED = Sort("metadata.last_accessed_at", descending=True)
_RESTORABLE_DRAFTS = 20


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a person can continue: the active session that was open last, and the drafts, newest first."""

    active: SessionSummary | None
    drafts: list[SessionSummary]


class DraftStore:
    """The drafts of all owners. Raises as `SessionStore`, and IllegalMove for the id of an active or closed
    session."""

    def __init__(self, sessions: SessionStore, retention: timedelta) -> None:
        self._sessions, self._retention = sessions, retention
        self.filters = sessions.filters

    def purges_at(self, draft: SessionSummary) -> datetime | None:
        """Returns when the timer deletes the draft if it is neither saved nor opened before. None for a session
        that is no draft."""
        if draft.status is not SessionStatus.DRAFT:
            return None
        return draft.metadata.last_accessed_at + self._retention

    async def put(
        self,
        owner_id: str,
        draft_id: str,
        change: SessionChange,
        conditions: Conditions = NO_CONDITIONS,
        *,
        autosave: bool = True,
    ) -> tuple[SessionHead, bool]:
        """Saves a draft. Creates it if there is none and `if_match` is None. Returns it, and True if it is new.

        `ANY_TAG` as `if_none_match` allows only a new draft: then `if_match` is ignored, and Changed is raised if
        the draft exists. Raises NotFound if it does not exist and `if_match` is given. Raises InvalidMember if a
        new draft has no content. Otherwise as `SessionStore.save`.
        """
        save_id = conditions.save_id or new_id()
        if_match = None if conditions.only_new else conditions.if_match
        conditions = replace(conditions, if_match=if_match, save_id=save_id)
        created_by = with_digest_of_save(save_id, change)
        async for _ in Attempts():
            try:
                head = await self._sessions.save(
                    owner_id, draft_id, change, conditions, autosave=autosave, editable=_DRAFT
                )
                return head, _was_created_by(created_by, head)
            except NotFound:
                if if_match is not None or not is_id(draft_id):
                    raise
            try:
                return await self._create(owner_id, draft_id, change, created_by), True
            except ItemExists:
                # Created meanwhile, by another tab or by this write's own first try. The next save finds out
                # which, as soon as reads show it.
                continue
        raise Contended("draft", draft_id)

    async def get(
        self, owner_id: str, draft_id: str, if_none_match: Set[str] = frozenset(), *, touch: bool = True
    ) -> OpenedSession:
        """Returns a draft with its content, as `SessionStore.get`. Raises NotFound for a session that is no draft
        (any more). Two point reads."""
        opened = await self._sessions.get(owner_id, draft_id, if_none_match, touch=touch)
        if opened.head.status is not SessionStatus.DRAFT:
            raise NotFound("draft", draft_id)
        return opened

    async def find_latest(
        self, owner_id: str, filters: Sequence[Filter] = (), *, touch: bool = True
    ) -> OpenedSession | None:
        """Returns the draft that was saved last, as `get`, or None. One query and two point reads."""
        async for _ in Attempts():
            newest = await self._first(owner_id, SessionStatus.DRAFT, filters, _RECENTLY_SAVED)
            if newest is None:
                break
            try:
                return await self.get(owner_id, newest.id, touch=touch)
            except (NotFound, Gone):
                continue  # promoted or discarded since it was listed
        return None

    async def page(
        self, owner_id: str, filters: Sequence[Filter] = (), page_size: int = 10, cursor: str | None = None
    ) -> Page[SessionSummary]:
        """Returns a page of drafts, the last saved first. One query in one partition, over heads alone."""
        drafts = self._of_status(SessionStatus.DRAFT)
        return await self._sessions.page(owner_id, [*filters, drafts], _RECENTLY_SAVED, page_size, cursor)

    async def restorable(self, owner_id: str, filters: Sequence[Filter] = ()) -> Restorable:
        """Returns what a picker shows on load, from heads alone. Two queries in one partition."""
        active, drafts = await asyncio.gather(
            self._first(owner_id, SessionStatus.ACTIVE, filters, _RECENTLY_ACCESSED),
            self.page(owner_id, filters, _RESTORABLE_DRAFTS),
        )
        return Restorable(active, drafts.items)

    async def promote(self, owner_id: str, draft_id: str, conditions: Conditions = NO_CONDITIONS) -> SessionHead:
        """Makes a draft an active session of the same id, with everything that was saved."""
        return await self._sessions.move(owner_id, draft_id, SessionAction.PROMOTED, conditions)

    async def discard(
        self, owner_id: str, draft_id: str, if_match: Collection[str] | None = None, *, purge: bool = False
    ) -> None:
        """Moves a draft to the trash, or deletes it for good, as `SessionStore.delete`."""
        await self._sessions.delete(owner_id, draft_id, if_match, status=SessionStatus.DRAFT, purge=purge)

    async def _create(self, owner_id: str, draft_id: str, change: SessionChange, save_id: str) -> SessionHead:
        if change.content is None:
            raise InvalidMember("content", "is needed to create a draft")
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
            # Lists leave out damaged items: the first sound one may be on a later page.
            page = await self._sessions.page(owner_id, of_status, sort, page_size=1, cursor=page.cursor)
        return page.items[0] if page.items else None

    def _of_status(self, status: SessionStatus) -> Filter:
        return self.filters.create("status", status, Operator.EQUAL)


def _was_created_by(save_id: str, head: SessionHead) -> bool:
    newest = head.revisions[0]
    return newest.action is SessionAction.CREATED and newest.save_id == save_id
