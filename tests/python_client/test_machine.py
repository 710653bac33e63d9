"""The state machine as a model: edits, decisions, losses, other devices and crashes in any order lose nothing."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from savepoint_client.events import (
    Due,
    Edited,
    Event,
    Flush,
    Fork,
    News,
    Online,
    RenameTo,
    Replace,
    Resolve,
    Restore,
    Save,
)
from savepoint_client.model import Config
from savepoint_client.steps import base_of
from savepoint_client.view import view

from tests.python_client.modelled import Documents, Process


class Saving(RuleBasedStateMachine):
    """One document of one process, which may crash, and somebody else who saves the same."""

    process: Process

    def __init__(self) -> None:
        super().__init__()
        self.server = Documents()
        self.count = 0
        self.made = list[str]()
        self.title: str | None = None
        """What the person has called it last, and no crash may lose."""

    @initialize(old=st.booleans(), on_conflict=st.sampled_from(["ask", "copy"]))
    def open(self, old: bool, on_conflict: Any) -> None:
        if old:
            self.server.versions["doc"], self.server.status["doc"] = [("Old", "first")], "active"
        self.process = Process(self.server, Config(on_conflict=on_conflict))

    def new(self, word: str) -> str:
        self.count += 1
        return f"{word} {self.count}"

    def enter(self, text: str) -> None:
        self.process.shown = text
        self.made.append(text)
        self.process.unsafe.append(text)

    @rule()
    def edit(self) -> None:
        self.enter(text := self.new("edit"))
        self.process.take(Edited(text))

    @precondition(lambda self: self.process.disk)
    @rule()
    def disk_works(self) -> None:
        self.process.write()

    @precondition(lambda self: self.process.net and not self.process.waits)
    @rule()
    def net_works(self) -> None:
        self.process.work()

    @precondition(lambda self: self.process.waits)
    @rule()
    def arrives(self) -> None:
        self.process.arrives()

    @precondition(lambda self: self.process.waits)
    @rule(applied=st.booleans())
    def is_lost(self, applied: bool) -> None:
        self.process.arrives(applied=applied, answered=False)

    @rule(timer=st.sampled_from(["journal", "send", "poll"]))
    def due(self, timer: Any) -> None:
        self.process.take(Due(timer))

    @precondition(lambda self: self.process.state.trouble == "offline")
    @rule()
    def retry(self) -> None:
        self.process.take(Due("retry"))

    @precondition(lambda self: "doc" in self.server.versions)
    @rule(is_told=st.booleans())
    def others_save(self, is_told: bool) -> None:
        self.server.save("doc", self.server.meta("doc")["title"], self.new("theirs"))
        if is_told and self.process.id == "doc":
            self.process.take(News(len(self.server.versions["doc"])))

    @rule(event=st.sampled_from([Flush(), Flush(ending=True), Save(), Online()]))
    def call(self, event: Event) -> None:
        self.process.take(event)

    @rule(saves=st.booleans())
    def rename(self, saves: bool) -> None:
        self.title = self.new("Title")
        self.process.unsafe.append(self.title)
        title = {"title": self.title}
        self.process.take(Save(title) if saves else RenameTo(title))

    @precondition(lambda self: self.process.state.base and self.process.id in self.server.versions)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        versions = len(self.server.versions[self.process.id])
        self.process.take(Restore(data.draw(st.integers(1, versions))))

    @rule()
    def save_as(self) -> None:
        self.title = self.new("Title")
        self.process.unsafe.append(self.title)
        self.process.take(Fork(self.new("fork"), self.title))

    @precondition(lambda self: not self.process.waits and self.server.ask(self.process.id).kind == "ok")
    @rule()
    def reload(self) -> None:
        meta = self.server.meta(self.process.id)
        if not (self.process.state.attempt and self.process.state.attempt.at < 2):
            self.title = None  # a new title is not saved either
        self.process.take(Replace(base_of(meta, self.server.text(self.process.id)), meta["status"]))

    @precondition(lambda self: self.process.state.conflict and not self.process.state.attempt)
    @rule(how=st.sampled_from(["mine", "theirs", "copy", "text"]))
    def resolve(self, how: str) -> None:
        if how != "text":
            return self.process.take(Resolve(how, self.new("chosen")))
        text = self.new("both")
        self.made.append(text)
        self.process.unsafe.append(text)
        self.process.take(Resolve(how, self.new("chosen"), text))

    @rule()
    def crash(self) -> None:
        for lost in self.process.unsafe:
            if lost in self.made:
                self.made.remove(lost)
            if lost == self.title:
                self.title = None
        self.process.start()

    @invariant()
    def nothing_is_lost(self) -> None:
        """The newest edit that a crash may not lose is on the server, in the journal or aside."""
        if self.made and not self.process.unsafe:
            assert self.made[-1] in self.process.kept()

    @invariant()
    def saved_means_saved(self) -> None:
        if self.made and view(self.process.state).safe == "server" and not self.process.disk:
            others = {each.content for id, each in self.process.journal.items() if id != self.process.id}
            assert self.made[-1] in self.server.all() | set(self.process.asides) | others
            assert self.process.net or self.process.shown == self.process.state.text

    def teardown(self) -> None:
        """Once the net works, all is saved, or a person has to decide."""
        if not hasattr(self, "process"):
            return
        process = self.process
        for _ in range(80):
            if process.disk:
                process.write()
            elif process.waits:
                process.arrives()
            elif process.net:
                process.work()
            elif process.state.trouble in ("offline", "signed_out") or process.state.attempt:
                process.take(Due("retry"))
                process.take(Due("poll"))
            elif process.state.conflict:
                process.take(Resolve("copy", self.new("chosen")))
            else:
                process.take(Flush())
                process.take(Due("poll"))
        assert view(process.state).status == "clean", process.state
        if self.made:
            assert self.made[-1] in process.kept()
            assert process.shown == process.state.text
            assert process.state.ending or process.shown == self.server.text(process.id)
        if self.title and not process.state.ending:
            assert self.server.meta(process.id)["title"] == self.title


class LongSaving(Saving):
    """The same, with more steps."""


TestSaving = Saving.TestCase
TestSaving.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

TestLongSaving = pytest.mark.soak(pytest.mark.timeout(900)(LongSaving.TestCase))
TestLongSaving.settings = settings(max_examples=3_000, stateful_step_count=50, deadline=None)
