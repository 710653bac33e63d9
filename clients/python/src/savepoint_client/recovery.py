"""What processes that are gone left in the journal, and what was put aside."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from savepoint_client.document import Document
from savepoint_client.effects import content_of
from savepoint_client.entry import Entry, state_of
from savepoint_client.errors import Gone, NotFound, SavepointError
from savepoint_client.journal import Aside
from savepoint_client.model import Config, State
from savepoint_client.opening import Options
from savepoint_client.requests import answer_of
from savepoint_client.view import Status

if TYPE_CHECKING:
    from savepoint_client.server import Server


@dataclass(frozen=True)
class Recoverable:
    """`at` is in seconds since 1970. `aside` is why it was put aside, or None if it was not saved."""

    id: str
    title: str
    at: float
    aside: str | None
    version: int | None
    """The version that was edited."""
    server_version: int | None
    is_known: bool
    """False if the server did not say whether it has the document."""
    current: bool
    """True if nothing else was saved since, so that it can be saved at once."""
    content: str
    owner: str
    entry: Entry | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Claimed:
    """Where it is now. `copy` is true if that is a draft by itself, because the document has changed."""

    id: str
    copy: bool
    status: Status


class Recovery:
    def __init__(self, server: "Server") -> None:
        self._server = server

    def list(self) -> list[Recoverable]:
        owners = self._server.owners()
        entries = self._server.journal.left(owners, self._server.app)
        found = [one for entry in entries if (one := self._described(entry))]
        asides = {
            p: a for owner in owners for p, a in self._server.journal.asides(owner, self._server.app).items()
        }
        return found + [_of_aside(aside, path) for path, aside in asides.items()]

    def _described(self, entry: Entry) -> Recoverable | None:
        """Returns None, and removes the entry, if the server has it all, as when a response was lost."""
        answer = answer_of(self._server.read(f"/sessions/metadata/{quote(entry.id, safe='')}"))
        meta = answer.meta if answer.kind == "ok" else {}
        base = entry.base
        current = meta.get("etag") == base.etag if base else answer.kind == "missing"
        if meta and not current and not entry.rename and not entry.promote:
            if meta.get("contentBytes") == len(entry.content.encode(errors="surrogatepass")):
                reply = self._server.read(f"/sessions/{quote(entry.id, safe='')}")
                if content_of(reply) == entry.content:
                    self._server.journal.remove(entry.owner, entry.id, entry.instance)
                    return None
        return Recoverable(
            entry.id, entry.title, entry.at, None, base.version if base else None, meta.get("version"),
            bool(meta) or answer.kind in ("missing", "gone"), current, entry.content, entry.owner, entry,
        )  # fmt: skip

    def claim(self, one: Recoverable, timeout: float) -> Claimed:
        owner = self._server.owner()
        if one.owner and one.owner != owner:
            raise NotFound("Another person has made this.")
        instance = self._server.saver.presence.new_instance()
        config = Config(on_conflict="copy", wait=0.0)
        if one.entry:
            taken = self._server.journal.take(one.entry, owner, instance)
            if taken is None:
                raise NotFound("Another process has taken it.")
            return self._save(state_of(taken, config), taken.media_type, owner, instance, timeout)
        if one.aside == "unreadable":
            raise ValueError("This cannot be read, so it cannot be saved.")
        rename = {"title": one.title} if one.title else None
        state = State(
            config, self._server.new_id(), self._server.new_id(), title=one.title, text=one.content, snapped=1,
            edits=1, rename=rename,
        )  # fmt: skip
        claimed = self._save(state, None, owner, instance, timeout)
        if claimed.status == "clean" and one.path:
            one.path.unlink(missing_ok=True)
        return claimed

    def _save(self, state: State, media_type: str | None, owner: str, instance: str, timeout: float) -> Claimed:
        options = Options(state.config, None, None, media_type)
        document = self._server.document(state, owner, instance, options)
        try:
            return _claimed(document, state.id, timeout)
        finally:
            document.close(timeout=1.0)

    def set_aside(self, one: Recoverable) -> None:
        journal = self._server.journal
        if one.entry:
            e = one.entry
            journal.put_aside(Aside(e.owner, e.app, e.id, e.title, "discarded", time.time(), e.content))
            journal.remove(e.owner, e.id, e.instance)
        elif one.path:
            one.path.unlink(missing_ok=True)


def _claimed(document: Document, id: str, timeout: float) -> Claimed:
    try:
        document.flush(timeout)
    except Gone:
        document.save_as(document.state.title or "Untitled", timeout)
    except SavepointError:
        pass  # the status says it, and it stays in the journal
    state = document.state
    copy = state.copied.id if state.copied else state.id if state.id != id else None
    return Claimed(copy or id, copy is not None, state.status)


def _of_aside(aside: Aside, path: Path) -> Recoverable:
    return Recoverable(
        aside.id, aside.title, aside.at, aside.why, None, None, True, False, aside.content, aside.owner, None, path
    )
