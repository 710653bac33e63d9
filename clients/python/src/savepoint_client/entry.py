"""A document in the journal: what its process knew and the server did not."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from savepoint_client.model import (
    Attempt,
    Base,
    Config,
    State,
)

FORMAT = 1


class Unreadable(ValueError):
    """It is not an entry, or one of a newer format."""


@dataclass(frozen=True)
class Entry:
    """`instance` is the process that wrote it, and its document. `at` is for people only."""

    owner: str
    app: str
    id: str
    instance: str
    seed: str
    count: int
    base: Base | None
    edits: int
    acked: int
    title: str
    kind: str
    content: str
    media_type: str | None
    attempt: Attempt | None
    rename: dict[str, str] | None
    promote: bool
    at: float
    person: str = ""
    """Who began it on this device, if `owner` is empty."""

    def dumps(self) -> bytes:
        found = {"format": FORMAT, **asdict(self)}
        if self.attempt and self.attempt.text == self.content:
            found["attempt"]["text"] = None
        return json.dumps(found).encode()


def entry_of(
    s: State, owner: str, app: str, instance: str, media_type: str | None, at: float, person: str = ""
) -> Entry:
    base = s.base and Base(s.base.etag, s.base.version, s.base.title, s.base.at, s.base.device)
    return Entry(
        owner, app, s.id, instance, s.seed, s.count, base, s.snapped, s.acked, s.title, s.kind, s.text,
        media_type, s.attempt, dict(s.rename) if s.rename else None, s.promote, at, person,
    )  # fmt: skip


def loads(raw: bytes) -> Entry:
    """Reads an entry. Raises Unreadable."""
    try:
        found: dict[str, Any] = json.loads(raw)
        if found.pop("format") != FORMAT:
            raise Unreadable("It is of another format.")
        attempt, base = found["attempt"], found["base"]
        if attempt:
            text = found["content"] if attempt["text"] is None else attempt["text"]
            found["attempt"] = Attempt(**{**attempt, "text": text})
        found["base"] = Base(**base) if base else None
        entry = Entry(**found)
        texts = (
            entry.owner,
            entry.app,
            entry.id,
            entry.instance,
            entry.seed,
            entry.title,
            entry.kind,
            entry.content,
        )
        numbers = (entry.count, entry.edits, entry.acked)
        if not all(isinstance(each, str) for each in texts) or not all(isinstance(each, int) for each in numbers):
            raise Unreadable("A field has another type.")
        return entry
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def state_of(e: Entry, config: Config) -> State:
    """Returns what a document starts with that goes on from an entry. The outcome of its attempt is unknown."""
    attempt = e.attempt and Attempt(**{**vars(e.attempt), "at": 2})
    return State(
        config, e.id, e.seed, e.count, kind=e.kind, title=e.title, base=e.base, text=e.content, snapped=e.edits,
        edits=e.edits, kept=e.edits, acked=e.acked, attempt=attempt, rename=e.rename, promote=e.promote,
        auto=False, seen=e.base.version if e.base else 0,
    )  # fmt: skip
