"""The state of a document, for its state machine.

The names are those of the browser module, see clients/browser/src/model.ts. Times are in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["create", "content", "title", "promote", "restore", "copy"]
Timer = Literal["journal", "send", "retry", "poll"]
Trouble = Literal["", "offline", "conflict", "gone", "too_large", "no_room", "read_only", "signed_out", "refused"]
Rename = Mapping[str, str]
"""A new title, a new description, or both, by the names of the API."""


@dataclass(frozen=True)
class Base:
    """The version that the server acknowledged last. `text` is unknown if it comes from the journal."""

    etag: str
    version: int
    title: str
    at: str
    device: str | None
    text: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One request to change the document. It is in the journal before it is sent, and repeated as it is until its
    outcome is known."""

    key: str
    form: Form
    etag: str | None
    """If-Match. None: the document must be new."""
    edits: int
    """The number of edits that `text` has."""
    text: str
    rename: Rename | None
    auto: bool
    """False if a person asked for it: the version stays in the history."""
    copy: bool
    """True if it becomes a draft when it is refused: it was sent by a process that ends."""
    whole: bool
    """True if it must not be sent as a delta."""
    at: Literal[0, 1, 2] = 0
    """0 waits for the journal, 1 is in flight, 2 has an unknown outcome."""
    id: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class Conflict:
    """Two versions that began from the same one. `base` is None if it is not known."""

    title: str
    device: str | None
    at: str
    version: int
    etag: str
    mine: str
    theirs: str
    base: str | None = None


@dataclass(frozen=True)
class Copied:
    """The draft that a save became which came too late."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Config:
    journal_after: float = 0.25
    wait: float = 10.0
    max_wait: float = 30.0
    poll: float = 0.0
    """Seconds between two looks for changes of others. 0: never."""
    on_conflict: Literal["ask", "copy"] = "ask"


JOURNAL_MOST = 0.5
"""Seconds from an edit until the journal is written, at most. With the writing, it is less than a second."""


@dataclass
class State:
    config: Config
    id: str
    seed: str
    """Keys of attempts start with it. Random, made when the document is opened."""
    count: int = 0
    kind: str = "new"
    """`new` is not on the server yet."""
    title: str = ""
    base: Base | None = None
    text: str = ""
    snapped: int = -1
    """How many edits `text` has. -1: it was never read."""
    edits: int = 0
    kept: int = 0
    acked: int = 0
    attempt: Attempt | None = None
    trouble: Trouble = ""
    conflict: Conflict | None = None
    rename: Rename | None = None
    promote: bool = False
    auto: bool = True
    whole: bool = False
    rush: int = 0
    """A person waits for these many edits."""
    loading: bool = False
    seen: int = 0
    """The newest version that is known to exist."""
    missing: int = 0
    """How often in a row the server did not know the document: 2 after it has said who is signed in."""
    failing: bool = False
    """The journal does not work."""
    unread: bool = False
    """The text could not be read."""
    ending: bool = False
    """The process ends: nobody will see a conflict."""
    tries: int = 0
    retry_at: float = 0.0
    size: int = 0
    limit: int = 0
    stuck: int = 0
    """Characters of the text that was refused."""
    error: str = ""
    problem: Mapping[str, Any] | None = None
    copied: Copied | None = None
    recovered: float = 0.0
