"""Sessions behave as a plain model, for calls in any order."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from benchmarks.deltas import delta_of
from persistence.conditions import Conditions
from persistence.content import pack
from persistence.documents import caseless
from persistence.errors import Changed, Gone, IllegalMove, NotFound, TooManyNamed, Trashed
from persistence.sessions.documents import SessionChange, SessionHead
from persistence.sessions.patches import ContentDelta
from persistence.sessions.rules import SessionRules
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Engine
from persistence.storage.query import Operator, Sort
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.trash.store import Emptied, TrashStore
from tests.conftest import new_cosmos_account
from tests.support.sessions import assert_sound, new, session_store, sha256, stored_heads

T = TypeVar("T")

KEEP = 3
NAMED_MAX = 2
RULES = SessionRules(keep_revisions=KEEP, named_max=NAMED_MAX)
TITLES = st.sampled_from(["a", "A", "ab", "ż", "%", "it's"])
CONTENTS = st.sampled_from(["", "one", "two", "three", "ż\0🙂"])
DESCRIPTIONS = st.sampled_from([None, "", "about", "About"])


@dataclass
class Model:
    """One session. A line of its history is (version, title, content)."""

    title: str
    description: str | None
    content: str
    version: int = 1
    deleted: bool = False
    trashed: bool = False
    history: list[tuple[int, str, str]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    etags: list[str] = field(default_factory=list)

    @property
    def gone(self) -> type[Gone] | None:
        """What every call but a deletion raises."""
        return Gone if self.deleted else Trashed if self.trashed else None

    def moved(self, head: SessionHead) -> None:
        self.version += 1
        self.note(head)

    def note(self, head: SessionHead) -> None:
        lines = [(self.version, self.title, self.content), *self.history]
        unnamed = [line for line in lines if line[0] not in self.names]
        self.history = [line for line in lines if line not in unnamed[KEEP:]]
        self.etags.append(head.metadata.etag)


class Sessions(RuleBasedStateMachine):
    """One owner's sessions, through two stores that share nothing but the database."""

    engine: Engine
    runner: asyncio.Runner
    examples: int

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.owner = uuid4().hex
        self.known: dict[str, Model] = {}
        # One keeps a few contents in memory.
        self.stores = [session_store(self.engine, replace(RULES, cached_bytes=most)) for most in (0, 5_000)]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def nothing_yet(self) -> None:
        assert self.run(self.stores[0].page(self.owner)).items == []

    @rule(target=ids, title=TITLES, description=DESCRIPTIONS, content=CONTENTS, n=st.integers(0, 1))
    def create(self, title: str, description: str | None, content: str, n: int) -> str:
        head = self.run(self.stores[n].create(self.owner, new(title, content, description)))
        assert head.id not in self.known
        model = self.known[head.id] = Model(title, description or None, content)
        model.note(head)
        return head.id

    @rule(
        id=ids,
        title=st.none() | TITLES,
        description=DESCRIPTIONS,
        content=st.none() | CONTENTS,
        age=st.none() | st.integers(1, 4),
        n=st.integers(0, 1),
    )
    def save(
        self, id: str, title: str | None, description: str | None, content: str | None, age: int | None, n: int
    ) -> None:
        """Saves with the ETag of `age` changes ago, where 1 is the newest, or without one."""
        model = self.known[id]
        change = SessionChange(
            title=title, description=description, content=content if content is None else pack(content)
        )
        if_match = None if age is None else {model.etags[-min(age, len(model.etags))]}
        saving = self.stores[n].save(self.owner, id, change, Conditions(if_match))
        if model.gone:
            with pytest.raises(model.gone):
                self.run(saving)
            return
        if if_match and if_match != {model.etags[-1]}:
            with pytest.raises(Changed):
                self.run(saving)
            return
        head = self.run(saving)
        after = (
            model.title if title is None else title,
            model.description if description is None else description or None,
            model.content if content is None else content,
        )
        if after != (model.title, model.description, model.content):
            model.title, model.description, model.content = after
            model.version += 1
            model.note(head)
        assert head.metadata.etag == model.etags[-1]

    @rule(id=ids, added=CONTENTS, age=st.integers(1, 2), n=st.integers(0, 1))
    def save_delta(self, id: str, added: str, age: int, n: int) -> None:
        """Puts a text before the content that is current, with the ETag of `age` changes ago."""
        model = self.known[id]
        base, etag = model.content.encode(), model.etags[-min(age, len(model.etags))]
        content = (added + model.content).encode()
        delta = ContentDelta(etag, delta_of(content, added.encode(), (len(base), 0)), pack(content).hash)
        saving = self.stores[n].save_delta(self.owner, id, delta, Conditions({etag}))
        if model.gone or etag != model.etags[-1]:
            with pytest.raises(model.gone or Changed):
                self.run(saving)
            return
        head = self.run(saving)
        if added:
            model.content = content.decode()
            model.version += 1
            model.note(head)
        assert head.metadata.etag == model.etags[-1]

    @rule(target=ids, id=ids, back=st.none() | st.integers(0, 5), title=st.none() | TITLES, n=st.integers(0, 1))
    def copy(self, id: str, back: int | None, title: str | None, n: int) -> Any:
        model = self.known[id]
        version = None if back is None else model.version - back
        copying = self.stores[n].copy(self.owner, id, title=title, version=version)
        contents = {None: model.content} | {version: content for version, _, content in model.history}
        if model.gone or version not in contents:
            with pytest.raises(model.gone or NotFound):
                self.run(copying)
            return multiple()
        head = self.run(copying)
        assert head.id not in self.known
        copy = Model(title or f"{model.title} (copy)", model.description, contents[version])
        self.known[head.id] = copy
        copy.note(head)
        return head.id

    @rule(id=ids, back=st.integers(0, 5), n=st.integers(0, 1))
    def restore(self, id: str, back: int, n: int) -> None:
        model = self.known[id]
        version = model.version - back
        restoring = self.stores[n].restore(self.owner, id, version)
        contents = {version: content for version, _, content in model.history}
        if model.gone or version not in contents:
            with pytest.raises(model.gone or NotFound):
                self.run(restoring)
            return
        head = self.run(restoring)
        if contents[version] != model.content:
            model.content = contents[version]
            model.version += 1
            model.note(head)
        assert head.metadata.etag == model.etags[-1]

    @rule(id=ids, back=st.integers(0, 5), name=st.none() | TITLES, n=st.integers(0, 1))
    def name(self, id: str, back: int, name: str | None, n: int) -> None:
        model = self.known[id]
        version = model.version - back
        naming = self.stores[n].name_revision(self.owner, id, version, name)
        if model.gone or version not in {line[0] for line in model.history}:
            with pytest.raises(model.gone or NotFound):
                self.run(naming)
            return
        if name is not None and version not in model.names and len(model.names) == NAMED_MAX:
            with pytest.raises(TooManyNamed):
                self.run(naming)
            return
        assert self.run(naming).metadata.etag == model.etags[-1]
        model.names.pop(version, None)
        if name is not None:
            model.names[version] = name

    @rule(id=ids, age=st.none() | st.integers(1, 2), n=st.integers(0, 1), purge=st.booleans())
    def delete(self, id: str, age: int | None, n: int, purge: bool) -> None:
        model = self.known[id]
        if_match = None if age is None else {model.etags[-min(age, len(model.etags))]}
        deleting = self.stores[n].delete(self.owner, id, if_match, purge=purge)
        if not model.gone and if_match and if_match != {model.etags[-1]}:
            with pytest.raises(Changed):
                self.run(deleting)
            return
        self.run(deleting)
        if purge:
            model.deleted = True
        elif not model.gone:
            model.trashed = True
            [head] = [one for one in self.run(stored_heads(self.engine, self.owner)) if one.id == id]
            model.moved(head)

    @rule(id=ids, n=st.integers(0, 1))
    def restore_from_trash(self, id: str, n: int) -> None:
        model = self.known[id]
        restoring = TrashStore(self.stores[n]).restore(self.owner, id)
        if model.deleted or not model.trashed:
            with pytest.raises(Gone if model.deleted else IllegalMove):
                self.run(restoring)
            return
        model.trashed = False
        model.moved(self.run(restoring))

    @rule(id=ids, n=st.integers(0, 1))
    def purge(self, id: str, n: int) -> None:
        model = self.known[id]
        purging = TrashStore(self.stores[n]).purge(self.owner, id)
        if not model.gone:
            with pytest.raises(IllegalMove):
                self.run(purging)
            return
        self.run(purging)
        model.deleted = True

    @rule(n=st.integers(0, 1))
    def empty_trash(self, n: int) -> None:
        trashed = {id for id, one in self.known.items() if one.gone is Trashed}
        assert self.run(TrashStore(self.stores[n]).empty(self.owner)) == Emptied(len(trashed), done=True)
        for id in trashed:
            self.known[id].deleted = True

    @rule(n=st.integers(0, 1))
    def list_trash(self, n: int) -> None:
        listed = [one.id for one in self.run(TrashStore(self.stores[n]).page(self.owner, page_size=100)).items]
        assert sorted(listed) == sorted(id for id, one in self.known.items() if one.gone is Trashed)

    @rule(id=ids, n=st.integers(0, 1))
    def get(self, id: str, n: int) -> None:
        model = self.known[id]
        if model.gone:
            with pytest.raises(model.gone):
                self.run(self.stores[n].get(self.owner, id))
            return
        got = self.run(self.stores[n].get(self.owner, id))
        metadata = got.head.metadata
        assert got.content == model.content.encode()
        assert (metadata.title, metadata.description, metadata.version) == (
            model.title,
            model.description,
            model.version,
        )
        history = [(r.version, r.title, r.content_hash) for r in got.head.revisions]
        assert history == [(version, title, sha256(content)) for version, title, content in model.history]
        assert {r.version: r.name for r in got.head.revisions if r.name is not None} == model.names

    @rule(id=ids)
    def another_owner_finds_nothing(self, id: str) -> None:
        with pytest.raises(NotFound):
            self.run(self.stores[0].get(f"not {self.owner}", id))

    @rule(fragment=st.sampled_from(["a", "A", "b", "%", "'", "Ż"]))
    def search(self, fragment: str) -> None:
        store = self.stores[0]
        contains = store.filters.create("metadata.title__lower", fragment, Operator.CONTAINS)
        found = self.run(store.page(self.owner, [contains], page_size=100)).items
        expected = {id for id, one in self.alive().items() if caseless(fragment) in caseless(one.title)}
        assert {one.id for one in found} == expected

    @rule(size=st.integers(1, 3), descending=st.booleans())
    def list_all(self, size: int, descending: bool) -> None:
        sort, cursor, listed = Sort("metadata.title", descending), None, []
        while True:
            page = self.run(self.stores[1].page(self.owner, (), sort, size, cursor))
            listed += [(one.metadata.title, one.id) for one in page.items]
            if (cursor := page.cursor) is None:
                break
        expected = sorted((one.title, id) for id, one in self.alive().items())
        assert listed == (expected[::-1] if descending else expected)

    def teardown(self) -> None:
        self.run(assert_sound(self.engine, self.owner))

    def alive(self) -> dict[str, Model]:
        return {id: one for id, one in self.known.items() if not one.gone}


@pytest.fixture(params=["sqlite", "cosmos"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[type[Sessions]]:
    """The machine on each engine. All its examples share one event loop and one store."""
    with asyncio.Runner() as loop:
        if request.param == "sqlite":
            opened: Engine = SqliteEngine(tmp_path / "data")
        else:
            endpoint = request.getfixturevalue("cosmos_endpoint")
            opened = CosmosEngine(loop.run(new_cosmos_account(endpoint)))

        class Here(Sessions):
            engine, runner = opened, loop
            # A step takes ten times as long over the wire.
            examples = 25 if request.param == "sqlite" else 8

        yield Here
        loop.run(opened.close())


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])])
def test_sessions_behave_as_their_model(machine: type[Sessions], times: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=times * machine.examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
