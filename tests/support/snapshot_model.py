"""A plain model of snapshots, visits and what the timer does: dictionaries, and no engine."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.support.snapshots import GRACE, RETENTION

Key = tuple[str, str]
"""Who, and which snapshot."""


@dataclass
class Frozen:
    """A snapshot. `deleted_at` is when it became a tombstone, `settled` whether the timer is done with it."""

    owner: str
    content: str
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    settled: bool = False

    def is_gone(self, at: datetime) -> bool:
        return self.deleted_at is not None or (self.expires_at is not None and self.expires_at <= at)


@dataclass
class Row:
    """A person's row; `own` of a snapshot of theirs. `pending_since` is there for a create that nobody has
    confirmed."""

    own: bool
    visits: int = 1
    hidden: bool = False
    deleted: bool = False
    pending_since: datetime | None = None


@dataclass
class Model:
    """What is to be found in the store; `copies` are the visits that visitor items tell of."""

    snapshots: dict[str, Frozen] = field(default_factory=dict)
    rows: dict[Key, Row] = field(default_factory=dict)
    copies: dict[Key, int] = field(default_factory=dict)

    def create(self, id: str, owner: str, content: str, expires_at: datetime | None) -> None:
        self.snapshots[id] = Frozen(owner, content, expires_at)
        self.rows[owner, id] = Row(own=True)
        self.copies[owner, id] = 1

    def visit(self, person: str, id: str, *, row_lost: bool = False, copy_lost: bool = False) -> None:
        if row_lost:
            return
        row = self.rows.setdefault((person, id), Row(own=self.snapshots[id].owner == person, visits=0))
        row.visits += 1
        row.hidden = False
        if not copy_lost:
            self.copies[person, id] = row.visits

    def remove(self, person: str, id: str) -> None:
        row = self.rows.get((person, id))
        if row is None:
            return
        if row.own and not row.deleted:
            row.hidden = True
            return
        del self.rows[person, id]
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
                for person, _ in [key for key in self.rows if key[1] == id]:
                    self._mark(person, id)
                self.copies = {key: visits for key, visits in self.copies.items() if key[1] != id}
                snapshot.settled = True
        for (person, id), row in list(self.rows.items()):
            if row.pending_since is None or row.pending_since > at - GRACE:
                continue
            if id not in self.snapshots:
                del self.rows[person, id]
            elif self.snapshots[id].deleted_at is not None:
                self._mark(person, id)
            else:
                row.pending_since = None
        for id, snapshot in list(self.snapshots.items()):
            if snapshot.settled and snapshot.deleted_at is not None and snapshot.deleted_at <= at - RETENTION:
                del self.snapshots[id]

    def history(self, person: str) -> dict[str, int]:
        shown = {key: row for key, row in self.rows.items() if not row.hidden and row.pending_since is None}
        return {id: row.visits for (who, id), row in shown.items() if who == person}

    def library(self, person: str) -> set[str]:
        mine = {id for id, snapshot in self.snapshots.items() if snapshot.owner == person}
        rows = {id: self.rows[person, id] for id in mine if (person, id) in self.rows}
        return {id for id, row in rows.items() if row.pending_since is None and not row.deleted}

    def _mark(self, person: str, id: str) -> None:
        row = self.rows.get((person, id))
        if row is not None:
            row.deleted, row.pending_since = True, None
