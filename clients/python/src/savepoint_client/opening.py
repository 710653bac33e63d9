"""How a document begins: new, from the server, or with what a process that is gone could not save of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from savepoint_client.document import Document
from savepoint_client.effects import content_of
from savepoint_client.entry import Entry, state_of
from savepoint_client.errors import error_of
from savepoint_client.events import (
    Answer,
    Due,
    Flush,
    Loaded,
    Outcome,
)
from savepoint_client.journal import Aside
from savepoint_client.model import Base, Config, State
from savepoint_client.requests import answer_of
from savepoint_client.steps import base_of

if TYPE_CHECKING:
    from savepoint_client.server import Server


OTHERS_SECONDS = 3.0
"""How long another document of this process may take to save the same."""


@dataclass(frozen=True)
class Options:
    config: Config
    serialize: Callable[[], str] | None
    apply: Callable[[str], object] | None
    media_type: str | None


def open_document(server: "Server", id: str | None, title: str, options: Options) -> Document:
    owner = server.owner()
    seed = server.new_id() + server.new_id()
    if id is None:
        state = State(options.config, server.new_id(), seed, title=title)
        return server.document(state, owner, None, options)
    with server.saver.turn(id):
        return _open(server, id, owner, seed, options)


def _open(server: "Server", id: str, owner: str, seed: str, options: Options) -> Document:
    server.flush(OTHERS_SECONDS, id)  # else an older version would be shown
    reply = server.read(f"/sessions/{quote(id, safe='')}")
    answer = answer_of(reply)
    base = None
    if answer.kind == "ok":
        owner = answer.meta["ownerId"]
        base = base_of(answer.meta, content_of(reply))
    entry = _left(server, id, owner)
    if entry and (resumed := _resume(server, entry, base, answer, owner, options)):
        return resumed
    if base is None:
        raise error_of(reply.status, reply.body)
    if options.apply:
        options.apply(base.text or "")
    kind = answer.meta["status"]
    state = State(
        options.config, id, seed, kind=kind, title=base.title, base=base, text=base.text or "",
        snapped=0, seen=base.version, trouble="read_only" if kind == "closed" else "",
    )  # fmt: skip
    return server.document(state, owner, None, options)


def _left(server: "Server", id: str, owner: str) -> Entry | None:
    """The newest of what is left of a document. The others stay where they are."""
    try:
        left = server.journal.left([owner, ""], server.app)
    except OSError:
        return None
    found = [each for each in left if each.id == id]
    return max(found, key=lambda each: (each.base.version if each.base else 0, each.at), default=None)


def _resume(
    server: "Server", entry: Entry, base: Base | None, answer: Answer, owner: str, options: Options
) -> Document | None:
    """Opens a document with what was left of it. Returns None if that is impossible."""
    instance = server.saver.presence.new_instance()
    taken = server.journal.take(entry, owner, instance)
    if taken is None:
        return None
    try:
        if options.apply:
            options.apply(taken.content)
    except Exception:
        why = Aside(owner, server.app, entry.id, entry.title, "not_applied", time.time(), entry.content)
        server.journal.put_aside(why)
        server.journal.remove(owner, entry.id, instance)
        return None
    state = state_of(taken, options.config)
    is_current = base is not None and taken.base is not None and base.etag == taken.base.etag
    is_stale = base is not None and not is_current and not taken.attempt
    state.recovered = taken.at if not base or base.text != taken.content else 0.0
    state.loading = is_stale
    if is_current:
        state.base = base
    document = server.document(state, owner, instance, options)
    if is_stale and base:
        document.dispatch(Loaded(answer, base.text or "", server.new_id(), Outcome(time.time(), 0.0)))
    else:
        document.dispatch(Due("retry") if taken.attempt else Flush())
    return document
