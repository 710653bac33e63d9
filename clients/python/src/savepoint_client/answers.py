"""What the answers to an attempt do to the state of a document. The attempt is over by then."""

from collections.abc import Callable
from dataclasses import replace

from savepoint_client.events import (
    Answer,
    Ask,
    Drop,
    Effect,
    Keep,
    SetTimer,
    Tell,
)
from savepoint_client.model import Attempt, Copied, State
from savepoint_client.steps import base_of, begin, calm, is_dirty, later, load, meet, settle, theirs_of

Taken = Callable[[State, Attempt, Answer, list[Effect]], None]


def _ok(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    if a.form == "restore":
        s.seen = r.meta["version"]
        return load(s, out)
    sent = a.form in ("create", "content")
    s.base = base_of(r.meta, a.text if sent else s.base.text if s.base else None)
    s.seen = s.base.version
    s.kind = r.meta["status"]
    s.whole = False
    s.tries = s.stuck = 0
    s.error = ""
    if sent:
        s.acked = max(s.acked, a.edits)
        s.auto = True
    if a.form != "content" and a.rename == s.rename:
        s.rename = None
    if not s.rename:
        s.title = s.base.title
    if s.kind == "active":
        s.promote = False
    out.append(Tell())
    settle(s)
    if not is_dirty(s):
        out += [SetTimer("journal", 0), SetTimer("send", 0), Drop()]
        return
    if s.rename or s.promote or s.rush > s.acked or s.ending:
        begin(s, out)
    if not s.attempt:
        out += [Keep(), later(s)]


def _copied(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    """What was sent is a draft by itself now. The server's version is shown next."""
    s.acked = max(s.acked, a.edits)
    s.copied = Copied(r.meta["id"], r.meta["title"], a.text)
    s.auto = True
    if r.of is None and a.form != "copy":
        s.trouble = "gone"
        return
    s.seen = max(s.seen, (r.of or {}).get("version", 0))
    conflict, s.conflict = s.conflict, None
    calm(s)
    if s.ending and s.acked >= s.edits:
        out.append(Drop())
    elif a.form == "copy" and conflict and s.acked >= s.edits:
        meet(s, theirs_of(conflict), s.kind, out, "")
    else:
        load(s, out)  # what was typed meanwhile may need a copy, too, and that an id


def _stale(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.seen = max(s.seen, r.version)
    load(s, out)


def _gone(s: State, a: Attempt | None, r: Answer, out: list[Effect]) -> None:
    s.trouble = "gone"


def _missing(s: State, a: Attempt | None, r: Answer, out: list[Effect]) -> None:
    """It may belong to the person who was signed in before."""
    s.trouble = "signed_out"
    s.missing += 1
    out.append(Ask("who"))


def _out(s: State, a: Attempt | None, r: Answer, out: list[Effect]) -> None:
    """An earlier try may have been applied, so the attempt stays as it is."""
    if a:
        s.attempt = replace(a, at=2)
    s.trouble = "signed_out"


def _moved(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.kind = r.status
    if r.status == "active":
        load(s, out)
    else:
        s.trouble = "read_only"


def _big(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.trouble = "too_large"
    s.stuck, s.size, s.limit = len(a.text), r.size, r.limit


def _full(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.trouble = "no_room"
    s.stuck, s.size, s.limit = len(a.text), r.size, r.limit


def _again(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    if a.whole:
        return _refused(s, a, r, out)
    s.whole = True
    begin(s, out)


def _refused(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.trouble = "refused"
    s.error = r.error


_TAKEN: dict[str, Taken] = {
    "ok": _ok,
    "copied": _copied,
    "stale": _stale,
    "gone": _gone,
    "missing": _missing,
    "out": _out,
    "moved": _moved,
    "big": _big,
    "full": _full,
    "again": _again,
    "refused": _refused,
}


def take(s: State, a: Attempt, r: Answer, out: list[Effect]) -> None:
    s.problem = r.problem
    _TAKEN[r.kind](s, a, r, out)


def take_unknown(s: State, r: Answer, out: list[Effect]) -> None:
    """Takes the answer to a question about a document that is not to be seen."""
    s.problem = r.problem or s.problem
    known = {"gone": _gone, "missing": _missing, "out": _out}
    if r.kind in known:
        known[r.kind](s, None, r, out)
