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
        if entry.own and not entry.deleted:
            entry.hidden = True
            return
        del self.entries[person, id]
        self.copies.pop((person, id), None)

    def delete(self, id: str, at: datetime) -> None:
        snapshot = self.snapshots[id]
        if snapshot.deleted_at is None:
            snapshot.deleted_at = at
        self._mark(snapshot.owner, id)

    def run_timer(self, at: datetime) -> None:
        for id, snapshot in self.snapshots.items():
            if snapshot.deleted_at is None and snapshot.is_gone(at):
                self.delete(id, at)
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

    def history(self, person: str) -> dict[str, int]:
        shown = {
            key: entry for key, entry in self.entries.items() if not entry.hidden and entry.pending_since is None
        }
        return {id: entry.visits for (who, id), entry in shown.items() if who == person}

    def library(self, person: str) -> set[str]:
        mine = {id for id, snapshot in self.snapshots.items() if snapshot.owner == person}
        entries = {id: self.entries[person, id] for id in mine if (person, id) in self.entries}
        return {id for id, entry in entries.items() if entry.pending_since is None and not entry.deleted}

    def _mark(self, person: str, id: str) -> None:
        entry = self.entries.get((person, id))
        if entry is not None:
            entry.deleted, entry.pending_since = True, None
