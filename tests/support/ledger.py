"""What clients sent and what was acknowledged, to compare with what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.sessions.revisions import SessionAction
from tests.support.storage import Stored


@dataclass(frozen=True)
class Write:
    """One write, as the history of its session shows it. No two writes are equal."""

    action: SessionAction
    title: str
    content_hash: str


@dataclass
class Known:
    """One session. A write is `unconfirmed` from its request to its response."""

    acknowledged: dict[int, Write]
    unconfirmed: list[Write] = field(default_factory=list)
    deletion_sent: bool = False
    deleted: bool = False

    @property
    def newest(self) -> tuple[int, Write]:
        version = max(self.acknowledged)
        return version, self.acknowledged[version]

    def reconcile(self, head: SessionHead) -> None:
        """Asserts that the head has every acknowledged write, and beyond them only unconfirmed ones."""
        version, newest = self.newest
        if head.status in (SessionStatus.TRASHED, SessionStatus.DELETED):
            assert self.deletion_sent, "nobody sent a delete"
            assert head.metadata.version == version + 1
            self.deleted = True
            if head.status is SessionStatus.TRASHED:
                before = head.revisions[1]
                assert Write(before.action, before.title, before.content_hash) == newest, (
                    "the trash lost a version"
                )
            return
        assert not self.deleted, "a deleted session is back"
        assert head.metadata.version >= version, "an acknowledged version is missing"
        for revision in head.revisions:
            stored = Write(revision.action, revision.title, revision.content_hash)
            if revision.version not in self.acknowledged:
                assert stored in self.unconfirmed, f"nobody sent {stored}"
                self.unconfirmed.remove(stored)
                self.acknowledged[revision.version] = stored
            assert stored == self.acknowledged[revision.version]
        self.unconfirmed.clear()
        self.deletion_sent = False


class Ledger:
    """Every session that the clients made, by id."""

    def __init__(self) -> None:
        self.sessions: dict[str, Known] = {}
        self.answered = 0
        self.unanswered = 0
        self._creating: list[Write] = []

    @property
    def live(self) -> dict[str, Known]:
        return {id: known for id, known in self.sessions.items() if not known.deleted}

    @contextmanager
    def sending(self, write: Write, session_id: str | None = None) -> Iterator[None]:
        """Wraps the request of a write. Without a session id it is a create. An exception means no response."""
        unconfirmed = self._creating if session_id is None else self.sessions[session_id].unconfirmed
        unconfirmed.append(write)
        with self._counting():
            yield
        unconfirmed.remove(write)

    @contextmanager
    def deleting(self, session_id: str) -> Iterator[None]:
        """Wraps the request of a delete that fails only if no response comes."""
        self.sessions[session_id].deletion_sent = True
        with self._counting():
            yield
        self.sessions[session_id].deleted = True

    def reconcile(self, found: Stored) -> None:
        """Asserts that every acknowledged write is stored, and each unanswered one completely or not at all.

        From then on, the stored state counts as acknowledged.
        """
        for id in found.heads.keys() - self.sessions.keys():
            newest = found.heads[id].revisions[0]
            created = Write(newest.action, newest.title, newest.content_hash)
            assert created in self._creating, f"nobody sent {created}"
            self._creating.remove(created)
            self.sessions[id] = Known({1: created})
        self._creating.clear()
        assert self.sessions.keys() == found.heads.keys(), "an acknowledged session is missing"
        for id, known in self.sessions.items():
            known.reconcile(found.heads[id])
        # An interrupted write leaves at most one content: its own, or one that it should have pruned.
        assert len(found.orphans) <= self.unanswered

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.unanswered += 1
            raise
        self.answered += 1
