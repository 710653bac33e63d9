"""Copies of sessions, made on the server."""

from persistence.documents import title_with
from persistence.sessions.documents import NewSession
from persistence.sessions.history import find_revision
from persistence.sessions.reads import SessionReads


async def as_new(
    sessions: SessionReads, owner_id: str, session_id: str, version: int | None = None, title: str | None = None
) -> NewSession:
    """Returns what creates a copy of a session, or of a version in its history. Its content stays packed.

    Description and app are those of the session as it is now. Raises NotFound, Gone and CorruptItem. Two point
    reads.
    """
    if version is None:
        opened = await sessions.get(owner_id, session_id, touch=False)
        head, content, media_type = opened.head, opened.verified, opened.head.metadata.media_type
        assert content is not None, "no ETag was given"
    else:
        head = await sessions.get_head(owner_id, session_id)
        revision = find_revision(head, version)
        content, media_type = await sessions.verified_content_of(owner_id, revision), revision.media_type
    return NewSession(
        title=title or title_with(" (copy)", head.metadata.title),
        description=head.metadata.description,
        content=content.packed,
        app=head.app,
        media_type=media_type,
    )
