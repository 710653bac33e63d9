"""A server, as a process sees it: who is signed in, its open documents, and what earlier processes left."""

import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from secrets import token_urlsafe
from types import TracebackType
from typing import Any, Literal, Self

import httpx2

from savepoint_client.account import Account
from savepoint_client.document import SECONDS, Document
from savepoint_client.effects import Effects
from savepoint_client.errors import NotFound, SavepointError
from savepoint_client.http import Call, Http, Reply
from savepoint_client.journal import Journal
from savepoint_client.lists import Activity, Drafts, Sessions, Snapshots, Trash
from savepoint_client.model import JOURNAL_MOST, Config, State
from savepoint_client.opening import Options, open_document
from savepoint_client.recovery import Claimed, Recoverable, Recovery
from savepoint_client.requests import About
from savepoint_client.running import Running
from savepoint_client.saver import Saver

log = logging.getLogger("savepoint_client")

WHO_SECONDS = 3.0
SOONEST = 0.001

HeadersOrFunction = Mapping[str, str] | Callable[[], Mapping[str, str]]


def connect(
    base_url: str,
    *,
    app: str = "",
    token: str | None = None,
    headers: HeadersOrFunction | None = None,
    device_info: str | None = None,
    identity: str = "",
    journal_dir: str | os.PathLike[str] | None = None,
    saver: Saver | None = None,
) -> "Server":
    """Returns a server. Sends nothing yet.

    `base_url` ends in `/api/persistence`. `headers` as a function is called in the threads of the app only.
    `identity` names the person on this device, if several share it; without it, the headers do, as long as they
    stay the same. `saver` is shared by servers of one process.
    """
    if token is not None and headers is not None:
        raise ValueError("Give a token or headers, not both.")
    own = saver is None
    saver = saver or Saver(journal_dir)
    given = headers or {}
    if token is not None:
        given = {"Authorization": f"Bearer {token}"}
    return Server(base_url, app, given, device_info or _device(), identity, saver, owns_saver=own)


class Server:
    def __init__(
        self,
        base_url: str,
        app: str,
        headers: HeadersOrFunction,
        device: str | None,
        identity: str,
        saver: Saver,
        *,
        owns_saver: bool,
    ) -> None:
        self.app = app
        self.saver = saver
        self._device = device
        self._identity = identity
        self._given = headers
        self._owns_saver = owns_saver
        self._base_url = base_url.rstrip("/")
        self._known = dict[tuple[tuple[str, str], ...], str]()
        self.journal = Journal(saver.presence, self._base_url)
        self._recovery = Recovery(self)
        self.sessions = Sessions(self.ask, self.new_id)
        self.drafts = Drafts(self.ask, self.new_id)
        self.snapshots = Snapshots(self.ask, self.new_id)
        self.trash = Trash(self.ask, self.new_id)
        self.activity = Activity(self.ask, self.new_id)
        self.account = Account(self)

    @property
    def http(self) -> Http:
        """Made anew, because a child has another client."""
        return Http(self._base_url, self.saver.client)

    def headers(self) -> dict[str, str]:
        """Asks the app for the headers of a request."""
        return dict(self._given() if callable(self._given) else self._given)

    def read(self, path: str, seconds: float = SECONDS) -> Reply:
        """Reads, twice if there is no response. Raises nothing."""
        return self.http.repeat(Call("GET", path, {}), self.headers(), seconds, tries=2)

    def ask(self, call: Call, seconds: float = SECONDS) -> Any:
        """Returns the body of a response. Raises a SavepointError."""
        return self.http.ask(call, self.headers(), seconds)

    def stream(self, path: str) -> AbstractContextManager[httpx2.Response]:
        return self.http.stream(path, self.headers())

    @staticmethod
    def new_id() -> str:
        """12 characters, as the server's own ids."""
        return token_urlsafe(9)

    def who(self, headers: Mapping[str, str], seconds: float = WHO_SECONDS, *, ask: bool = True) -> str | None:
        """Returns the owner id, "" for nobody, None if the server does not respond."""
        key = tuple(sorted(headers.items()))
        if not ask and key in self._known:
            return self._known[key]
        reply = self.http.repeat(Call("GET", "/me", {}), headers, min(seconds, WHO_SECONDS), tries=2)
        owner = reply.body.get("ownerId") if reply.is_ok and isinstance(reply.body, Mapping) else None
        if not owner:
            self._known.pop(key, None)
            return "" if reply.status == 401 else None
        self._known = {**dict(list(self._known.items())[-9:]), key: owner}
        with suppress(OSError):  # then a start without a connection does not know the person
            self.journal.remember(self.person(headers), owner)
        return str(owner)

    def owner(self) -> str:
        """The id of the person. Without a connection, it is who had these headers last. Empty for nobody."""
        headers = self.headers()
        found = self.who(headers, ask=False)
        return self.journal.remembered(self.person(headers)) if found is None else found

    def person(self, headers: Mapping[str, str]) -> str:
        """Tells people on this device apart without a connection. Empty for nobody."""
        if self._identity or not headers:
            return self._identity
        return sha256(repr(sorted(headers.items())).encode()).hexdigest()[:32]

    def owners(self) -> list[str]:
        """The person, and nobody: what was begun before signing in. Not if several people share the device."""
        return [self.owner()] if self._identity else list(dict.fromkeys([self.owner(), ""]))

    def open(
        self,
        id: str | None = None,
        *,
        title: str = "",
        serialize: Callable[[], str] | None = None,
        apply: Callable[[str], object] | None = None,
        media_type: str | None = None,
        wait: float = 10.0,
        max_wait: float = 30.0,
        journal_after: float = 0.25,
        poll: float = 0.0,
        on_conflict: Literal["ask", "copy"] = "ask",
    ) -> Document:
        """Opens a session or draft, or begins a draft. Raises a SavepointError if there is nothing to show.

        What a process that is gone could not save of it is shown and saved. `wait` is the time from the last edit
        to the save, `max_wait` that from the first one, `journal_after` that to the journal: at most 0.5 s.
        """
        soon = max(SOONEST, min(journal_after, JOURNAL_MOST))
        config = Config(soon, max(SOONEST, wait), max(wait, max_wait), poll, on_conflict)
        return open_document(self, id, title, Options(config, serialize, apply, media_type))

    def document(self, state: State, owner: str, instance: str | None, options: Options) -> Document:
        """Runs a document from a state. For the other modules of this package."""
        about = About(self.app, self._device, options.media_type)
        effects = Effects(self, about, owner, options.apply)
        instance = instance or self.saver.presence.new_instance()
        return Document(Running(self.saver, state, effects, options.serialize, instance), effects)

    def recoverable(self) -> list[Recoverable]:
        """Lists what processes that are gone could not save, and what was put aside."""
        return self._recovery.list()

    def claim(self, one: Recoverable, timeout: float = SECONDS) -> Claimed:
        """Saves such an entry: where it belongs if nothing was saved there since, else as a draft."""
        return self._recovery.claim(one, timeout)

    def recover(self, timeout: float = SECONDS) -> list[Claimed]:
        """Claims all that can be saved at once. Overwrites nothing. A script calls it when it starts.

        What somebody with other headers began without a connection is left, see `claim`.
        """
        end = time.monotonic() + timeout
        claimed, person = [], self.person(self.headers())
        for one in self.recoverable():
            if one.current and one.entry and (one.owner or one.entry.person in ("", person)):
                try:
                    claimed.append(self.claim(one, max(0.1, end - time.monotonic())))
                except (NotFound, OSError) as error:  # another process was faster, or the disk does not work
                    log.warning("an entry of the journal was not claimed: %s", error)
        return claimed

    def set_aside(self, one: Recoverable) -> None:
        """Takes an entry out of the way for 30 days. What is aside already is removed for good."""
        self._recovery.set_aside(one)

    def forget_device(self) -> None:
        """Removes everything of this person from this device, also what is not saved."""
        self.journal.forget(self.owner())

    def flush(self, timeout: float = SECONDS, id: str | None = None) -> None:
        """Saves all that this person has not saved in this process, as far as there is time. Raises nothing."""
        end, owner = time.monotonic() + timeout, self.owner()
        for each in self.saver.documents():
            if each.shown.dirty and each.is_of(self._base_url, owner, id):
                each.last(end, ending=False)

    def close(self, timeout: float = SECONDS) -> None:
        """Saves everything, ends the threads and closes the documents, if the threads are this server's own."""
        self._end(timeout)

    def _end(self, timeout: float) -> list[Running]:
        """Returns the documents that are not saved."""
        if not self._owns_saver:
            return []
        self.saver.flush(timeout)
        unsaved = [each for each in self.saver.documents() if each.shown.dirty]
        self.saver.close()
        return unsaved

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Saves, as `close`. Raises if that failed and nothing else is raised."""
        if (unsaved := self._end(SECONDS)) and kind is None:
            raise SavepointError(f"{len(unsaved)} documents are not saved. They are in the journal.")


def _device() -> str:
    return f"Python on {platform.system() or 'an unknown system'}"
