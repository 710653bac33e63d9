"""The first head of a session, and how a retry of the creation finds it again."""

from persistence.documents import now
from persistence.sessions.documents import NewSession, SessionHead, SessionMetadata, SessionStatus
from persistence.sessions.history import as_revision
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules


def first_head(
    owner_id: str, session_id: str, new: NewSession, status: SessionStatus, save_id: str, rules: SessionRules
) -> SessionHead:
    """Returns the head of a new session. It names no content yet."""
    created_at = now()
    head = SessionHead(
        id=session_id,
        owner_id=owner_id,
        app=new.app,
        status=status,
        metadata=SessionMetadata(
            title=new.title,
            description=new.description or None,
            created_at=created_at,
            updated_at=created_at,
            last_accessed_at=created_at,
            content_hash=new.content.hash,
            content_bytes=new.content.size,
            version=1,
            device_info=new.device_info,
            media_type=new.media_type,
        ),
        content_id=None,
        revisions=(),
    )
    revisions = (as_revision(head, SessionAction.CREATED, save_id),)
    return head.model_copy(update={"revisions": revisions, "schema_version": rules.stored_format})


def as_created(head: SessionHead) -> SessionHead | None:
    """Returns the head as its creation left it. None if version 1 is no longer in the history: then a retry
    returns what it would create, and never the ETag of a later save, which the caller has not seen."""
    first = [revision for revision in head.revisions if revision.version == 1]
    return head.as_of(first[0]) if first else None


def with_content(head: SessionHead, content_id: str) -> SessionHead:
    """Returns a first head that names its content."""
    revisions = tuple(one._replace(content_id=content_id) for one in head.revisions)
    return head.model_copy(update={"content_id": content_id, "revisions": revisions})
