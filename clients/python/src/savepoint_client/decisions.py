"""What a person decides about a document, as events of its state machine. Nothing is lost by any of them."""

from dataclasses import fields

from savepoint_client.events import (
    Apply,
    Aside,
    Drop,
    Effect,
    Fork,
    Replace,
    Resolve,
    Restore,
)
from savepoint_client.model import State
from savepoint_client.steps import attempt, begin, calm, keep, theirs_of


def resolve(s: State, e: Resolve, out: list[Effect]) -> None:
    conflict = s.conflict
    if not conflict or s.attempt:
        return
    if e.how == "copy":
        return attempt(s, out, "copy", id=e.id)
    before = s.base
    s.conflict = None
    calm(s)
    s.base = theirs_of(conflict)
    s.auto = False
    if e.how != "mine":
        s.text = conflict.theirs if e.text is None else e.text
        if e.text is not None:
            s.edits += 1
        out += [Aside(conflict.mine), Apply(s.text, before)]
        if e.text is None:
            s.acked = s.edits
        s.snapped = s.edits
    s.rush = s.edits
    begin(s, out)
    if not s.attempt:
        keep(s, out)


def fork(s: State, e: Fork, out: list[Effect]) -> None:
    """Goes on under a new id. The old document stays as it was saved last.

    The keys are others: if the process is killed now, both documents are in the journal, and go on from there.
    """
    old, edits = s.id, s.edits + 1
    new = State(
        s.config, e.id, e.id, title=e.title, text=s.text, edits=edits, snapped=edits, rush=edits,
        rename={"title": e.title}, promote=True, auto=False, ending=s.ending,
    )  # fmt: skip
    for each in fields(State):
        setattr(s, each.name, getattr(new, each.name))
    keep(s, out)
    begin(s, out)
    out.append(Drop(old))


def restore(s: State, e: Restore, out: list[Effect]) -> None:
    if not s.attempt and s.base:
        attempt(s, out, "restore", version=e.version)


def replace_by(s: State, e: Replace, out: list[Effect]) -> None:
    """Shows what the server has. What was not saved is put aside."""
    if s.attempt and s.attempt.at < 2:
        return
    s.attempt = None
    if s.edits > s.acked:
        out.append(Aside(s.text))
    text = e.base.text or ""
    out += [Apply(text, s.base), Drop()]
    s.base, s.kind, s.title, s.text = e.base, e.kind, e.base.title, text
    s.snapped = s.acked = s.edits
    s.conflict = s.rename = None
    s.loading = False
    s.tries = 0
    s.seen = max(s.seen, e.base.version)
    calm(s)
