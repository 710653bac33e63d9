"""Single steps of the state machine, and of what runs it: what comes late or at the same time."""

import pytest
from savepoint_client.agenda import Agenda
from savepoint_client.events import (
    Answer,
    Aside,
    Ask,
    Due,
    Edited,
    Event,
    Flush,
    Fork,
    Keep,
    Polled,
    RenameTo,
    Replace,
    Send,
    Unapplied,
)
from savepoint_client.machine import next
from savepoint_client.model import Base, Config, State
from savepoint_client.running import Running
from savepoint_client.view import view

from tests.python_client.conftest import Person

BASE = Base('"doc.1"', 1, "Old", "now", None, "one")
THEIRS = Base('"doc.2"', 2, "Old", "now", None, "two")


def opened() -> State:
    """A session as it is opened."""
    return State(Config(), "doc", "seed", kind="active", title="Old", base=BASE, text="one", snapped=0, seen=1)


def after(*events: Event, state: State | None = None) -> State:
    state = state or opened()
    for event in events:
        state, _ = next(state, event)
    return state


def test_a_poll_of_an_old_id_says_nothing_of_the_new_document() -> None:
    state = after(Due("poll"), Fork("new", "Second"), Polled(Answer("missing")))
    assert (state.trouble, state.missing) == ("", 0)


def test_a_text_that_was_not_shown_changes_nothing_of_a_new_document() -> None:
    state = after(Replace(THEIRS, "active"), Fork("new", "Second"), Edited("mine"), Unapplied("two", BASE))
    assert state.base is None and state.text == "mine"


def test_a_new_document_and_what_is_left_of_the_old_one_never_share_a_key() -> None:
    edited = after(Edited("mine"), Flush())
    forked = after(Fork("new", "Second"), state=opened())
    assert edited.attempt and forked.attempt and edited.attempt.key != forked.attempt.key


def test_an_edit_that_came_before_a_text_was_shown_overwrites_nothing() -> None:
    state = after(Replace(THEIRS, "active"), Edited("mine"), Flush())
    assert state.attempt and state.attempt.etag == THEIRS.etag
    state = after(Unapplied("two", BASE), Flush(), state=state)
    assert state.attempt and state.attempt.etag == BASE.etag


def test_a_reload_ends_a_load_whose_response_was_lost() -> None:
    state = opened()
    state.loading, state.trouble = True, "offline"
    assert not after(Replace(THEIRS, "active"), state=state).loading


def test_what_is_put_aside_is_written_before_the_state_without_it() -> None:
    agenda = Agenda()
    for effect in (Keep(), Aside("mine"), Ask("poll")):
        agenda.plan(effect)
    assert [agenda.take("disk"), agenda.take("disk")] == [Aside("mine"), Keep()]


@pytest.mark.parametrize("event", [RenameTo({"title": "Second"}), Fork("new", "Second")])
def test_a_document_without_a_text_is_saved_once_and_empty(event: Event) -> None:
    state = after(event, state=State(Config(), "doc", "seed"))
    assert state.attempt and (state.attempt.text, state.attempt.edits) == ("", state.edits)
    assert view(state).dirty


def still(person: Person, monkeypatch: pytest.MonkeyPatch, id: str, shown: list[str]) -> Running:
    """A document whose work nobody does by itself."""
    document = person.connect().open(id, apply=shown.append, wait=60)
    monkeypatch.setattr(document._running.saver, "wake", lambda lane: None)
    return document._running


def test_a_title_that_changes_hides_no_text_that_is_to_be_shown(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = list[str]()
    running = still(person, monkeypatch, person.server.create("one"), shown)
    running.dispatch(Replace(THEIRS, "active"))
    running.dispatch(RenameTo({"title": "Second"}))
    running.work("net")
    assert shown == ["one", "two"]


def test_an_attempt_is_sent_after_the_journal_has_it(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    running = still(person, monkeypatch, person.server.create("one"), [])
    running.dispatch(Edited("two"))
    running.dispatch(Flush())
    running._agenda.plan(Send())  # as it is left of an earlier attempt by save_as
    running.work("net")
    assert not person.line.writes()
    running.work("disk")
    running.work("net")
    assert len(person.line.writes()) == 1 and running.shown.status == "clean"
