"""Steps that several events of the state machine have in common. They change the state that they are given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from savepoint_client.events import (
    Apply,
    Ask,
    Drop,
    Effect,
    Keep,
    Outcome,
    Send,
    SetTimer,
)
from savepoint_client.model import (
    Attempt,
    Base,
    Conflict,
    Form,
    Rename,
    State,
)

RETRY_MOST = 60.0


def base_of(meta: Mapping[str, Any], text: str | None = None) -> Base:
    return Base(meta["etag"], meta["version"], meta["title"], meta["updatedAt"], meta["deviceInfo"], text)


def is_dirty(s: State) -> bool:
    """True if the server lacks something that was done here."""
    return s.edits > s.acked or bool(s.rename) or (s.promote and s.kind != "active")


def later(s: State) -> SetTimer:
    """The timer until the next save. Comes sooner if the journal does not work."""
    most = min(10.0, s.config.max_wait) if s.failing else s.config.max_wait
    return SetTimer("send", s.config.wait, most)


def settle(s: State) -> None:
    """Counts edits that changed nothing in the end as saved."""
    if s.base and s.text == s.base.text and s.snapped == s.edits and not s.conflict and not s.attempt:
        s.acked = s.edits


def keep(s: State, out: list[Effect]) -> None:
    """Writes what is not saved to the journal, or removes the entry."""
    settle(s)
    out.append(Keep() if is_dirty(s) or s.attempt else Drop())


def calm(s: State) -> None:
    """Ends a trouble."""
    s.trouble = "conflict" if s.conflict else "read_only" if s.kind == "closed" else ""
    if not s.trouble:
        s.problem = None


def renamed(s: State, rename: Rename) -> None:
    s.rename = {**(s.rename or {}), **rename}
    s.title = s.rename.get("title", s.title)
    touch(s)


def touch(s: State) -> None:
    """Counts a change that is not one of the text, so that an earlier acknowledgement does not cover it.

    A document without a text has an empty one then.
    """
    s.edits += 1
    if s.snapped >= 0:
        s.snapped += 1
    elif not s.unread:
        s.snapped = s.edits


def attempt(s: State, out: list[Effect], form: Form, id: str | None = None, version: int | None = None) -> None:
    """Makes an attempt. It is sent after the journal has it."""
    s.count += 1
    is_new = form in ("create", "copy")
    s.attempt = Attempt(
        key=f"{s.seed}-{s.count}",
        form=form,
        etag=None if is_new or not s.base else s.base.etag,
        edits=s.snapped,
        text=s.text,
        rename=s.rename,
        auto=s.auto,
        copy=s.ending and form in ("create", "content"),
        whole=s.whole or s.base is None or s.base.text is None,
        id=id,
        version=version,
    )
    out.append(Keep())


def begin(s: State, out: list[Effect]) -> None:
    """Sends what is next: a repetition, or a new attempt with the newest state. One attempt at a time."""
    if s.attempt:
        if s.attempt.at == 2 and s.trouble != "signed_out":
            s.attempt = replace(s.attempt, at=1)
            out.append(Send())
        return
    if s.loading or s.trouble not in ("", "offline"):
        return
    settle(s)
    form = _due(s)
    if form in ("create", "content") and s.snapped < 0:
        return
    if form:
        attempt(s, out, form)
    elif s.kept:
        out.append(Drop())


def _due(s: State) -> Form | None:
    if not is_dirty(s):
        return None
    if not s.base:
        return "create"
    if s.rename:
        return "title"
    return "content" if s.edits > s.acked else "promote"


def load(s: State, out: list[Effect]) -> None:
    s.loading = True
    out.append(Ask("load"))


def failed(s: State, after: float | None, by: Outcome, out: list[Effect]) -> None:
    """Waits, with full jitter, and tries again."""
    s.tries += 1
    most = min(RETRY_MOST, 2.0**s.tries)
    wait = after if after else 1 + by.random * (most - 1)
    s.trouble = s.trouble or "offline"
    s.retry_at = by.now + wait
    out.append(SetTimer("retry", wait))


def meet(s: State, theirs: Base, kind: str, out: list[Effect], id: str) -> None:
    """Takes over the version of the server if nothing is lost by that. Otherwise there is a conflict."""
    before, text, problem = s.base, theirs.text or "", s.problem
    s.kind = kind
    s.seen = max(s.seen, theirs.version)
    if kind == "active":
        s.promote = False
    calm(s)
    settle(s)
    before_text = before.text if before else None
    before_etag = before.etag if before else None
    if s.edits > s.acked and s.text != text and before_text != text and before_etag != theirs.etag:
        s.conflict = conflict_of(theirs, s.text, before_text)
        s.trouble = "conflict"
        s.problem = problem
        if s.config.on_conflict == "copy" or s.ending:
            attempt(s, out, "copy", id=id)
        else:
            out.append(Keep())
        return
    s.base = theirs
    if not s.rename:
        s.title = theirs.title
    if s.edits > s.acked and s.text != text:
        return begin(s, out)
    if s.text != text:
        s.text = text
        out.append(Apply(text, before))
    s.snapped = max(s.snapped, 0)
    s.acked = s.edits
    if is_dirty(s):
        begin(s, out)
    else:
        out.append(Drop())


def conflict_of(theirs: Base, mine: str, base: str | None) -> Conflict:
    return Conflict(
        theirs.title, theirs.device, theirs.at, theirs.version, theirs.etag, mine, theirs.text or "", base
    )


def theirs_of(c: Conflict) -> Base:
    return Base(c.etag, c.version, c.title, c.at, c.device, c.theirs)
