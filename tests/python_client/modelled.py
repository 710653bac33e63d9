"""A server, a disk and a process in memory, for the model of the state machine. Nothing happens by itself."""

from dataclasses import dataclass, field
from typing import Any

from savepoint_client.agenda import Agenda
from savepoint_client.entry import Entry, entry_of, loads, state_of
from savepoint_client.events import (
    Answer,
    Answered,
    Apply,
    Aside,
    Ask,
    Drop,
    Due,
    Event,
    Flush,
    Keep,
    Kept,
    Loaded,
    Outcome,
    Polled,
    Send,
    SetTimer,
    Tell,
    Unapplied,
    Who,
)
from savepoint_client.machine import next
from savepoint_client.model import Attempt, Config, State
from savepoint_client.steps import base_of

BY = Outcome(now=0.0, random=0.5)


@dataclass
class Documents:
    """What the server has: the titles and texts of each document, and which key made what."""

    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    done: dict[str, Answer] = field(default_factory=dict)

    def meta(self, id: str) -> dict[str, Any]:
        version = len(self.versions[id])
        return {
            **{"id": id, "etag": f'"{id}.{version}"', "version": version, "title": self.versions[id][-1][0]},
            **{"updatedAt": "now", "deviceInfo": None, "status": self.status[id]},
        }

    def take(self, id: str, title: str, a: Attempt) -> Answer:
        """Applies an attempt once, however often it comes."""
        if a.key not in self.done:
            answer = self._taken(a.id or id, (a.rename or {}).get("title", title), a)
            if answer.kind not in ("ok", "copied"):
                return answer
            self.done[a.key] = answer
        return self.done[a.key]

    def _taken(self, id: str, title: str, a: Attempt) -> Answer:
        if id in self.gone or (a.etag and a.etag != self.meta(id)["etag"]) or (not a.etag and id in self.versions):
            return self._refused(id, title, a)
        if a.etag is None:
            self.versions[id], self.status[id] = [(title, a.text)], "draft"
            return Answer("copied" if a.form == "copy" else "ok", self.meta(id), of={"version": 1})
        before = self.versions[id][-1]
        if a.form == "promote":
            self.status[id] = "active"
        text = self.versions[id][a.version - 1][1] if a.form == "restore" and a.version else before[1]
        self.save(id, title if a.form == "title" else before[0], a.text if a.form == "content" else text)
        return Answer("ok", self.meta(id))

    def _refused(self, id: str, title: str, a: Attempt) -> Answer:
        current = None if id in self.gone else self.meta(id)
        if not a.copy:
            return Answer("stale", version=current["version"]) if current else Answer("gone")
        copy = f"{id}-of-{a.key}"
        self.versions[copy], self.status[copy] = [(title, a.text)], "draft"
        return Answer("copied", self.meta(copy), of=current)

    def save(self, id: str, title: str, text: str) -> None:
        self.versions[id].append((title, text))

    def ask(self, id: str, known: str | None = None) -> Answer:
        if id in self.gone:
            return Answer("gone")
        if id not in self.versions:
            return Answer("missing")
        meta = self.meta(id)
        return Answer("same") if meta["etag"] == known else Answer("ok", meta)

    def text(self, id: str) -> str:
        return self.versions[id][-1][1] if id in self.versions else ""

    def all(self) -> set[str]:
        return {text for versions in self.versions.values() for _, text in versions}


class Process:
    """What a process knows and does. Effects wait in the order of their lane until somebody lets them happen."""

    def __init__(self, server: Documents, config: Config) -> None:
        self.server = server
        self.config = config
        self.journal = dict[str, Entry]()
        self.asides = list[str]()
        self.is_full = False
        """True if the disk takes nothing."""
        self.unsafe = list[str]()
        """Edits that no journal has yet: a crash may lose them."""
        self.count = 0
        self.id = "doc"
        self.start()

    def start(self) -> None:
        """Goes on from the journal, or from what the server has."""
        self.count += 1
        self.agenda = Agenda()
        self.disk, self.net = self.agenda.queues["disk"], self.agenda.queues["net"]
        self.flying: tuple[Attempt, str, str] | None = None
        self.asked: tuple[str, str] | None = None
        self.unsafe.clear()
        seed = f"process{self.count}"
        if entry := self.journal.get(self.id) or next_of(self.journal):
            self.state = state_of(loads(entry.dumps()), self.config)
            self.id, self.shown = self.state.id, self.state.text
            return self.take(Due("retry") if self.state.attempt else Flush())
        if self.id not in self.server.versions or self.id in self.server.gone:
            self.id = "doc" if "doc" not in self.server.versions else f"new{self.count}"
            self.state, self.shown = State(self.config, self.id, seed), ""
            return
        base = base_of(self.server.meta(self.id), self.server.text(self.id))
        self.shown = base.text or ""
        self.state = State(
            self.config, self.id, seed, kind=self.server.status[self.id], title=base.title, base=base,
            text=self.shown, snapped=0, seen=base.version,
        )  # fmt: skip

    def take(self, event: Event) -> None:
        self.state, effects = next(self.state, event)
        self.id = self.state.id
        for effect in effects:
            if not isinstance(effect, SetTimer | Tell):
                self.agenda.plan(effect)

    def write(self) -> None:
        """Lets the next thing happen on the disk."""
        effect, s = self.disk.popleft(), self.state
        if isinstance(effect, Keep):
            if not self.is_full:
                self.journal[s.id] = entry_of(s, "ann", "", "i.1", None, 0.0)
                self.unsafe.clear()
            key = s.attempt.key if s.attempt else None
            self.take(Kept(s.snapped, key, not self.is_full, "full" if self.is_full else ""))
        elif isinstance(effect, Aside):
            self.asides.append(effect.text)
        elif isinstance(effect, Drop) and (effect.id or not (s.edits > s.acked or s.attempt or s.rename)):
            self.journal.pop(effect.id or s.id, None)

    @property
    def waits(self) -> bool:
        """Whether a request is on its way."""
        return bool(self.flying or self.asked)

    def work(self) -> None:
        """Lets the next thing happen on the net: a request begins, or a text is shown."""
        effect, s = self.net.popleft(), self.state
        if isinstance(effect, Send):
            if s.attempt and s.attempt.at == 1:
                entry = self.journal.get(s.id)
                assert self.is_full or (entry and entry.attempt and entry.attempt.key == s.attempt.key)
                self.flying = (s.attempt, s.id, s.title)
        elif isinstance(effect, Ask):
            self.asked = (effect.what, s.id)
        elif isinstance(effect, Apply):
            if s.text != effect.text or s.snapped != s.edits:
                self.take(Unapplied(effect.text, effect.base))
            else:
                self.shown = effect.text

    def arrives(self, *, applied: bool = True, answered: bool = True) -> None:
        """Lets the request that is on its way end."""
        if self.flying:
            (a, id, title), self.flying = self.flying, None
            answer = self.server.take(id, title, a) if applied else Answer("lost")
            self.take(Answered(a.key, answer if answered else Answer("lost"), BY))
        elif self.asked:
            (what, id), self.asked = self.asked, None
            if what == "who":
                return self.take(Who("same" if answered and applied else "lost"))
            known = self.state.base.etag if what == "poll" and self.state.base else None
            answer = self.server.ask(id, known) if answered and applied else Answer("lost")
            if what == "poll":
                self.take(Polled(answer))
            elif id == self.state.id:
                copy = f"copy{sum(map(len, self.server.versions.values()))}.{self.count}.{self.state.edits}"
                self.take(Loaded(answer, self.server.text(id), copy, BY))

    def kept(self) -> set[str]:
        """What is left of all that was entered, if the process is killed now."""
        entries = self.journal.values()
        return (
            self.server.all()
            | set(self.asides)
            | {each.content for each in entries}
            | {each.attempt.text for each in entries if each.attempt}
        )


def next_of(journal: dict[str, Entry]) -> Entry | None:
    return journal[min(journal)] if journal else None
