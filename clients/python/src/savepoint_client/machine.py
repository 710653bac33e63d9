"""The state machine of a document. Pure: `next` returns the state after an event, and what is to be done."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

from savepoint_client import decisions, watch
from savepoint_client.answers import take, take_unknown
from savepoint_client.events import (
    Answered,
    Ask,
    Due,
    Edited,
    Effect,
    Event,
    Failed,
    Flush,
    Fork,
    Kept,
    Loaded,
    News,
    Online,
    Polled,
    Read,
    RenameTo,
    Replace,
    Resolve,
    Restore,
    Save,
    Send,
    SetTimer,
    Unapplied,
    Unread,
    Who,
)
from savepoint_client.model import JOURNAL_MOST, State
from savepoint_client.steps import (
    base_of,
    begin,
    calm,
    failed,
    keep,
    later,
    load,
    meet,
    renamed,
    touch,
)

AGAIN_SECONDS = 10.0


def _edited(s: State, e: Edited, out: list[Effect]) -> None:
    s.edits += 1
    if e.text is not None:
        s.text, s.snapped = e.text, s.edits
        _mine(s)
    if s.trouble == "refused":
        calm(s)
    out += [SetTimer("journal", s.config.journal_after, JOURNAL_MOST), later(s)]


def _read(s: State, e: Read, out: list[Effect]) -> None:
    if e.edits < s.snapped:
        return
    s.text, s.snapped = e.text, e.edits
    _mine(s)
    if s.unread:
        s.unread = False
        if s.trouble == "refused":
            calm(s)
            out.append(later(s))


def _mine(s: State) -> None:
    if s.conflict:
        s.conflict = replace(s.conflict, mine=s.text)


def _unread(s: State, e: Unread, out: list[Effect]) -> None:
    s.error = e.error
    s.unread = True
    out.append(SetTimer("journal", JOURNAL_MOST))  # it may have been read while it was changed
    if s.trouble in ("", "offline"):
        s.trouble = "refused"
        s.problem = None


def _failed(s: State, e: Failed, out: list[Effect]) -> None:
    s.error = e.error


def _due(s: State, e: Due, out: list[Effect]) -> None:
    if e.timer == "journal":
        _shrunk(s, out)
        keep(s, out)
    elif e.timer == "send":
        # An attempt with an unknown outcome has its own rhythm.
        if not (s.attempt and s.attempt.at == 2):
            begin(s, out)
    elif e.timer == "retry":
        if s.trouble == "signed_out":
            out.append(Ask("who"))
        elif s.loading:
            out.append(Ask("load"))
        else:
            begin(s, out)
    else:
        out.append(SetTimer("poll", s.config.poll))
        if s.base and not s.attempt and not s.conflict and not s.loading and s.trouble != "gone":
            out.append(Ask("poll"))


def _shrunk(s: State, out: list[Effect]) -> None:
    """Tries again what was too large, once it is small enough."""
    if not s.stuck or len(s.text) >= s.stuck:
        return
    s.stuck = len(s.text)
    size = len(s.text.encode(errors="surrogatepass")) if s.trouble == "too_large" else 0
    if s.limit and size > s.limit:
        s.size = size
        return
    s.stuck = 0
    calm(s)
    out.append(later(s))


def _kept(s: State, e: Kept, out: list[Effect]) -> None:
    if e.ok and s.failing:
        s.error = ""
    s.failing = not e.ok
    if e.ok:
        s.kept = max(s.kept, e.edits)
    else:
        s.error = e.error
        out.append(SetTimer("journal", AGAIN_SECONDS))
    if s.attempt and s.attempt.at == 0 and s.attempt.key == e.key:
        s.attempt = replace(s.attempt, at=1)
        out.append(Send())


def _answered(s: State, e: Answered, out: list[Effect]) -> None:
    a, r = s.attempt, e.answer
    if not a or a.key != e.key:
        return
    if r.kind == "lost":
        s.attempt = replace(a, at=2)
        s.problem = r.problem
        return failed(s, r.after, e.by, out)
    s.attempt = None
    s.tries = 0
    if s.trouble == "offline":
        calm(s)
    take(s, a, r, out)
    if s.trouble == "signed_out":
        out.append(SetTimer("retry", watch.SIGNED_OUT_SECONDS))


def _loaded(s: State, e: Loaded, out: list[Effect]) -> None:
    if s.attempt and s.attempt.at == 1:
        s.loading = False
    if not s.loading:
        return
    r = e.answer
    if r.kind == "lost" or (r.kind == "ok" and r.meta["version"] < s.seen):
        return failed(s, r.after, e.by, out)
    s.loading = False
    s.tries = 0
    if r.kind != "missing":
        s.missing = 0
    if s.trouble == "offline":
        calm(s)
    if r.kind == "ok":
        meet(s, base_of(r.meta, e.text), r.meta["status"], out, e.id)
    else:
        take_unknown(s, r, out)


def _unapplied(s: State, e: Unapplied, out: list[Effect]) -> None:
    if e.error:
        s.trouble = "refused"
        s.error = e.error
    if not s.base or s.base.text != e.text:
        return  # it goes on under a new id, or a person has decided what it is
    if s.attempt and s.attempt.etag == s.base.etag:
        s.attempt = None  # not sent yet: it would overwrite what was not shown
    s.base = e.base
    if not e.error:
        out.append(later(s))


def _flush(s: State, e: Flush, out: list[Effect]) -> None:
    s.ending = s.ending or e.ending
    s.rush = s.edits
    if s.loading and s.trouble == "offline":
        load(s, out)
    else:
        begin(s, out)


def _save(s: State, e: Save, out: list[Effect]) -> None:
    if e.rename:
        renamed(s, e.rename)
    s.promote = s.kind in ("new", "draft")
    if s.promote:
        touch(s)
    s.auto = False
    s.rush = s.edits
    if s.trouble in ("no_room", "refused"):
        calm(s)
    begin(s, out)


def _renamed(s: State, e: RenameTo, out: list[Effect]) -> None:
    renamed(s, e.rename)
    s.rush = s.edits
    begin(s, out)


_ON: dict[type, Callable[[State, Any, list[Effect]], None]] = {
    Edited: _edited,
    Read: _read,
    Unread: _unread,
    Failed: _failed,
    Due: _due,
    Kept: _kept,
    Answered: _answered,
    Loaded: _loaded,
    Polled: watch.polled,
    News: watch.news,
    Unapplied: _unapplied,
    Who: watch.who,
    Online: watch.online,
    Flush: _flush,
    Save: _save,
    RenameTo: _renamed,
    Restore: decisions.restore,
    Resolve: decisions.resolve,
    Replace: decisions.replace_by,
    Fork: decisions.fork,
}


def next(state: State, event: Event) -> tuple[State, list[Effect]]:
    """Returns the state after an event, and what is to be done, in this order. Changes nothing by itself."""
    s, out = copy(state), list[Effect]()
    _ON[type(event)](s, event, out)
    return s, out
