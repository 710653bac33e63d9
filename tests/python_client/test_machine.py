"""The state machine as a model: edits, answers, losses, other devices and crashes in any order lose nothing."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from savepoint_client.entry import Entry, entry_of, loads, state_of
from savepoint_client.events import (
    Answer,
    Answered,
    Apply,
    Aside,
    Ask,
    Drop,
    Due,
    Edited,
    Effect,
    Event,
    Flush,
    Keep,
    Kept,
    Loaded,
    Online,
    Outcome,
    Resolve,
    Save,
    Send,
    Unapplied,
)
from savepoint_client.machine import next
from savepoint_client.model import Attempt, Config, State
from savepoint_client.view import view

BY = Outcome(now=0.0, random=0.5)


@dataclass
class Documents:
    """What the server has: each document's versions, and which key made which."""

    versions: dict[str, list[str]] = field(default_factory=dict)
    done: dict[str, Answer] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)

    def meta(self, id: str) -> dict[str, Any]:
        version = len(self.versions[id])
        return {
            **{"id": id, "etag": f'"{id}.{version}"', "version": version, "title": "", "updatedAt": "now"},
            **{"deviceInfo": None, "status": self.status[id]},
        }

    def take(self, id: str, a: Attempt) -> Answer:
        """Applies an attempt once, however often it comes."""
        if a.key in self.done:
            return self.done[a.key]
        id = a.id or id
        if a.etag is None:
            if id in self.versions:
                return Answer("stale", version=len(self.versions[id]))
            self.versions[id], self.status[id] = [a.text], "draft"
        elif a.etag != self.meta(id)["etag"]:
            return Answer("stale", version=len(self.versions[id]))
        elif a.form == "promote":
            self.status[id] = "active"
        else:
            self.versions[id].append(a.text)
        kind = "copied" if a.form == "copy" else "ok"
        self.done[a.key] = Answer(kind, self.meta(id), of={"version": 1} if kind == "copied" else None)  # type: ignore[arg-type]
        return self.done[a.key]

    def all(self) -> set[str]:
        return {text for versions in self.versions.values() for text in versions}


class Saving(RuleBasedStateMachine):
    """One document of one process, which may crash, and somebody else who saves the same."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Documents()
        self.journal: Entry | None = None
        self.asides = list[str]()
        self.flying: Attempt | None = None
        self.asked = False
        self.count = 0
        self.processes = 0
        self.shown = ""
        self.unsafe = list[str]()
        """Edits that no journal has yet: a crash may lose them."""
        self.made = list[str]()

    @initialize(old=st.booleans(), on_conflict=st.sampled_from(["ask", "copy"]))
    def open(self, old: bool, on_conflict: Any) -> None:
        self.config = Config(on_conflict=on_conflict)
        if old:
            self.server.versions["doc"], self.server.status["doc"] = ["first"], "active"
        self.start()

    def start(self) -> None:
        """As a new process: it goes on from the journal, or from what the server has."""
        self.processes += 1
        self.flying, self.asked, self.unsafe = None, False, []
        if self.journal:
            self.state = state_of(loads(self.journal.dumps()), self.config)
            self.shown = self.state.text
            return self.take(Due("retry") if self.state.attempt else Flush())
        seed = f"process{self.processes}"
        self.state = State(self.config, "doc", seed)
        if "doc" in self.server.versions:
            self.state.loading, self.state.snapped = True, 0
            self.asked = True
            self.load()

    def take(self, event: Event) -> None:
        self.state, effects = next(self.state, event)
        for effect in effects:
            self.perform(effect)

    def perform(self, effect: Effect) -> None:
        s = self.state
        if isinstance(effect, Keep):
            self.journal = entry_of(s, "ann", "", "i.1", None, 0.0)
            self.unsafe = []
            self.take(Kept(s.snapped, s.attempt.key if s.attempt else None, True))
        elif isinstance(effect, Drop) and effect.id is None and s.edits <= s.acked and not s.attempt:
            self.journal = None
        elif isinstance(effect, Aside):
            self.asides.append(effect.text)
        elif isinstance(effect, Apply):
            if s.edits > effect.edits:
                self.take(Unapplied(effect.base, ""))
            else:
                self.shown = effect.text
        elif isinstance(effect, Send):
            assert self.flying is None, "two attempts in flight"
            self.flying = s.attempt
        elif isinstance(effect, Ask) and effect.what == "load":
            self.asked = True

    def answer(self, answer: Answer) -> None:
        a, self.flying = self.flying, None
        assert a
        self.take(Answered(a.key, answer, BY))

    @rule()
    def edit(self) -> None:
        self.count += 1
        self.shown = f"edit {self.count}"
        self.made.append(self.shown)
        self.unsafe.append(self.shown)
        self.take(Edited(self.shown))

    @rule(timer=st.sampled_from(["journal", "send"]))
    def due(self, timer: Any) -> None:
        self.take(Due(timer))

    @precondition(
        lambda self: self.state.trouble == "offline" or (self.state.attempt and self.state.attempt.at == 2)
    )
    @rule()
    def retry(self) -> None:
        self.take(Due("retry"))

    @precondition(lambda self: self.flying)
    @rule()
    def arrives(self) -> None:
        assert self.flying
        self.answer(self.server.take(self.state.id, self.flying))

    @precondition(lambda self: self.flying)
    @rule(applied=st.booleans())
    def is_lost(self, applied: bool) -> None:
        assert self.flying
        if applied:
            self.server.take(self.state.id, self.flying)
        self.answer(Answer("lost"))

    @precondition(lambda self: self.asked)
    @rule()
    def load(self) -> None:
        self.asked = False
        meta = self.server.meta("doc")
        id = f"copy{len(self.server.versions)}.{self.count}"
        self.take(Loaded(Answer("ok", meta), self.server.versions["doc"][-1], id, BY))

    @precondition(lambda self: self.asked)
    @rule()
    def load_is_lost(self) -> None:
        self.asked = False
        self.take(Loaded(Answer("lost"), "", "unused", BY))

    @precondition(lambda self: "doc" in self.server.versions)
    @rule()
    def others_save(self) -> None:
        self.count += 1
        self.server.versions["doc"].append(f"theirs {self.count}")

    @rule(event=st.sampled_from([Flush(), Save(), Online()]))
    def call(self, event: Event) -> None:
        self.take(event)

    @precondition(lambda self: self.state.conflict and not self.state.attempt)
    @rule(how=st.sampled_from(["mine", "theirs", "copy"]))
    def resolve(self, how: str) -> None:
        self.take(Resolve(how, f"chosen{self.count}.{len(self.server.versions)}"))

    @rule()
    def crash(self) -> None:
        for lost in self.unsafe:
            self.made.remove(lost)
        self.start()

    @invariant()
    def nothing_is_lost(self) -> None:
        """The newest edit that a crash may not lose is on the server, in the journal, on the screen or aside."""
        if not self.made:
            return
        kept = self.server.all() | set(self.asides) | {self.shown}
        if self.journal:
            kept.add(self.journal.content)
            if self.journal.attempt:
                kept.add(self.journal.attempt.text)
        assert self.made[-1] in kept

    @invariant()
    def saved_means_saved(self) -> None:
        if not hasattr(self, "state") or not self.made:
            return
        if view(self.state).safe == "server":
            assert self.made[-1] in self.server.all() | set(self.asides)
            assert self.shown == self.state.text

    def teardown(self) -> None:
        """Once the net works, all is saved, or a person has to decide."""
        for _ in range(30):
            if self.flying:
                self.arrives()
            elif self.asked:
                self.load()
            elif self.state.trouble == "offline" or self.state.attempt:
                self.retry()
            elif self.state.conflict:
                self.resolve("copy")
            else:
                self.take(Flush())
        if self.made:
            assert view(self.state).status == "clean", self.state
            assert self.made[-1] in self.server.all() | set(self.asides)


TestSaving = Saving.TestCase
TestSaving.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
