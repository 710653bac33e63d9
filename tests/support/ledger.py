"""What clients were told, and what they never got an answer to, to hold against what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from persistence.sessions.documents import SessionAction, SessionHead, SessionStatus
from tests.support.storage import Stored


@dataclass(frozen=True)
class Effect:
    """What one write makes of a session, as its history tells it. No two writes have the same."""

    action: SessionAction
    title: str
    content_hash: str


@dataclass
class Known:
    """One session. A write stands in `maybe` from when it is sent until it is answered."""

    acknowledged: dict[int, Effect]
    maybe: list[Effect] = field(default_factory=list)
    deletion_sent: bool = False
    deleted: bool = False

    @property
    def newest(self) -> tuple[int, Effect]:
        version = max(self.acknowledged)
        return version, self.acknowledged[version]

    def reconcile(self, head: SessionHead) -> None:
        """AssertionError unless the head is what was acknowledged, and each other write of it a `maybe`."""
        version, _ = self.newest
        if head.status is SessionStatus.DELETED:
            assert self.deletion_sent, "deleted by nobody"
            assert head.metadata.version == version + 1
            self.deleted = True
            return
        assert not self.deleted, "back from the dead"
        assert head.metadata.version >= version, "an acknowledged version is missing"
        for revision in head.revisions:
            stored = Effect(revision.action, revision.title, revision.content_hash)
            if revision.version not in self.acknowledged:
                assert stored in self.maybe, f"nobody sent {stored}"
                self.maybe.remove(stored)
                self.acknowledged[revision.version] = stored
            assert stored == self.acknowledged[revision.version]
        self.maybe.clear()
        self.deletion_sent = False


class Ledger:
    """Every session that the clients made, by id."""

    def __init__(self) -> None:
        self.sessions: dict[str, Known] = {}
        self.answered = 0
        self.unanswered = 0
        self._creating: list[Effect] = []

    @property
    def live(self) -> dict[str, Known]:
        return {id: known for id, known in self.sessions.items() if not known.deleted}

    @contextmanager
    def sending(self, effect: Effect, session_id: str | None = None) -> Iterator[None]:
        """Around the sending of a write, of a create where there is no id yet. An exception: no answer."""
        maybe = self._creating if session_id is None else self.sessions[session_id].maybe
        maybe.append(effect)
        with self._counting():
            yield
        maybe.remove(effect)

    @contextmanager
    def deleting(self, session_id: str) -> Iterator[None]:
        """Around the sending of a delete that nothing but silence can make fail."""
        self.sessions[session_id].deletion_sent = True
        with self._counting():
            yield
        self.sessions[session_id].deleted = True

    def reconcile(self, found: Stored) -> None:
        """AssertionError unless what is stored is every acknowledged write and of the unanswered ones each
        wholly or not at all. From then on, what is stored is what is known."""
        for id in found.heads.keys() - self.sessions.keys():
            newest = found.heads[id].revisions[0]
            created = Effect(newest.action, newest.title, newest.content_hash)
            assert created in self._creating, f"nobody sent {created}"
            self._creating.remove(created)
            self.sessions[id] = Known({1: created})
        self._creating.clear()
        assert self.sessions.keys() == found.heads.keys(), "an acknowledged session is missing"
        for id, known in self.sessions.items():
            known.reconcile(found.heads[id])
        # An interrupted write leaves one content at most: the one it wrote, or the one it should have pruned.
        assert len(found.orphans) <= self.unanswered

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.unanswered += 1
            raise
        self.answered += 1
