"""Sees what others save, and who is signed in, as events of the state machine."""

from savepoint_client.answers import take_unknown
from savepoint_client.events import Ask, Effect, News, Online, Polled, SetTimer, Who
from savepoint_client.model import State
from savepoint_client.steps import begin, calm, is_dirty, load

SIGNED_OUT_SECONDS = 60.0


def polled(s: State, e: Polled, out: list[Effect]) -> None:
    r = e.answer
    if not s.base:
        return  # it goes on under a new id, which the server does not know yet
    if r.kind == "lost":
        s.trouble = s.trouble or "offline"
        return
    was_offline = s.trouble == "offline" and not s.attempt
    if was_offline:
        calm(s)
    if r.kind == "ok":
        _theirs(s, r.meta["version"], out)
    else:
        take_unknown(s, r, out)
    if was_offline:
        begin(s, out)


def _theirs(s: State, version: int, out: list[Effect]) -> None:
    """Reads a version that others made, unless an attempt will tell."""
    if not s.base or version <= s.seen or s.attempt or s.conflict:
        return
    s.seen = version
    if not s.loading:
        load(s, out)


def news(s: State, e: News, out: list[Effect]) -> None:
    _theirs(s, e.version, out)


def who(s: State, e: Who, out: list[Effect]) -> None:
    if e.result == "other":
        s.trouble = "signed_out"
        s.missing = 0
    elif e.result == "same" and s.trouble == "signed_out":
        # Somebody else may have been signed in when the document was not found.
        if s.missing == 1:
            return load(s, out)
        if s.missing:
            s.trouble = "gone"
        else:
            calm(s)
            begin(s, out)
        s.missing = 0
        return
    if s.trouble == "signed_out":
        out.append(SetTimer("retry", SIGNED_OUT_SECONDS))


def online(s: State, e: Online, out: list[Effect]) -> None:
    if s.trouble == "no_room":
        calm(s)
    if s.trouble == "signed_out":
        out.append(Ask("who"))
    # It may have been restored, or it was another person who did not find it.
    elif s.loading or s.trouble == "gone":
        load(s, out)
    elif is_dirty(s):
        begin(s, out)
    elif s.base:
        out.append(Ask("poll"))
