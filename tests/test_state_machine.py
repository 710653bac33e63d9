"""Stores behave as a plain model, for calls in any order, lost visits and killed timers."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from persistence import Stores, stores_over
from persistence.content import pack
from persistence.documents import new_id
from persistence.errors import Forbidden, Gone, IllegalMove, NotFound, StoreUnavailable
from persistence.kind import Kind
from persistence.sessions.documents import SessionChange, SessionContent, SessionHead
from persistence.snapshots.documents import AccessLog, NewSnapshot, Snapshot, Visitor
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.timers.daily import DAILY
from persistence.trash.store import Emptied
from tests.conftest import SETTINGS, new_cosmos_account
from tests.support import sessions as of_sessions
from tests.support.breaking import Dies, Refuses
from tests.support.clock import Clock
from tests.support.engines import InSteps
from tests.support.snapshot_model import Entry, Frozen, Model
from tests.support.snapshots import GRACE, new, over, stored
from tests.support.timers import clean_up, purge

T = TypeVar("T")

TRASH_RETENTION = timedelta(days=SETTINGS.trash_retention_days)
WORDS = "What its owner may regret"
PEOPLE = st.sampled_from(["ann", "ben", "cleo"])
CONTENTS = st.sampled_from(["", "one", "two", "ż\0🙂"])
EXPIRIES = st.sampled_from([None, None, timedelta(minutes=9, seconds=30), timedelta(hours=3)])


class Everything(RuleBasedStateMachine):
    """Sessions, snapshots, access logs and the timer. The clock advances only when a rule says so."""

    runner: asyncio.Runner
    clock: Clock

    snapshot_ids = Bundle("snapshot_ids")
    session_ids = Bundle("session_ids")

    def open(self) -> Engine:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.engine = self.open()
        self.stores = stores_over(self.engine, SETTINGS.store_rules())
        self.model = Model()
        # Named contents by session; then contents that a failed save left behind, with its time.
        self.named: dict[str, set[str]] = {}
        self.lost: dict[str, datetime] = {}
        self.trashed_at: dict[str, datetime] = {}
        self.deleted_at: dict[str, datetime] = {}

    def teardown(self) -> None:
        self.run(self.stores.close())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(target=session_ids, content=CONTENTS)
    def create_session(self, content: str) -> str:
        head = self.run(self.stores.sessions.create("ann", of_sessions.new(content=content)))
        self.named[head.id] = set(head.content_ids)
        return head.id

    @rule(id=session_ids, content=CONTENTS, dies=st.booleans())
    def save_session(self, id: str, content: str, dies: bool) -> None:
        before = {one["id"] for one in self.run(stored(self.engine, SESSIONS, SessionContent))}
        sessions = over(Dies(InSteps(self.engine), at=2))[0] if dies else self.stores.sessions
        try:
            self.run(sessions.save("ann", id, SessionChange(content=pack(content))))
        except (Gone, NotFound):
            assert id in self.deleted_at or id in self.trashed_at
            return
        except StoreUnavailable:
            after = {one["id"] for one in self.run(stored(self.engine, SESSIONS, SessionContent))}
            self.lost |= dict.fromkeys(after - before, self.clock.at)
            return
        self.named[id] = set(self.run(self.stores.sessions.get_head("ann", id)).content_ids)

    @rule(id=session_ids, version=st.integers(1, 4), name=st.none() | st.sampled_from(["a", "b"]))
    def name_version(self, id: str, version: int, name: str | None) -> None:
        try:
            head = self.run(self.stores.sessions.name_revision("ann", id, version, name))
        except Gone:
            assert id in self.deleted_at or id in self.trashed_at
        except NotFound:
            stored_heads = self.run(of_sessions.stored_heads(self.engine, "ann"))
            versions = [one.version for head in stored_heads if head.id == id for one in head.revisions]
            assert version not in versions or id in self.deleted_at
        else:
            assert {one.version: one.name for one in head.revisions}[version] == name
            assert head.content_ids == self.named[id]

    @rule(id=session_ids, purge=st.booleans())
    def delete_session(self, id: str, purge: bool) -> None:
        try:
            self.run(self.stores.sessions.delete("ann", id, purge=purge))
        except NotFound:
            assert id in self.deleted_at, "the timer has forgotten the tombstone"
            return
        if id in self.deleted_at:
            return
        if purge:
            self.purged(id)
        else:
            self.trashed_at.setdefault(id, self.clock.at)

    @rule(id=session_ids)
    def restore_session(self, id: str) -> None:
        restoring = self.stores.trash.restore("ann", id)
        if id not in self.trashed_at:
            with pytest.raises((Gone, NotFound) if id in self.deleted_at else IllegalMove):
                self.run(restoring)
            return
        assert self.run(restoring).content_ids == self.named[id]
        del self.trashed_at[id]

    @rule()
    def empty_trash(self) -> None:
        assert self.run(self.stores.trash.empty("ann")) == Emptied(len(self.trashed_at), done=True)
        for id in [*self.trashed_at]:
            self.purged(id)

    def purged(self, id: str) -> None:
        """All contents were removed with the session, also those that a failed save has left."""
        self.trashed_at.pop(id, None)
        self.deleted_at[id] = self.clock.at
        self.named[id] = set()
        self.lost = {lost: since for lost, since in self.lost.items() if lost.partition("~")[0] != id}

    @rule()
    def daily_timer_runs(self) -> None:
        at = self.clock.at
        counts = self.run(purge(self.stores))
        due = [id for id, since in self.trashed_at.items() if since <= at - TRASH_RETENTION]
        assert (counts.trash, counts.spared, counts.drafts) == (len(due), 0, 0)
        for id in due:
            # Its contents stay until the other timer has run.
            del self.trashed_at[id]
            self.deleted_at[id] = at

    @rule(target=snapshot_ids, owner=PEOPLE, content=CONTENTS, expires=EXPIRIES)
    def create_snapshot(self, owner: str, content: str, expires: timedelta | None) -> str:
        expires_at = None if expires is None else self.clock.at + expires
        made = self.run(self.stores.snapshots.create(owner, frozen(content=content, expires_at=expires_at)))
        self.model.create(made.id, owner, content, expires_at)
        return made.id

    @rule(target=snapshot_ids, session_id=session_ids)
    def freeze_session(self, session_id: str) -> str:
        freezing = self.stores.snapshots.create("ann", NewSnapshot(session_id=session_id, description=WORDS))
        if session_id in self.deleted_at or session_id in self.trashed_at:
            with pytest.raises((Gone, NotFound)):
                self.run(freezing)
            return new_id()
        made = self.run(freezing)
        opened = self.run(self.stores.sessions.get("ann", session_id))
        assert opened.content is not None
        self.model.create(made.id, "ann", opened.content.decode(), None)
        return made.id

    @rule(target=snapshot_ids, owner=PEOPLE, content=CONTENTS, committed=st.booleans())
    def create_is_interrupted(self, owner: str, content: str, committed: bool) -> str:
        before = {one["id"] for one in self.run(stored(self.engine, SNAPSHOT_ACCESS_LOGS, AccessLog))}
        dying = over(Dies(self.engine, at=2, applied=committed))[1]
        with pytest.raises(StoreUnavailable):
            self.run(dying.create(owner, frozen(content=content)))
        after = {one["id"] for one in self.run(stored(self.engine, SNAPSHOT_ACCESS_LOGS, AccessLog))}
        (id,) = after - before
        self.model.entries[owner, id] = Entry(own=True, pending_since=self.clock.at)
        if committed:
            self.model.snapshots[id] = Frozen(owner, content)
            self.model.copies[owner, id] = 1
        return str(id)

    @rule(person=PEOPLE, id=snapshot_ids, lost=st.sampled_from(["nothing", "nothing", "entry", "copy"]))
    def visit(self, person: str, id: str, lost: str) -> None:
        refusing = Refuses(self.engine, SNAPSHOT_ACCESS_LOGS if lost == "entry" else SNAPSHOTS, "patch", "create")
        refusing.refusing = lost != "nothing"
        _, snapshots, logs, _ = over(refusing)
        snapshot = self.model.snapshots.get(id)
        if snapshot is None or snapshot.is_gone(self.clock.at):
            with pytest.raises(NotFound if snapshot is None else Gone):
                self.run(snapshots.get(person, id))
            return
        found, content = self.run(snapshots.get(person, id))
        self.run(logs.drain())
        assert (found.owner_id, content.decode()) == (snapshot.owner, snapshot.content)
        self.model.visit(person, id, entry_lost=lost == "entry", copy_lost=lost == "copy")

    @rule(person=PEOPLE, id=snapshot_ids)
    def remove_entry(self, person: str, id: str) -> None:
        self.run(self.stores.access_logs.remove(person, id))
        self.model.remove(person, id)

    @rule(person=PEOPLE, id=snapshot_ids)
    def delete_snapshot(self, person: str, id: str) -> None:
        snapshot = self.model.snapshots.get(id)
        deleting = self.stores.snapshots.delete(person, id)
        if snapshot is None or snapshot.owner != person:
            with pytest.raises(NotFound if snapshot is None else Forbidden):
                self.run(deleting)
            return
        self.run(deleting)
        self.run(self.stores.access_logs.drain())
        self.model.delete(id, self.clock.at)

    @rule(person=PEOPLE, id=snapshot_ids)
    def ask_for_stats(self, person: str, id: str) -> None:
        snapshot = self.model.snapshots.get(id)
        asking = self.stores.snapshots.stats(person, id)
        if snapshot is None or snapshot.owner != person or snapshot.is_gone(self.clock.at):
            refused = NotFound if snapshot is None else Forbidden if snapshot.owner != person else Gone
            with pytest.raises(refused):
                self.run(asking)
            return
        stats = self.run(asking)
        copies = [visits for (_, of), visits in self.model.copies.items() if of == id]
        assert (stats.visits, stats.visitors) == (sum(copies), len(copies))

    @rule(minutes=st.sampled_from([1, 7, 16, 60, 31 * 24 * 60]))
    def time_goes_by(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @rule(killed_at=st.none() | st.integers(1, 8))
    def timer_runs(self, killed_at: int | None) -> None:
        at = self.clock.at
        if killed_at is not None:
            try:
                self.run(clean_up_all(over(Dies(self.engine, killed_at, applied=killed_at % 2 == 0))[3]))
            except StoreUnavailable:
                pass
        self.run(clean_up_all(self.stores))
        self.model.run_timer(at)
        self.lost = {id: since for id, since in self.lost.items() if since > at - GRACE}
        # What is in the trash stays there, with all its contents.
        for id, deleted_at in self.deleted_at.items():
            if deleted_at <= at - GRACE:
                self.named[id] = set()

    @rule(person=PEOPLE)
    def look_at_lists(self, person: str) -> None:
        history = self.run(self.stores.access_logs.page(person, page_size=100)).items
        assert {entry.snapshot_id: entry.visits for entry in history} == self.model.history(person, self.clock.at)
        library = self.run(self.stores.snapshots.page(person, page_size=100)).items
        assert {entry.snapshot_id for entry in library} == self.model.library(person, self.clock.at)

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        entries = self.run(stored(self.engine, SNAPSHOT_ACCESS_LOGS, AccessLog))
        assert {(one["visitor_id"], one["id"]): as_entry(one) for one in entries} == {
            key: (entry.visits, entry.hidden, entry.deleted, entry.pending_since is not None)
            for key, entry in self.model.entries.items()
        }
        for one in entries:
            words = one["snapshot_metadata"]["description"]
            assert words == (None if one["snapshot_deleted"] else WORDS)
        visitors = self.run(stored(self.engine, SNAPSHOTS, Visitor))
        assert {(one["visitor_id"], one["snapshot_id"]): one["visits"] for one in visitors} == self.model.copies
        snapshots = self.run(stored(self.engine, SNAPSHOTS, Snapshot))
        assert {one["id"]: (one["deleted_at"] is None, one["unsettled_at"] is None) for one in snapshots} == {
            id: (one.deleted_at is None, one.deleted_at is None or one.settled)
            for id, one in self.model.snapshots.items()
        }

    @invariant()
    def visitor_items_never_show_more_than_entries(self) -> None:
        for key, visits in self.model.copies.items():
            assert visits <= self.model.entries[key].visits

    @invariant()
    def contents_are_those_that_heads_name_and_what_waits_for_the_timer(self) -> None:
        contents = {one["id"] for one in self.run(stored(self.engine, SESSIONS, SessionContent))}
        named = {id for ids in self.named.values() for id in ids}
        waiting = {id for id in self.lost if id.partition("~")[0] not in self.deleted_at}
        assert named | waiting <= contents <= named | self.lost.keys()
        heads = {one["id"] for one in self.run(stored(self.engine, SESSIONS, SessionHead))}
        assert self.named.keys() - self.deleted_at.keys() <= heads


async def clean_up_all(stores: Stores) -> None:
    """Runs the timers, without the purges of drafts and the trash."""
    kinds = tuple(kind for kind in stores.kinds if not any("purged" in name for name in counted_daily(kind)))
    await clean_up(replace(stores, kinds=kinds), daily=True)


def counted_daily(kind: Kind) -> list[str]:
    return [name for step in kind.timer_steps.get(DAILY, ()) for name in step.counts]


def frozen(**fields: Any) -> NewSnapshot:
    return new(description=WORDS, **fields)


def as_entry(item: dict[str, Any]) -> tuple[int, bool, bool, bool]:
    return item["visits"], item["hidden"], item["snapshot_deleted"], item["pending"]


@pytest.fixture(params=["sqlite", "cosmos"])
def machine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Everything]]:
    """The machine on each engine. Each example starts with an empty store; all share one event loop."""
    with asyncio.Runner() as loop:

        class Here(Everything):
            runner, clock = loop, Clock.installed(monkeypatch)

            def open(self) -> Engine:
                if request.param == "sqlite":
                    return SqliteEngine(tmp_path / uuid4().hex)
                endpoint = request.getfixturevalue("cosmos_endpoint")
                return CosmosEngine(loop.run(new_cosmos_account(endpoint)))

        yield Here


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])])
def test_everything_behaves_as_its_model(
    machine: type[Everything], request: pytest.FixtureRequest, times: int
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            # A step takes ten times as long over the wire.
            max_examples=times * (12 if "sqlite" in request.node.name else 4),
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
