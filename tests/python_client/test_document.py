"""What can be done with a document besides saving it."""

import gc

import pytest
from savepoint_client import (
    Conflict,
    DocumentState,
    Gone,
    NotFound,
    Offline,
    ReadOnly,
    Refused,
    SavepointError,
    Server,
)

from tests.browser.line import answers, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.waiting import eventually


def test_a_rename_is_saved_and_sends_no_content(person: Person) -> None:
    document = person.connect().open(person.server.create("one"))
    assert document.rename("Second").title == "Second"
    assert [each["title"] for each in person.server.sessions()] == ["Second"]
    assert "one" not in "".join(each.body.decode() for each in person.line.writes())


def test_the_history_is_read_and_an_old_version_restored(person: Person) -> None:
    shown: list[str] = []
    document = person.connect().open(person.server.create("one"), apply=shown.append)
    document.changed("two")
    document.save()
    assert [each.version for each in document.revisions()] == [2, 1]
    assert document.revision(1).content == "one"
    document.changed("three")
    state = document.restore(1)
    assert (state.version, shown) == (4, ["one", "one"])
    assert person.server.history(document.id)[0] == "one" and "three" in person.server.history(document.id)


def test_a_reload_shows_what_the_server_has_and_puts_the_rest_aside(person: Person) -> None:
    shown: list[str] = []
    server = person.connect()
    document = server.open(person.server.create("one"), apply=shown.append)
    person.server.save(document.id, "two")
    document.changed("mine")
    assert document.reload().status == "clean"
    assert shown == ["one", "two"] and document.text == "two"
    (aside,) = server.recoverable()
    assert (aside.content, aside.aside) == ("mine", "kept")
    claimed = server.claim(aside)
    assert claimed.status == "clean" and person.server.content(claimed.id) == "mine"
    assert not server.recoverable()


@pytest.mark.parametrize("how", ["trashed", "purged"])
def test_discarding_keeps_what_was_not_saved_aside(person: Person, how: str) -> None:
    server = person.connect()
    document = server.open(person.server.create("one"))
    if how == "purged":
        person.server.act("DELETE", f"/sessions/{document.id}?purge=true")
    document.changed("two")
    document.discard()
    assert not person.server.sessions() and not document._running.is_open
    trashed = [each.id for each in server.trash.list()]
    asides = [each.content for each in server.recoverable()]
    assert (trashed, asides) == (([document.id], []) if how == "trashed" else ([], ["two"]))


def test_a_draft_that_was_never_sent_is_discarded_without_a_request(person: Person) -> None:
    document = person.connect().open()
    sent = len(person.line.writes())
    document.discard()
    assert len(person.line.writes()) == sent and not person.entries()


def test_a_link_has_what_is_saved(person: Person) -> None:
    server = person.connect()
    document = server.open()
    document.changed("one")
    link = document.share(title="For the team")
    found = server.snapshots.get(link.id)
    assert (found.content, found.metadata.title) == ("one", "For the team")


def test_leaving_the_block_saves_or_says_that_it_could_not(person: Person) -> None:
    server = person.connect()
    with server.open() as document:
        document.changed("one")
    assert person.server.content(document.id) == "one"
    with pytest.raises(Conflict), server.open(document.id) as document:
        person.server.autosave(document.id, "theirs")
        document.changed("mine")
    with pytest.raises(ZeroDivisionError), server.open() as document:
        person.line.breaks(never_arrives)
        document.changed("two")
        document._running.saver.flush(0)
        raise ZeroDivisionError


def test_listeners_hear_each_state_until_they_leave(person: Person) -> None:
    document = person.connect().open()
    seen: list[DocumentState] = []
    leave = document.subscribe(seen.append)
    document.changed("one")
    document.flush()
    eventually(lambda: seen[-1].status == "clean")
    assert [each.status for each in seen[:2]] == ["clean", "dirty"] and "saving" in {each.status for each in seen}
    leave()
    count = len(seen)
    document.changed("two")
    assert len(seen) == count


def test_a_document_cannot_be_waited_for_in_its_own_functions(person: Person) -> None:
    failed: list[BaseException] = []

    def apply(text: str) -> None:
        if text == "two":
            try:
                document.flush()
            except RuntimeError as error:
                failed.append(error)

    document = person.connect().open(person.server.create("one"), apply=apply)
    person.server.save(document.id, "two")
    document.check()
    eventually(lambda: failed)


def leave(server: Server, text: str, id: str | None = None, title: str = "") -> None:
    """Leaves a text in the journal alone, as a process that is killed."""
    document = server.open(id, title=title, wait=60, journal_after=0.01)
    document.changed(text)
    eventually(lambda: document.state.safe == "device")
    document._running.stop()


def test_forgetting_the_device_removes_what_is_not_saved(person: Person) -> None:
    server = person.connect()
    leave(server, "one")
    server.forget_device()
    assert not person.entries()


def test_an_entry_is_set_aside_and_then_removed(person: Person) -> None:
    server = person.connect()
    leave(server, "one", title="Lap times")
    (left,) = server.recoverable()
    assert (left.title, left.current, left.aside) == ("Lap times", True, None)
    server.set_aside(left)
    (aside,) = server.recoverable()
    assert (aside.content, aside.aside) == ("one", "discarded")
    server.set_aside(aside)
    assert not server.recoverable()


def test_what_is_left_of_a_document_that_changed_becomes_a_draft(person: Person) -> None:
    id = person.server.create("one")
    server = person.connect()
    leave(server, "mine", id)
    person.server.save(id, "theirs")
    (left,) = server.recoverable()
    assert (left.current, left.version, left.server_version) == (False, 1, 2)
    assert not server.recover()
    claimed = server.claim(left)
    assert claimed.copy and claimed.id != id
    assert (person.server.content(id), person.server.content(claimed.id)) == ("theirs", "mine")


def test_what_is_left_of_a_deleted_document_is_saved_under_a_new_id(person: Person) -> None:
    id = person.server.create("one")
    server = person.connect()
    leave(server, "mine", id)
    person.server.act("DELETE", f"/sessions/{id}?purge=true")
    claimed = server.claim(server.recoverable()[0])
    assert claimed.status == "clean" and person.server.content(claimed.id) == "mine"


def test_what_cannot_be_shown_is_put_aside_and_the_servers_version_shown(person: Person) -> None:
    id = person.server.create("one")
    server = person.connect()
    leave(server, "broken", id)
    shown: list[str] = []

    def apply(text: str) -> None:
        if text == "broken":
            raise ValueError(text)
        shown.append(text)

    assert server.open(id, apply=apply).text == "one" and shown == ["one"]
    assert [(each.content, each.aside) for each in server.recoverable()] == [("broken", "not_applied")]


def test_opening_what_is_not_there_raises(person: Person) -> None:
    server = person.connect()
    id = person.server.create("one")
    person.server.act("DELETE", f"/sessions/{id}?purge=true")
    with pytest.raises(Gone):
        server.open(id)
    person.line.breaks(never_arrives)
    with pytest.raises(Offline):
        server.open(id)


def test_a_rename_saves_what_is_not_saved_as_well(person: Person) -> None:
    document = person.connect().open(person.server.create("one"), wait=60, max_wait=60)
    document.changed("two")
    state = document.rename("Second", timeout=5)
    assert (state.status, state.title) == ("clean", "Second") and person.server.content(document.id) == "two"


def test_a_new_document_is_polled_once_it_is_saved(person: Person) -> None:
    shown: list[str] = []
    document = person.connect().open(poll=0.05, apply=shown.append)
    timers = document._running._agenda.timers
    first = timers["poll"]
    eventually(lambda: timers.get("poll", first) > first)
    document.changed("one")
    document.flush()
    person.server.autosave(document.id, "two")
    eventually(lambda: shown == ["two"])


def test_what_is_no_text_is_refused_at_once(person: Person) -> None:
    document = person.connect().open()
    for wrong in (document.save, document.changed):
        with pytest.raises(ValueError, match="text"):
            wrong()
    with pytest.raises(TypeError, match="not bytes"):
        document.changed(b"one")  # type: ignore[arg-type]
    other = person.connect().open(serialize=lambda: b"one")  # type: ignore[arg-type, return-value]
    other.changed()
    with pytest.raises(Refused, match="not str"):
        other.flush()
    assert other.state.status == "refused" and not person.line.writes()


def test_a_closed_session_is_read_without_an_error(person: Person) -> None:
    id = person.server.create("one")
    person.server.act("POST", f"/sessions/{id}/close")
    document = person.connect().open(id)
    for reads in (document.flush, document.check, document.reload):
        assert reads().status == "read_only"
    assert document.share().id
    with pytest.raises(ReadOnly):
        document.restore(1)
    with pytest.raises(ReadOnly):
        document.rename("Second")


def test_what_is_not_there_can_be_neither_restored_nor_decided(person: Person) -> None:
    document = person.connect().open(person.server.create("one"))
    with pytest.raises(NotFound):
        document.restore(999)
    with pytest.raises(ValueError, match="no conflict"):
        document.resolve("mine")


def test_leaving_a_server_says_what_is_not_saved(person: Person) -> None:
    with pytest.raises(SavepointError, match="1 documents"), person.connect() as server:
        document = server.open()
        person.line.breaks(answers(400, b'{"error": {"type": "invalid"}}', "application/problem+json"))
        document.changed("one")
    with pytest.raises(ValueError, match="closed"):
        document.changed("two")
    assert len(person.entries()) == 1


def test_a_token_and_headers_are_not_taken_together(person: Person) -> None:
    with pytest.raises(ValueError, match="not both"):
        person.connect(token="one")


def test_documents_that_nobody_has_any_more_leave_no_name(person: Person) -> None:
    server = person.connect()
    document = server.open()
    for _ in range(5):
        server.open()
    gc.collect()
    assert server.saver.presence.open == {document.instance}


def test_a_new_document_that_is_renamed_is_one_empty_draft(person: Person) -> None:
    document = person.connect().open(wait=60)
    state = document.rename("Lap times", timeout=5)
    assert (state.status, state.version, state.title) == ("clean", 1, "Lap times")
    assert [each["title"] for each in person.server.drafts()] == ["Lap times"] and len(person.line.writes()) == 1
