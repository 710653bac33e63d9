"""What a document shows of its state."""

from dataclasses import dataclass
from typing import Literal

from savepoint_client.model import Conflict, Copied, State
from savepoint_client.steps import is_dirty

Status = Literal[
    "clean", "dirty", "saving", "offline", "conflict", "gone", "too_large", "no_room", "read_only", "signed_out",
    "refused",
]  # fmt: skip


@dataclass(frozen=True)
class DocumentState:
    """The same fields as in the browser module. Times are in seconds since 1970, or as the server sent them."""

    status: Status
    """The most important thing to tell."""
    dirty: bool
    """True if something is not on the server yet."""
    safe: Literal["server", "device", "nowhere"]
    """Where the newest state is safe."""
    id: str
    title: str
    version: int | None
    etag: str | None
    saved_at: str | None
    """The version that the server acknowledged last, its ETag, and when it was made."""
    conflict: Conflict | None
    size: int | None
    limit: int | None
    """In bytes, if `status` is `too_large` or `no_room`."""
    retry_at: float | None
    """When the next try is made, if `status` is `offline`."""
    draft: bool | None
    """True if the server has it as a draft, which timers delete. None before the first save."""
    copied: Copied | None
    """The draft that was made of a save that came too late."""
    recovered: float | None
    """When a process that is gone kept what is shown."""
    error: str | None
    """What went wrong last, in words. The next save that succeeds clears it."""


def view(s: State) -> DocumentState:
    dirty = is_dirty(s)
    status: Status = s.trouble or ("saving" if s.attempt and s.attempt.at else "dirty" if dirty else "clean")
    full = s.trouble in ("too_large", "no_room")
    return DocumentState(
        status=status,
        dirty=dirty,
        safe="server" if not dirty else "device" if not s.failing and s.kept >= s.edits else "nowhere",
        id=s.id,
        title=s.title,
        version=s.base.version if s.base else None,
        etag=s.base.etag if s.base else None,
        saved_at=s.base.at if s.base else None,
        conflict=s.conflict,
        size=s.size if full else None,
        limit=s.limit if full else None,
        retry_at=s.retry_at if s.trouble == "offline" and (s.attempt or s.loading) else None,
        draft=s.kind == "draft" if s.base else None,
        copied=s.copied,
        recovered=s.recovered or None,
        error=s.error or None,
    )
