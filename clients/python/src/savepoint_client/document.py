"""A document that is open: what an app calls."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

from savepoint_client.effects import Effects, Services
from savepoint_client.errors import Offline, ReadOnly, SavepointError, of_trouble
from savepoint_client.events import (
    Edited,
    Event,
    Failed,
    Flush,
    Fork,
    Online,
    RenameTo,
    Replace,
    Resolve,
    Restore,
    Save,
)
from savepoint_client.http import Call, json_call
from savepoint_client.model import State
from savepoint_client.running import Running
from savepoint_client.steps import base_of
from savepoint_client.telling import Listener
from savepoint_client.view import DocumentState
from savepoint_client.wire import RevisionContent, RevisionMetadata, RevisionMetadataPage

log = logging.getLogger("savepoint_client")

SECONDS = 30.0


@dataclass(frozen=True)
class Shared:
    """A link to a snapshot."""

    id: str
    url: str


class Document:
    """Every method may be called in any thread. Those with `timeout` wait, and raise a SavepointError on failure.

    What was not saved then stays in the journal, and is tried again.
    """

    def __init__(self, running: Running, effects: Effects) -> None:
        self._running = running
        self._effects = effects
        self._new_id = effects.services.new_id

    @property
    def id(self) -> str:
        return self._running.state.id

    @property
    def is_open(self) -> bool:
        return self._running.is_open

    @property
    def instance(self) -> str:
        """Its name in the journal."""
        return self._running.instance

    @property
    def owner(self) -> str:
        """The id of the person whose it is. Empty before anybody signed in."""
        return self._effects.owner

    @property
    def state(self) -> DocumentState:
        return self._running.shown

    @property
    def text(self) -> str:
        """The newest text that was read of the app or of the server."""
        return self._running.state.text

    def changed(self, text: str | None = None) -> None:
        """Says that there was an edit. It is fast.

        Without a text, `serialize` is called in a thread of the saver soon after, and it must be safe there.
        """
        if text is None and not self._running.can_read:
            raise ValueError("Give a text, or a function `serialize` when the document is opened.")
        if text is not None and not isinstance(text, str):
            raise TypeError(f"The text is a str, not {type(text).__name__}.")
        if not self.is_open:
            raise ValueError("The document is closed.")
        self._renew()
        self._running.dispatch(Edited(text))
        if self._running.saver.forked:
            self._keep_now()

    def _keep_now(self) -> None:
        """A child may end without anything that runs at exit."""
        self._running.read()
        self._running.keep()

    def flush(self, timeout: float = SECONDS) -> DocumentState:
        """Sends what is not saved."""
        return self._run(Flush(), timeout)

    def save(
        self, title: str | None = None, description: str | None = None, timeout: float = SECONDS
    ) -> DocumentState:
        """As `flush`, because a person asked for it: the version stays, and a draft becomes a session."""
        if self._running.state.snapped < 0 and not self._running.can_read:
            raise ValueError("There is no text yet: call changed() first.")
        given = {"title": title, "description": description}
        return self._run(Save({name: it for name, it in given.items() if it is not None} or None), timeout)

    def save_as(self, title: str, timeout: float = SECONDS) -> DocumentState:
        """Goes on under a new id, which is saved. The old one stays as it was saved last."""
        return self._run(Fork(self._new_id(), title), timeout)

    def rename(self, title: str, timeout: float = SECONDS) -> DocumentState:
        return self._run(RenameTo({"title": title}), timeout)

    def check(self, timeout: float = SECONDS) -> DocumentState:
        """Looks whether others saved, and tries again what failed."""
        return self._run(Online(), timeout)

    def resolve(
        self, how: Literal["mine", "theirs", "copy", "text"], text: str | None = None, timeout: float = SECONDS
    ) -> DocumentState:
        """Decides a conflict: `mine`, `theirs`, `copy` (keeps both), or `text` with the result.

        Nothing is lost: each side stays in the history, in a copy, or aside.
        """
        if how not in ("mine", "theirs", "copy", "text") or (how == "text") != (text is not None):
            raise ValueError("Choose mine, theirs, copy, or text with a text.")
        if not self._running.state.conflict:
            raise ValueError("There is no conflict.")
        return self._run(Resolve(how, self._new_id(), text), timeout)

    def reload(self, timeout: float = SECONDS) -> DocumentState:
        """Shows what the server has. What was not saved is put aside."""
        self._idle(timeout)
        found = self._ask("GET", "", timeout=timeout)
        self._running.dispatch(Replace(base_of(found["metadata"], found["content"]), found["metadata"]["status"]))
        return self._settled(timeout)

    def discard(self, timeout: float = SECONDS) -> None:
        """Moves the document to the trash, and lets go. What is not saved is put aside."""
        try:
            self.flush(timeout)
        except SavepointError:
            self._idle(timeout)
        s = self._running.state
        if s.base or s.attempt:
            self._ask("DELETE", "", timeout=timeout)
        if self.state.dirty:
            self._effects.put_aside(self._running, s.text)
        self._running.until(lambda _: self._running.is_written(), timeout)
        self._running.stop()
        self._effects.journal.remove(self.owner, s.id, self._running.instance)

    def revisions(self) -> list[RevisionMetadata]:
        """The history, newest first."""
        return RevisionMetadataPage.model_validate(self._ask("GET", "/revisions")).items

    def revision(self, version: int) -> RevisionContent:
        return RevisionContent.model_validate(self._ask("GET", f"/revisions/{version}"))

    def restore(self, version: int, timeout: float = SECONDS) -> DocumentState:
        """Makes an old version the newest one, after what is not saved was saved."""
        self.flush(timeout)
        self._ask("GET", f"/revisions/{version}", timeout=timeout)
        state = self._run(Restore(version), timeout)
        if error := self._trouble():
            raise error
        return state

    def share(
        self, title: str | None = None, description: str | None = None, expires_at: str | None = None
    ) -> Shared:
        """Freezes what is saved under a link."""
        self.flush()
        given = {"title": title, "description": description, "expiresAt": expires_at}
        body = {"sessionId": self.id, **{name: it for name, it in given.items() if it is not None}}
        call = json_call("POST", "/snapshots", {"Idempotency-Key": self._new_id()}, body)
        id = str(self._effects.http.ask(call, self._effects.headers))
        return Shared(id, f"{self._effects.http.base_url}/snapshots/{id}")

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` at once and after each change, in any thread. Returns what ends it."""
        return self._running.subscribe(listener)

    def move_to(self, services: Services, apply: Callable[[str], object]) -> None:
        """From now on, asks another connection of the same person for headers, and shows texts by `apply`."""
        self._effects.services, self._effects.apply = services, apply

    def hurry(self) -> None:
        """Saves at once, in the thread of the saver, with the headers that the app gave last."""
        self._running.dispatch(Flush())

    def close(self, timeout: float = SECONDS) -> None:
        """Sends what is not saved, and lets go. What could not be sent stays in the journal."""
        if not self._running.is_open:
            return
        end = time.monotonic() + timeout
        try:
            self._renew()
            self._running.last(end, ending=False)
        finally:
            self._running.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Saves, as `close`. Raises if that failed and nothing else is raised."""
        self.close()
        if kind is None and self.state.dirty:
            raise self._trouble() or Offline("It was not saved. It is in the journal.")

    def _renew(self) -> None:
        """Asks the app for headers, in its thread. If it has none, the last ones may still be good."""
        try:
            headers = self._effects.services.headers()
        except Exception as error:
            log.exception("the app has no headers")
            return self._running.dispatch(Failed(f"There are no headers: {error!r}"))
        if headers != self._effects.headers:
            self._effects.headers = headers
            if self._running.state.trouble == "signed_out":
                self._running.dispatch(Online())

    def _run(self, event: Event, timeout: float) -> DocumentState:
        self.dispatch(event)
        return self._settled(timeout)

    def dispatch(self, event: Event) -> None:
        """For the other modules of this package."""
        self._renew()
        self._running.dispatch(event)

    def _settled(self, timeout: float) -> DocumentState:
        """Waits until the edits until now are saved, or cannot be."""
        edits = self._running.state.edits

        def is_over(s: State) -> bool:
            saved = s.acked >= edits and not s.rename and not (s.promote and s.kind != "active")
            return not self._running.is_busy(s) and self._running.is_idle() and (bool(s.trouble) or saved)

        self._running.until(lambda s: is_over(s) and self._running.is_written(), timeout)
        error = self._trouble()
        if error and (self.state.dirty or not isinstance(error, ReadOnly)):
            raise error
        return self.state

    def _idle(self, timeout: float) -> None:
        self._running.until(lambda s: not self._running.is_busy(s) and self._running.is_idle(), timeout)

    def _trouble(self) -> SavepointError | None:
        s = self._running.state
        if not s.trouble:
            return None
        return of_trouble(s.trouble, s.problem, s.error)

    def _ask(self, method: str, path: str, timeout: float = SECONDS) -> Any:
        call = Call(method, f"/sessions/{quote(self.id, safe='')}{path}", {})
        self._renew()
        return self._effects.http.ask(call, self._effects.headers, timeout)
