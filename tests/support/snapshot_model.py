"""A model of snapshots, visits and the timer: dictionaries instead of an engine."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.support.snapshots import GRACE, RETENTION

Key = tuple[str, str]
"""A person and a snapshot."""


@dataclass
class Frozen:
    """A snapshot. `settled` is True if the timer has nothing left to do for its tombstone."""

    owner: str
    content: str
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    settled: bool = False

    def is_gone(self, at: datetime) -> bool:
        return self.deleted_at is not None or (self.expires_at is not None and self.expires_at <= at)


@dataclass
class Entry:
    """An access log entry; `own` if the snapshot is the person's. `pending_since` is set until the create is
    confirmed."""

    own: bool
    visits: int = 1
    hidden: bool = False
    deleted: bool = False
    pending_since: datetime | None = None


@dataclass
class Model:
    """What the store must hold. `copies` are the visits that visitor items show."""

    snapshots: dict[str, Frozen] = field(default_factory=dict)
    entries: dict[Key, Entry] = field(default_factory=dict)
    copies: dict[Key, int] = field(default_factory=dict)

    def create(self, id: str, owner: str, content: str, expires_at: datetime | None) -> None:
        self.snapshots[id] = Frozen(owner, content, expires_at)
        self.entries[owner, id] = Entry(own=True)
        self.copies[owner, id] = 1

    def visit(self, person: str, id: str, *, entry_lost: bool = False, copy_lost: bool = False) -> None:
        if entry_lost:
            return
        entry = self.entries.setdefault((person, id), Entry(own=self.snapshots[id].owner == person, visits=0))
        entry.visits += 1
        entry.hidden = False
        if not copy_lost:
            self.copies[person, id] = entry.visits

    def remove(self, person: str, id: str) -> None:
        entry = self.entries.get((person, id))
        if entry is None:
            return
        if entry.own:
            entry.hidden = True
            return
        del self.entries[person, id]
        self.copies.pop((person, id), None)

    def delete(self, id: str, at: datetime) -> None:
        if self.snapshots[id].deleted_at is None:
            for person, _ in [key for key in self.copies if key[1] == id]:
                self._mark(person, id)
        self._bury(id, at)

    def run_timer(self, at: datetime) -> None:
        for id, snapshot in self.snapshots.items():
            if snapshot.deleted_at is None and snapshot.is_gone(at):
                self._bury(id, at)
        for id, snapshot in self.snapshots.items():
            if snapshot.deleted_at is not None and snapshot.deleted_at <= at - GRACE and not snapshot.settled:
                for person, _ in [key for key in self.entries if key[1] == id]:
                    self._mark(person, id)
                self.copies = {key: visits for key, visits in self.copies.items() if key[1] != id}
                snapshot.settled = True
        for (person, id), entry in list(self.entries.items()):
            if entry.pending_since is None or entry.pending_since > at - GRACE:
                continue
            if id not in self.snapshots:
                del self.entries[person, id]
            elif self.snapshots[id].deleted_at is not None:
                self._mark(person, id)
            else:
                entry.pending_since = None
        for id, snapshot in list(self.snapshots.items()):
            if snapshot.settled and snapshot.deleted_at is not None and snapshot.deleted_at <= at - RETENTION:
                del self.snapshots[id]

    def history(self, person: str, at: datetime) -> dict[str, int]:
        """Returns the visits by snapshot, without deleted and expired ones of the person's own."""
        listed = {id: entry for (who, id), entry in self.entries.items() if who == person and not entry.hidden}
        return {
            id: entry.visits
            for id, entry in listed.items()
            if entry.pending_since is None and not (entry.own and self._is_gone(id, entry, at))
        }

    def library(self, person: str, at: datetime) -> set[str]:
        own = {id: entry for (who, id), entry in self.entries.items() if who == person and entry.own}
        return {
            id for id, entry in own.items() if entry.pending_since is None and not self._is_gone(id, entry, at)
        }

    def _is_gone(self, id: str, entry: Entry, at: datetime) -> bool:
        return entry.deleted or self.snapshots[id].is_gone(at)

    def _bury(self, id: str, at: datetime) -> None:
        snapshot = self.snapshots[id]
        if snapshot.deleted_at is None:
            snapshot.deleted_at = at
        self._mark(snapshot.owner, id)

    def _mark(self, person: str, id: str) -> None:
        entry = self.entries.get((person, id))
        if entry is not None:
            entry.deleted, entry.pending_since = True, None
