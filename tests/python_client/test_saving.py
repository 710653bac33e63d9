"""Edits that meet other edits, other devices and bad networks, as in tests/browser/test_saving.py."""

import threading
from typing import Any, Literal

import pytest
from savepoint_client import Conflict, Document, Gone, Offline, ReadOnly, SignedOut, TooLarge

from tests.browser.line import answer_is_lost, answers, arrives_twice, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.waiting import eventually

QUICK: dict[str, Any] = {"wait": 0.05, "journal_after": 0.02}


def is_saved(document: Document) -> bool:
    state = document.state
    return state.status == "clean" and state.safe == "server"


def test_an_edit_is_saved_by_itself(person: Person) -> None:
    document = person.connect().open(title="Thunder Alley", **QUICK)
    document.changed("one")
    eventually(lambda: is_saved(document))
    assert person.server.content(document.id) == "one"
    assert document.state.draft and document.state.title == "Thunder Alley"
    eventually(lambda: not person.entries())


def test_the_text_is_read_later(person: Person) -> None:
    shown = ["one"]
    document = person.connect().open(serialize=lambda: shown[0], **QUICK)
    document.changed()
    shown[0] = "two"
    document.changed()
    eventually(lambda: is_saved(document))
    assert person.server.content(document.id) == "two"


@pytest.mark.parametrize("answered", [False, True], ids=["before it arrives", "before its response"])
def test_p32_an_edit_during_a_save_is_not_marked_as_saved(person: Person, answered: bool) -> None:
    document = person.connect().open(**QUICK)
    held = person.line.holds(answered=answered)
    document.changed("A")
    held.wait()
    document.changed("AB")
    assert document.state.dirty and document.state.status == "saving"
    person.line.works()
    held.release()
    eventually(lambda: is_saved(document))
    assert person.server.content(document.id) == "AB"
    assert document.state.conflict is None


def test_saving_makes_a_session_and_keeps_the_version(person: Person) -> None:
    server = person.connect()
    with server.open(title="First") as document:
        document.changed("one")
        assert document.save(title="Second").status == "clean"
        document.changed("two")
        document.save()
    assert [each["title"] for each in person.server.sessions()] == ["Second"]
    assert person.server.history(document.id)[:2] == ["two", "one"]


@pytest.mark.parametrize("fault", [answer_is_lost, arrives_twice, never_arrives])
def test_an_unknown_outcome_is_repeated_under_its_key(person: Person, fault) -> None:
    document = person.connect().open(person.server.create("one"))
    person.line.breaks(fault, "PUT|PATCH")
    document.changed("two")
    if fault is arrives_twice:
        document.flush()
    else:
        with pytest.raises(Offline):
            document.flush()
        assert document.state.status == "offline" and document.state.retry_at
        person.line.works()
        document.flush()
    keys = {each.headers["Idempotency-Key"] for each in person.line.writes()}
    conditions = [each.headers["If-Match"] for each in person.line.writes()]
    assert len(keys) == 1 and len(set(conditions)) == 1
    assert person.server.history(document.id) == ["two", "one"]


def test_a_conflict_is_kept_until_it_is_decided(person: Person) -> None:
    id = person.server.create("one")
    shown: list[str] = []
    document = person.connect().open(id, apply=shown.append)
    person.server.save(id, "theirs")
    document.changed("mine")
    with pytest.raises(Conflict) as caught:
        document.flush()
    assert caught.value.problem and caught.value.type == "changed"
    conflict = document.state.conflict
    assert conflict and (conflict.mine, conflict.theirs, conflict.base) == ("mine", "theirs", "one")
    assert person.server.content(id) == "theirs" and person.entries()
    assert document.resolve("mine").status == "clean"
    assert person.server.history(id) == ["mine", "theirs", "one"]
    assert shown == ["one"]


@pytest.mark.parametrize("how", ["theirs", "copy", "text"])
def test_both_sides_of_a_conflict_stay(person: Person, how: Literal["theirs", "copy", "text"]) -> None:
    id = person.server.create("one")
    shown: list[str] = []
    server = person.connect()
    document = server.open(id, apply=shown.append)
    person.server.save(id, "theirs")
    document.changed("mine")
    with pytest.raises(Conflict):
        document.flush()
    document.resolve(how, text="both" if how == "text" else None)
    assert document.state.status == "clean"
    everything = person.server.everything() + [each.content for each in server.recoverable()]
    assert {"mine", "theirs"} <= set(everything)
    assert shown[-1] == ("both" if how == "text" else "theirs")


def test_the_same_change_elsewhere_is_no_conflict(person: Person) -> None:
    id = person.server.create("one")
    document = person.connect().open(id)
    person.server.save(id, "two")
    document.changed("two")
    assert document.flush().status == "clean"
    assert document.state.version == 2


def test_what_others_saved_is_shown_if_nothing_was_edited(person: Person) -> None:
    id = person.server.create("one")
    shown: list[str] = []
    document = person.connect().open(id, apply=shown.append, poll=0.05)
    person.server.save(id, "two")
    eventually(lambda: shown == ["one", "two"])
    assert document.state.version == 2 and not document.state.dirty


def test_too_large_is_not_repeated_until_it_shrinks(person: Person) -> None:
    document = person.connect().open(**QUICK)
    document.changed("x" * 1_600_000)
    with pytest.raises(TooLarge):
        document.flush()
    assert (document.state.size, document.state.limit) == (1_600_000, 1_572_864)
    sent = len(person.line.writes())
    document.changed("x" * 1_599_999)
    eventually(lambda: document.state.size == 1_599_999)
    assert len(person.line.writes()) == sent
    document.changed("small")
    eventually(lambda: is_saved(document))
    assert person.server.content(document.id) == "small"


def test_deleted_elsewhere_goes_on_under_a_new_id(person: Person) -> None:
    id = person.server.create("one")
    document = person.connect().open(id)
    person.server.act("DELETE", f"/sessions/{id}?purge=true")
    document.changed("two")
    with pytest.raises(Gone):
        document.flush()
    assert document.save_as("Again").status == "clean"
    assert document.id != id and person.server.content(document.id) == "two"


def test_a_closed_session_is_read_only(person: Person) -> None:
    id = person.server.create("one")
    document = person.connect().open(id)
    person.server.act("POST", f"/sessions/{id}/close")
    document.changed("two")
    with pytest.raises(ReadOnly):
        document.flush()


def test_signed_out_is_kept_and_saved_after_signing_in(person: Person) -> None:
    headers = {"X-User-Id": person.name}
    document = person.connect(headers=lambda: dict(headers)).open(person.server.create("one"))
    person.line.breaks(answers(401, b"<h1>Sign in</h1>"))
    document.changed("two")
    with pytest.raises(SignedOut):
        document.flush()
    eventually(lambda: document.state.safe == "device")
    person.line.works()
    headers["X-Token"] = "new"
    document.changed("three")
    document.flush()
    assert person.server.content(document.id) == "three"


def test_a_portal_is_offline(person: Person) -> None:
    document = person.connect().open()
    person.line.breaks(answers(200, b"<h1>Welcome to the hotel</h1>"))
    document.changed("one")
    with pytest.raises(Offline):
        document.flush()
    assert document.state.status == "offline" and document.state.safe == "device"


@pytest.mark.parametrize("body", ["[]", "null", "{", '{"metadata": null}', '{"etag": "x", "version": 1}'])
def test_a_response_that_is_none_of_ours_is_offline_and_then_all_is_saved(person: Person, body: str) -> None:
    document = person.connect().open(person.server.create("one"), **QUICK)
    person.line.breaks(answers(200, body, "application/json"))
    document.changed("two")
    eventually(lambda: document.state.status == "offline")
    with pytest.raises(Offline):
        document.check()
    person.line.works()
    document.flush()
    assert person.server.history(document.id) == ["two", "one"]


def test_a_small_edit_of_a_large_document_is_a_delta(person: Person) -> None:
    lines = [f"line {n} of many" for n in range(20_000)]
    document = person.connect().open(person.server.create("\n".join(lines)))
    lines[7_000] = "changed"
    document.changed("\n".join(lines))
    document.flush()
    (sent,) = person.line.writes()
    assert sent.method == "PATCH" and len(sent.body) < 200
    assert person.server.content(document.id) == "\n".join(lines)


def test_many_edits_offline_are_one_save_of_the_newest(person: Person) -> None:
    document = person.connect().open(person.server.create("0"), **QUICK)
    person.line.breaks(never_arrives)
    for n in range(30):
        document.changed(str(n))
    eventually(lambda: document.state.status == "offline")
    document.changed("last")
    person.line.works()
    document.flush()
    assert person.server.history(document.id)[0] == "last"
    assert len(person.server.history(document.id)) <= 3


def test_two_documents_of_one_process(person: Person) -> None:
    id = person.server.create("one")
    server = person.connect()
    shown: list[str] = []
    one, other = server.open(id), server.open(id, apply=shown.append)
    one.changed("two")
    one.flush()
    eventually(lambda: shown == ["one", "two"])
    assert other.state.version == 2


def test_what_is_opened_again_has_what_the_process_has_not_saved_yet(person: Person) -> None:
    server = person.connect()
    first = server.open(person.server.create("one"), wait=60)
    first.changed("two")
    assert server.open(first.id).text == "two" and first.state.status == "clean"


def test_callers_may_be_many(person: Person) -> None:
    document = person.connect().open(**QUICK)
    threads = [threading.Thread(target=document.changed, args=(f"text {n}",)) for n in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    document.flush()
    assert person.server.content(document.id) == document.text
