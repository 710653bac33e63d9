"""A session's history: how a revision enters it, and which ones stay."""

from dataclasses import replace
from datetime import timedelta

from persistence.documents import now, timestamp_text
from persistence.errors import InvalidCursor, NotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead, SessionStatus
from persistence.sessions.revisions import Revision, SessionAction
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.storage.query import Filter, Operator, Page, Query, Sort

_NEWEST_FIRST = Sort("version", descending=True)
_ONLY_THE_DELETION = replace(DEFAULT_RULES, keep_revisions=1)


def with_revision(changed: SessionHead, action: SessionAction, save_id: str, rules: SessionRules) -> SessionHead:
    """Returns a changed head as the next version, with one more revision.

    `changed` still has the version and the history of the stored head. An autosave takes the place of the autosave
    just before it if both lie within `rules.coalesce`. Its time is that of the clock, also if the clock was put
    back: versions have an order of their own.
    """
    saved_at = now()
    version = changed.metadata.version + 1
    times = {"version": version, "updated_at": saved_at, "last_accessed_at": saved_at}
    head = changed.model_copy(update={"metadata": changed.metadata.model_copy(update=times)})
    newest, older = as_revision(head, action, save_id), changed.revisions
    if action is SessionAction.AUTOSAVED:
        newest, older = _coalesced(newest, older, rules.coalesce)
    kept = _kept((newest, *older), rules.keep)
    history = {"revisions": _without_old_save_ids(kept), "remembered": _remembered(changed, kept)}
    return head.model_copy(update={**history, "schema_version": rules.stored_format})


def as_revision(head: SessionHead, action: SessionAction, save_id: str) -> Revision:
    """Returns the revision that describes this head."""
    metadata = head.metadata
    return Revision(
        version=metadata.version,
        action=action,
        saved=timestamp_text(metadata.updated_at),
        save_id=save_id,
        device_info=metadata.device_info,
        title=metadata.title,
        content_id=head.content_id,
        content_hash=metadata.content_hash,
        content_bytes=metadata.content_bytes,
        media_type=metadata.media_type,
    )


def find_revision(head: SessionHead, version: int) -> Revision:
    """Returns that version's revision. Raises NotFound if it is not in the history."""
    for revision in head.revisions:
        if revision.version == version:
            return revision
    raise NotFound("revision", str(version))


def previous_version(head: SessionHead, revision: Revision) -> int | None:
    """Returns the newest older version with another content. None if the history has none."""
    older = (one for one in head.revisions if one.version < revision.version)
    return next((one.version for one in older if one.content_hash != revision.content_hash), None)


def page_of_history(head: SessionHead, page_size: int, cursor: str | None) -> Page[Revision]:
    """Returns one page of the history, newest first. Raises InvalidCursor."""
    of_session = (Filter("session_id", Operator.EQUAL, head.id),)
    query = Query("revision", head.owner_id, (), of_session, _NEWEST_FIRST, page_size, cursor)
    rest = head.revisions
    if (position := query.position()) is not None:
        last = position.value
        if not isinstance(last, int):
            raise InvalidCursor
        rest = tuple(one for one in rest if one.version < last)
    shown = list(rest[:page_size])
    if len(rest) <= page_size:
        return Page(shown, None)
    return Page(shown, query.cursor_after({"version": shown[-1].version, "id": head.id}))


def find_base(head: SessionHead, etag: str) -> Revision | None:
    """Returns the version that had this ETag, if the head still names its content: those of the history, and the
    remembered ones."""
    known = (*head.revisions, *head.remembered)
    return next((one for one in known if one.etag == etag and one.content_id is not None), None)


def tombstone(head: SessionHead, save_id: str) -> SessionHead:
    """Returns what is left of a deleted session: its id, its owner and when it was deleted."""
    metadata = head.metadata.model_copy(update={"title": "", "description": None, "device_info": None})
    nothing = {"metadata": metadata, "status_before": None, "content_id": None, "revisions": (), "remembered": ()}
    emptied = head.model_copy(update={**nothing, "status": SessionStatus.DELETED})
    deleted = with_revision(emptied, SessionAction.DELETED, save_id, _ONLY_THE_DELETION)
    at = deleted.metadata.updated_at
    times = {"deleted_at": at, "unsettled_at": at}
    return deleted.model_copy(update={**times, "schema_version": head.schema_version})


def without_growth(deleted: SessionHead) -> SessionHead:
    """Returns a deleted head that takes no more bytes than the head before it, for a partition that is full.

    No content is lost: in the trash, the deletion takes the row of the version before it, which has the same
    content, and its name. Retries of earlier writes are not recognised any more.
    """
    newest, *older = (one._replace(save_id=None) for one in deleted.revisions)
    if deleted.status is SessionStatus.TRASHED:
        newest = newest._replace(save_id=deleted.revisions[0].save_id)
        if older:
            newest = newest._replace(name=older[0].name, named=older[0].named)
    return deleted.model_copy(update={"revisions": (newest, *older[1:]), "remembered": ()})


def _coalesced(
    newest: Revision, older: tuple[Revision, ...], span: timedelta
) -> tuple[Revision, tuple[Revision, ...]]:
    """Returns an autosave as it enters the history, and the history without the autosave that it replaces."""
    if older and older[0].action is SessionAction.AUTOSAVED and older[0].name is None:
        # Less than zero: the clock was put back, and nobody knows how much time lies between the two.
        if timedelta() <= newest.saved_at - older[0].since < span:
            return newest._replace(began=older[0].began or older[0].saved), older[1:]
    return newest, older


def _kept(revisions: tuple[Revision, ...], keep: float) -> tuple[Revision, ...]:
    """Returns the newest revision, all that have a name, and at most `keep` - 1 others.

    Autosaves are removed first, oldest first: an hour of them must not push deliberate saves out of the history.
    """
    unnamed = [one for one in revisions if one.name is None]
    surplus = len(unnamed) - keep
    if surplus <= 0:
        return revisions
    oldest_first = unnamed[:0:-1]
    oldest_first.sort(key=lambda one: one.action is not SessionAction.AUTOSAVED)
    gone = {one.version for one in oldest_first[: int(surplus)]}
    return tuple(one for one in revisions if one.version not in gone)


def _without_old_save_ids(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    """Returns the revisions without the save ids that need not be remembered any more."""
    until = revisions[0].version - REMEMBERED_VERSIONS
    return tuple(
        one._replace(save_id=None) if one.save_id is not None and one.version <= until else one
        for one in revisions
    )


def _remembered(before: SessionHead, revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    """Returns recent revisions that are no longer in the history, newest first."""
    newest, kept = revisions[0].version, {one.version for one in revisions}
    left = [one for one in before.revisions if one.version not in kept]
    recent = [one for one in (*left, *before.remembered) if newest - one.version < REMEMBERED_VERSIONS]
    return tuple(sorted(recent, key=lambda one: one.version, reverse=True))
