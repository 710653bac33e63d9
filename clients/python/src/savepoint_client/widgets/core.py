"""What a page of named values needs to save itself: `collect`, `apply`, `light`, `on_disconnect`.

It knows no framework. An adapter gives it the values of the page, shows those that `apply` returns, and
draws the light.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from savepoint_client.document import Document
from savepoint_client.view import DocumentState
from savepoint_client.widgets.values import decode, encode

MEDIA_TYPE = "application/json"

_WORDS: Mapping[str, str] = {
    "clean": "Saved",
    "dirty": "Unsaved changes",
    "saving": "Saving…",
    "offline": "Offline: tried again",
    "conflict": "Changed elsewhere",
    "gone": "Deleted elsewhere",
    "too_large": "Too large: {size} of {limit} bytes",
    "no_room": "There is no room left",
    "read_only": "Closed: read-only",
    "signed_out": "Sign in to save",
    "refused": "Not saved",
}
_SAFE: Mapping[str, str] = {"device": ", kept on this device", "nowhere": ", not kept anywhere yet", "server": ""}


@dataclass(frozen=True)
class Light:
    color: Literal["green", "orange", "red"]
    words: str
    busy: bool
    """True if it may change by itself soon."""


class Core:
    """The values of one page and their document. `collect` and `apply` are called in the thread of the page."""

    def __init__(self) -> None:
        self.document: Document
        self._lock = threading.RLock()
        self._saved = dict[str, Any]()
        """What the document has of each key, as JSON."""
        self._fresh = dict[str, Any]()
        """What was given to the page since the person could last do anything."""
        self._shown = dict[str, Any]()
        """What the page showed last."""
        self._held = dict[str, Any]()
        """What the page shows instead of a saved value that it cannot show."""
        self._defaults = dict[str, Any]()
        """What the page showed first of keys that are not saved. They are saved with the first change."""
        self._touched = False
        self._unsaved = dict[str, str]()
        self._unread = dict[str, str]()
        self._incoming = set[str]()
        """Keys that others have changed, and the page does not show yet."""
        self._drawn = set[str]()
        """Keys of the page. The document may have others, of an older page."""

    def take(self, text: str) -> None:
        """Takes what the document has, in any thread: `apply` gives it to the page. Raises ValueError."""
        found = json.loads(text)["keys"] if text else {}
        with self._lock:
            changed = {key for key in found if found[key] != self._saved.get(key)}
            self._saved = dict(found)
            self._incoming |= changed
            for key in changed:
                self._held.pop(key, None)

    def collect(self, values: Mapping[str, object], *, by_person: bool = True) -> bool:
        """Saves what has changed. Keys that are missing stay as they are. Returns whether anything has changed.

        Until something has, a page that shows only its defaults is not saved.

        Without `by_person`, nobody could act since `apply`: what differs is what the page cannot show.
        """
        with self._lock:
            before = json.dumps(self._saved, sort_keys=True)
            for key, value in values.items():
                try:
                    now = encode(value)
                    json.dumps(now, allow_nan=True)
                except (TypeError, ValueError, RecursionError) as error:
                    self._unsaved[key] = str(error)
                    continue
                self._unsaved.pop(key, None)
                self._accept(key, now, by_person)
            if self._touched:
                self._saved = {**self._defaults, **self._saved}
                self._defaults.clear()
            text = json.dumps(self._saved, sort_keys=True)
            if text == before:
                return False
            # Still under the lock: else what others saved meanwhile would be overwritten.
            self.document.changed(f'{{"keys": {text}}}')
            return True

    def _accept(self, key: str, now: Any, by_person: bool) -> None:
        before, self._shown[key] = self._shown.get(key, self._fresh.get(key)), now
        fresh = self._fresh.pop(key, None) if by_person else self._fresh.get(key)
        if key in self._incoming:
            if now == before:
                return  # the page does not show yet what others saved
            self._incoming.discard(key)
        if key in self._held:
            if now == self._held[key]:
                return
            del self._held[key]
        if not by_person and fresh is not None and now != fresh:
            self._held[key] = now
            return
        if key in self._saved:
            is_change = now != self._saved[key]
        else:
            is_change = now != self._defaults[key] if key in self._defaults else by_person
        if is_change or key in self._saved:
            self._saved[key] = now
            self._touched = self._touched or is_change
        else:
            self._defaults[key] = now

    def touch(self) -> None:
        """Counts the defaults of the page as entered."""
        self._touched = True

    def apply(self, keys: Iterable[str], shown: Iterable[str] = ()) -> dict[str, object]:
        """Returns what the page has to show: what it does not show yet, and what others have saved."""
        found = dict[str, object]()
        with self._lock:
            self._drawn.update(keys := set(keys))
            for key in keys & set(self._saved):
                if key in shown and key not in self._incoming:
                    continue
                try:
                    found[key] = decode(self._saved[key])
                    self._fresh[key] = self._shown[key] = self._saved[key]
                    self._unread.pop(key, None)
                except Exception as error:
                    self._unread[key] = repr(error)
                self._incoming.discard(key)
        return found

    @property
    def has_news(self) -> bool:
        """Whether others have saved something that the page does not show."""
        return bool(self._incoming & self._drawn)

    def kept(self) -> dict[str, object]:
        """Saved values that the page cannot show, such as an option that is offered no more. They stay saved."""
        return {key: _decoded(self._saved[key]) for key in self._held if key in self._saved}

    def notes(self) -> list[str]:
        """What a person should know, by key."""
        notes = [f"{key} is not saved: {why}" for key, why in self._unsaved.items()]
        notes += [f"{key} could not be restored: {why}" for key, why in self._unread.items()]
        return notes + [
            f"{key}: what was saved is not offered any more: {it!r}" for key, it in self.kept().items()
        ]

    def refuse(self, key: str, why: str) -> None:
        """Says that a value cannot be saved. Empty: there is none any more."""
        self._unsaved[key] = why
        if not why:
            del self._unsaved[key]

    def unrestored(self, key: str, why: str) -> None:
        """Says that a saved value could not be shown. It stays saved."""
        self._unread[key] = why

    def discard(self, key: str) -> None:
        """Removes a key from the document."""
        with self._lock:
            removed = self._saved.pop(key, None)
            self._held.pop(key, None)
            text = json.dumps(self._saved, sort_keys=True)
            if removed is not None:
                self.document.changed(f'{{"keys": {text}}}')

    def light(self) -> Light:
        state = self.document.state
        return Light(self._color(state), self._words(state), state.status != "clean")

    def _color(self, state: DocumentState) -> Literal["green", "orange", "red"]:
        if state.error or self._unsaved or state.status not in ("clean", "dirty", "saving"):
            return "red"
        return "green" if state.status == "clean" else "orange"

    def _words(self, state: DocumentState) -> str:
        words = _WORDS[state.status].format(size=state.size, limit=state.limit)
        words += _SAFE[state.safe] if state.status not in ("dirty", "saving") else ""
        return ". ".join([words, *([state.error] if state.error else []), *self.notes()])

    def on_disconnect(self) -> None:
        """Saves soon, in the thread of the saver. The page may come back."""
        self.document.hurry()


def _decoded(value: Any) -> object:
    try:
        return decode(value)
    except Exception:
        return value
