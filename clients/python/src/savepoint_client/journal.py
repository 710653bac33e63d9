"""What the server does not have yet, on this disk: a file for each document of each process.

A folder for each server and person. Files are written beside, synced and renamed. Only their user reads them.
"""

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

from savepoint_client.entry import Entry, Unreadable, loads
from savepoint_client.presence import Presence

ASIDE_MOST = 10
PEOPLE_MOST = 1_000
ASIDE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Aside:
    """A text that was put aside. It stays for 30 days, the last ten of a person.

    `why`: `kept` in a conflict, `discarded`, `not_applied` or `unreadable`.
    """

    owner: str
    app: str
    id: str
    title: str
    why: str
    at: float
    content: str


class Journal:
    """The journal of this process on one server. Every method raises OSError if the disk does not work."""

    def __init__(self, presence: Presence, server: str) -> None:
        self._presence = presence
        self._root = presence.root
        self._server = server

    def put(self, entry: Entry) -> None:
        raw = entry.dumps()
        self._presence.show()
        _write(self._folder(entry.owner) / _name(entry), raw)

    def remove(self, owner: str, id: str, instance: str) -> None:
        (self._folder(owner) / f"{id}.{instance}.json").unlink(missing_ok=True)

    def left(self, owners: Iterable[str], app: str) -> list[Entry]:
        """Returns what documents of an app left that are closed, or whose processes are gone."""
        found = [entry for owner in dict.fromkeys(owners) for entry in self._entries(owner)]
        return [each for each in found if each.app == app and self._presence.is_orphan(each.instance)]

    def _entries(self, owner: str) -> list[Entry]:
        """What cannot be read is put aside. Whose an entry is follows from its place, because `take` moves it."""
        found = []
        for path in _files(self._folder(owner)):
            try:
                raw = path.read_bytes()
                found.append(replace(loads(raw), owner=owner, instance=_instance(path)))
            except FileNotFoundError:
                pass  # it was saved meanwhile
            except Unreadable:
                id = path.name.partition(".")[0]
                text = raw.decode(errors="backslashreplace")
                self.put_aside(Aside(owner, "", id, "", "unreadable", time.time(), text))
                path.unlink(missing_ok=True)
        return found

    def take(self, entry: Entry, owner: str, instance: str) -> Entry | None:
        """Moves an entry to another instance. Returns None if somebody else was faster."""
        self._presence.show()
        mine = replace(entry, owner=owner, instance=instance)
        old, new = (self._folder(each.owner) / _name(each) for each in (entry, mine))
        _make(new.parent)
        try:
            os.rename(old, new)
        except FileNotFoundError:
            return None
        _sync(new.parent)
        return mine

    def put_aside(self, one: Aside) -> None:
        folder = self._folder(one.owner) / "aside"
        _write(folder / f"{time.time_ns():020d}.{token_urlsafe(3)}.json", json.dumps(asdict(one)).encode())
        for path in _files(folder)[:-ASIDE_MOST]:
            path.unlink(missing_ok=True)

    def asides(self, owner: str, app: str) -> dict[Path, Aside]:
        """Returns what was put aside, the oldest first. An app also gets what cannot be read."""
        found = {}
        for path in _files(self._folder(owner) / "aside"):
            with suppress(ValueError, TypeError, FileNotFoundError):
                one = Aside(**json.loads(path.read_bytes()))
                if one.at > time.time() - ASIDE_SECONDS and one.app in ("", app):
                    found[path] = one
        return found

    def remember(self, identity: str, owner: str) -> None:
        """Keeps who an identity was, for a start without a connection."""
        path = self._person(identity)
        if self.remembered(identity) != owner:
            _write(path, owner.encode())
            people = sorted(path.parent.glob("[!.]*"), key=lambda each: each.stat().st_mtime)
            for other in people[:-PEOPLE_MOST]:
                other.unlink(missing_ok=True)

    def remembered(self, identity: str) -> str:
        with suppress(OSError, UnicodeError):
            return self._person(identity).read_text()
        return ""

    def forget(self, owner: str) -> None:
        """Removes everything of a person."""
        for folder in (self._folder(owner) / "aside", self._folder(owner)):
            for path in _files(folder):
                path.unlink(missing_ok=True)

    def _folder(self, owner: str) -> Path:
        return self._root / _hash(self._server, owner)

    def _person(self, identity: str) -> Path:
        return self._root / "people" / _hash(self._server, identity)


def _hash(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _name(entry: Entry) -> str:
    return f"{entry.id}.{entry.instance}.json"


def _instance(path: Path) -> str:
    return path.name.removesuffix(".json").partition(".")[2]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(path: Path, raw: bytes) -> None:
    """Replaces a file so that a crash leaves the old one or the new one."""
    _make(path.parent)
    beside = path.with_name(f".{path.name}.{token_urlsafe(3)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
