"""Versions from an export that become the history of a session, as pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from persistence.documents import now, timestamp_text
from persistence.imports.lines import ImportedSession, ImportedVersion
from persistence.sessions.contents import new_content
from persistence.sessions.documents import SessionHead, SessionMetadata
from persistence.sessions.edits import Edited
from persistence.sessions.revisions import Revision
from persistence.sessions.rules import SessionRules
from persistence.storage.engine import Item


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows of a history, newest first, and the new content items that they name."""

    rows: tuple[Revision, ...]
    contents: tuple[Item, ...]


def prepare(
    owner_id: str,
    session_id: str,
    versions: Sequence[ImportedVersion],
    stored: Sequence[Revision],
    rules: SessionRules,
) -> Prepared:
    """Returns the versions that fit beside the `stored` rows. Leaves out those whose content is nowhere."""
    named = {row.content_hash: (row.content_id, row.content_bytes) for row in stored if row.content_id is not None}
    sent = {one.content_hash: one.content for one in versions if one.content is not None}
    rows = fitting(stored, (_row(one) for one in versions if one.content_hash in named | sent), rules)
    contents = list[Item]()
    for row in rows:
        if row.content_hash not in named:
            packed = sent[row.content_hash]
            item = new_content(owner_id, session_id, packed)
            contents.append(item)
            named[row.content_hash] = (item["id"], packed.size)
    complete = []
    for row in rows:
        content_id, content_bytes = named[row.content_hash]
        complete.append(row._replace(content_id=content_id, content_bytes=content_bytes))
    return Prepared(tuple(complete), tuple(contents))


def fitting(stored: Sequence[Revision], rows: Iterable[Revision], rules: SessionRules) -> list[Revision]:
    """Returns the rows that are not stored and fit beside those that are, newest first."""
    named = sum(row.name is not None for row in stored)
    room = {True: rules.named_max - named, False: rules.keep_revisions - (len(stored) - named)}
    taken, fits = {row.version for row in stored}, []
    for row in sorted(rows, key=_version, reverse=True):
        is_named = row.name is not None
        if row.version not in taken and room[is_named] > 0:
            room[is_named] -= 1
            taken.add(row.version)
            fits.append(row)
    return fits


def imported_head(
    owner_id: str,
    session_id: str,
    source: ImportedSession,
    rows: tuple[Revision, ...],
    copied_by: str,
    rules: SessionRules,
) -> SessionHead:
    """Returns the head of a new session with this history. Its last access is now."""
    current, newest = source.current, rows[0]
    assert current is not None, "without its line nothing is created"
    head = SessionHead(
        id=session_id,
        owner_id=owner_id,
        app=current.app,
        status=current.status,
        metadata=SessionMetadata(
            title=newest.title,
            description=current.description or None,
            created_at=min(current.created_at, now()),
            updated_at=newest.saved_at,
            last_accessed_at=now(),
            content_hash=newest.content_hash,
            content_bytes=newest.content_bytes,
            version=newest.version,
            device_info=newest.device_info,
            media_type=newest.media_type,
        ),
        content_id=newest.content_id,
        copied_by=copied_by,
        revisions=rows,
    )
    return head.model_copy(update={"schema_version": rules.stored_format})


@dataclass(frozen=True, slots=True)
class AddHistory:
    """Adds older versions to a history. Makes no version. It replaces the head, so it competes with saves.

    new_ids  the ids of new contents. Other contents that the rows name must still be named by the head: what has
             left a history may be removed at any moment.
    """

    rows: tuple[Revision, ...]
    new_ids: frozenset[str]
    save_id: str
    rules: SessionRules
    reaches_trash: ClassVar[bool] = False

    def check(self, head: SessionHead) -> None:
        """Every status is allowed: the content stays as it is."""

    def apply(self, head: SessionHead) -> Edited | None:
        contents = self.new_ids | head.content_ids
        sound = (row for row in self.rows if row.content_id in contents and row.version < head.metadata.version)
        added = fitting(head.revisions, sound, self.rules)
        if not added:
            return None
        revisions = tuple(sorted((*head.revisions, *added), key=_version, reverse=True))
        changed = {"revisions": revisions, "schema_version": self.rules.stored_format}
        return Edited(head.model_copy(update=changed))


def _row(one: ImportedVersion) -> Revision:
    # Without a save id. So no retry takes it for its own, and no line of activity is written for it.
    return Revision(
        version=one.version,
        action=one.action,
        saved=timestamp_text(min(one.saved_at, now())),
        title=one.title,
        content_id=None,
        content_hash=one.content_hash,
        content_bytes=0,
        device_info=one.device_info,
        media_type=one.media_type,
        name=one.name,
    )


def _version(row: Revision) -> int:
    return row.version
