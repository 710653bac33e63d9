"""Carries out the effects of one document: requests, the journal, callbacks. Reports what became of them."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from savepoint_client import journal as journals
from savepoint_client.entry import entry_of
from savepoint_client.events import (
    Answer,
    Answered,
    Apply,
    Aside,
    Ask,
    Drop,
    Effect,
    Keep,
    Kept,
    Loaded,
    News,
    Outcome,
    Polled,
    Send,
    Tell,
    Unapplied,
    Who,
)
from savepoint_client.http import SECONDS, Call, Headers, Http, Reply
from savepoint_client.journal import Journal
from savepoint_client.requests import About, answer_of, call_of, of_copy

if TYPE_CHECKING:
    from savepoint_client.running import Running

log = logging.getLogger("savepoint_client")


class Services(Protocol):
    """What the documents of a server have in common."""

    @property
    def http(self) -> Http: ...

    @property
    def journal(self) -> Journal: ...

    def who(self, headers: Headers, seconds: float = ..., *, ask: bool = ...) -> str | None:
        """Returns the owner id, "" for nobody, None if the server does not respond."""

    def headers(self) -> dict[str, str]:
        """Asks the app for headers."""

    def person(self, headers: Headers) -> str:
        """Tells people on this device apart without a connection."""

    def new_id(self) -> str: ...


class Effects:
    """Everything that one document needs from the world. `owner` changes once, if it was begun by nobody."""

    def __init__(
        self, services: Services, about: About, owner: str, apply: Callable[[str], object] | None
    ) -> None:
        self.services = services
        self.about = about
        self.owner = owner
        self.headers: Headers = services.headers()
        """Those that the app gave last, in one of its threads."""
        self.apply = apply
        self._packed: tuple[str, Call] | None = None

    @property
    def http(self) -> Http:
        return self.services.http

    @property
    def journal(self) -> Journal:
        return self.services.journal

    def perform(self, by: "Running", effect: Effect, seconds: float) -> None:
        seconds = min(seconds, SECONDS)
        if isinstance(effect, Keep):
            self._keep(by)
        elif isinstance(effect, Drop):
            self._drop(by, effect)
        elif isinstance(effect, Aside):
            self.put_aside(by, effect.text)
        elif isinstance(effect, Send):
            self._send(by, seconds)
        elif isinstance(effect, Ask):
            self._ask(by, effect.what, seconds)
        elif isinstance(effect, Apply):
            self._show(by, effect)
        elif isinstance(effect, Tell):
            self._tell(by)

    def _keep(self, by: "Running") -> None:
        s = by.state
        person = self.services.person(self.headers)
        entry = entry_of(s, self.owner, self.about.app, by.instance, self.about.media_type, time.time(), person)
        key = s.attempt.key if s.attempt else None
        try:
            self.journal.put(entry)
        except Exception as error:
            log.warning("the journal could not be written: %r", error)
            words = f"This device could not keep it: {error}"
            by.dispatch(Kept(entry.edits, key, False, words))
        else:
            by.dispatch(Kept(entry.edits, key, True))

    def _drop(self, by: "Running", effect: Drop) -> None:
        s = by.state
        if effect.id is None and (s.edits > s.acked or s.attempt or s.rename):
            return  # there is something newer
        try:
            self.journal.remove(self.owner, effect.id or s.id, by.instance)
        except OSError as error:
            log.warning("an entry of the journal could not be removed: %r", error)

    def put_aside(self, by: "Running", text: str, why: str = "kept") -> None:
        s = by.state
        one = journals.Aside(self.owner, self.about.app, s.id, s.title, why, time.time(), text)
        try:
            self.journal.put_aside(one)
        except OSError as error:
            log.warning("a text could not be put aside: %r", error)

    def _send(self, by: "Running", seconds: float) -> None:
        s = by.state
        attempt = s.attempt
        if not attempt or attempt.at != 1:
            return  # this was for an earlier one: save_as does not wait for it
        try:
            answer = self._answer(by, seconds)
        except UnicodeError as error:
            answer = Answer("refused", error=f"The text cannot be sent: {error}")
        except Exception:
            log.exception("a document could not be sent")
            answer = Answer("lost")
        by.dispatch(Answered(attempt.key, answer, _outcome()))

    def _answer(self, by: "Running", seconds: float) -> Answer:
        end = time.monotonic() + seconds
        s, headers = by.state, self.headers
        a = s.attempt
        assert a is not None
        if a.form in ("create", "copy") and (answer := self._not_theirs(by, headers, seconds)):
            return answer
        if self._packed and self._packed[0] == a.key:
            call = self._packed[1]
        else:
            call = call_of(s, a, self.about).packed()
            self._packed = (a.key, call)
        answer = answer_of(self.http.send(call, headers, end - time.monotonic()))
        if answer.kind == "ok" and answer.meta.get("ownerId") != self.owner:
            return Answer("out")
        if a.form == "copy":
            of = s.conflict.version if s.conflict else s.seen
            answer = of_copy(answer, {"version": of})
        if answer.kind not in ("lost", "out"):
            self._packed = None
        return answer

    def _not_theirs(self, by: "Running", headers: Headers, seconds: float) -> Answer | None:
        """A new document belongs to the person of the request, so that must be its owner."""
        found = self._whose(by, headers, seconds, ask=False)
        return None if found == "same" else Answer("out" if found == "other" else "lost")

    def _whose(self, by: "Running", headers: Headers, seconds: float, *, ask: bool) -> str:
        id = self.services.who(headers, seconds, ask=ask)
        if id is None:
            return "lost"
        if id and not self.owner:  # what was begun by nobody belongs to the person who signed in
            with suppress(OSError):
                self.journal.remove("", by.state.id, by.instance)
            self.owner = id
            self._keep(by)
        return "same" if id and id == self.owner else "other"

    def _ask(self, by: "Running", what: str, seconds: float) -> None:
        s = by.state
        if what == "who":
            found = self._whose(by, self.headers, seconds, ask=True)
            return by.dispatch(Who(found))  # type: ignore[arg-type]
        path = f"/sessions/{'metadata/' if what == 'poll' else ''}{quote(s.id, safe='')}"
        known = {"If-None-Match": s.base.etag} if what == "poll" and s.base else {}
        reply = self.http.send(Call("GET", path, known), self.headers, seconds)
        if s.id != by.state.id:
            return  # it goes on under a new id
        answer = answer_of(reply)
        if what == "poll":
            return by.dispatch(Polled(answer))
        by.dispatch(Loaded(answer, content_of(reply), self.services.new_id(), _outcome()))

    def _show(self, by: "Running", effect: Apply) -> None:
        s = by.state
        if s.text != effect.text or s.snapped != s.edits:
            return by.dispatch(Unapplied(effect.text, effect.base))
        try:
            if self.apply:
                self.apply(effect.text)
        except Exception as error:
            log.exception("a text could not be shown")
            by.dispatch(Unapplied(effect.text, effect.base, f"The text could not be shown: {error!r}"))

    def _tell(self, by: "Running") -> None:
        base = by.state.base
        for other in by.saver.documents():
            if base and other is not by and other.is_of(self.http.base_url, self.owner, by.state.id):
                other.dispatch(News(base.version))


def content_of(reply: Reply) -> str:
    return str(reply.body.get("content", "")) if isinstance(reply.body, dict) else ""


def _outcome() -> Outcome:
    return Outcome(time.time(), random.random())
