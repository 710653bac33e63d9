"""People who sign in, out, or one after the other on one computer. Numbers are those of docs/browser.md."""

import json
from collections.abc import Callable

import pytest

from tests.browser.conftest import Person
from tests.browser.line import Fault, answers, never_arrives
from tests.browser.tab import Tab, eventually

Meet = Callable[[], Person]


PROBLEM = {
    "type": "urn:savepoint:problem:unauthenticated",
    "title": "Not signed in",
    "status": 401,
    "detail": "Sign in.",
    "error": {"type": "unauthenticated", "message": "Sign in."},
}
SIGNED_OUT = answers(401, json.dumps(PROBLEM), "application/problem+json")
WAYS: dict[str, Fault] = {
    "ours": SIGNED_OUT,
    "App Service's": answers(401, "", "text/plain"),
    "HTML": answers(401, "<h1>Sign in</h1>"),
}


def test_f25_work_from_before_a_person_signed_in_is_offered_and_claimed_once(person: Person) -> None:
    person.line.breaks(SIGNED_OUT)
    tab = person.tab()
    tab.type("as nobody")
    tab.until("doc.state.status === 'signed_out' && doc.state.safe === 'device'")
    person.closes(tab)
    person.line.works()
    again = person.tab(waits=True)
    assert len(again.recoverable()) == 1
    again.run("start({ id: it })", again.recoverable()[0]["id"])
    again.until_saved()
    assert again.text == "as nobody"
    assert person.tab(waits=True).recoverable() == []
    assert [each["id"] for each in person.server.drafts()] == [again.id]


@pytest.mark.parametrize("signed_out", WAYS)
def test_f27_edits_after_the_session_ended_are_kept_and_saved_once_by_itself(
    person: Person, signed_out: str
) -> None:
    tab = person.on(person.server.create("one"))
    person.line.breaks(WAYS[signed_out])
    tab.type("A")
    tab.until_status("signed_out")
    tab.type("B")
    tab.until("doc.state.safe === 'device'")
    assert tab.run("shown.filter((each) => each === 'signed out').length") == 1
    assert "/test.html" in tab.page.url
    sent = len(person.line.writes())
    tab.page.wait_for_timeout(500)
    assert len(person.line.writes()) == sent
    person.line.works()
    # Signed in, in another tab. This one asks at its next poll who is signed in.
    other = person.tab()
    other.type("C")
    other.until_saved()
    tab.until_saved()
    assert person.server.content(tab.id) == "oneAB"


def test_f26_the_next_person_sees_nothing_and_the_first_gets_it_back(person: Person) -> None:
    id = person.server.create("one")
    person.leaves_behind(id, " secret")
    next_person = person.tab(user="next-person", waits=True)
    assert next_person.recoverable() == []
    next_person.run("start({ id: it }).catch(() => undefined)", id)
    next_person.page.wait_for_timeout(500)
    assert "secret" not in next_person.text and not next_person.run("JSON.stringify(applied).includes('secret')")
    person.closes(next_person)
    again = person.on(id)
    again.until_text("one secret")
    again.until_saved()
    assert person.server.content(id) == "one secret"


def test_f26_a_tab_whose_person_changed_saves_nothing_as_the_other(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    tab.run("globalThis.user = 'next-person'")
    tab.type(" secret")
    tab.until("doc.state.status === 'signed_out' && doc.state.safe === 'device'")
    tab.page.wait_for_timeout(500)  # until it has asked who is signed in
    tab.run(f"globalThis.user = '{person.name}'")
    tab.show()
    tab.until_saved()
    assert person.server.content(tab.id) == "one secret"


def becomes(tab: Tab, person: Person) -> None:
    """From now on, requests of a tab are those of another person."""
    tab.run("globalThis.user = it", person.name)


@pytest.mark.parametrize("answered", [False, True])
def test_f26_a_person_who_returns_before_the_server_said_who_it_is_goes_on(
    person: Person, meet: Meet, answered: bool
) -> None:
    tab = person.on(person.server.create("one"))
    held = person.line.holds("GET", "/me$", answered=answered)
    becomes(tab, meet())
    tab.type(" secret")
    held.wait()
    becomes(tab, person)
    held.release()
    tab.until_saved()
    assert person.server.content(tab.id) == "one secret"


def test_f26_a_document_that_another_person_did_not_find_is_not_gone(person: Person, meet: Meet) -> None:
    """The question who is signed in is asked after the first person has returned."""
    tab = person.on(person.server.create("one"), open={"poll": 600_000})
    held = person.line.holds("PATCH|PUT", answered=True)
    becomes(tab, meet())
    tab.type(" secret")
    held.wait()
    becomes(tab, person)
    person.line.works()
    held.release()
    tab.until_saved()
    assert person.server.content(tab.id) == "one secret"
    assert not tab.run("shown.includes('gone')")


def test_f26_a_new_document_is_never_made_for_another_person(person: Person, meet: Meet) -> None:
    other = meet()
    tab = person.tab()
    held = person.line.holds("GET", "/me$", answered=True)
    tab.fill("secret")
    held.wait()
    becomes(tab, other)
    person.line.works()
    held.release()
    eventually(tab.page, person.line.writes)
    becomes(tab, person)
    tab.until_saved()
    assert other.server.everything() == []
    assert person.server.content(tab.id) == "secret"


def test_f26_a_page_that_closes_makes_no_new_document_for_another_person(person: Person, meet: Meet) -> None:
    other = meet()
    tab = person.tab(open={"wait": 600_000, "maxWait": 600_000, "journalAfter": 30})
    becomes(tab, other)
    tab.type("secret")
    tab.until_kept()
    tab.hide()
    tab.until_saved()
    assert other.server.everything() == []
    assert person.server.content(tab.id) == "secret"


def test_f26_a_copy_is_never_made_for_another_person(person: Person, meet: Meet) -> None:
    other = meet()
    tab = person.on(person.server.create("one"))
    tab.hide()
    person.server.save(tab.id, "theirs")
    tab.type(" secret")
    tab.until_status("conflict")
    becomes(tab, other)
    tab.run("doc.resolve('copy').then((state) => shown.push(state.status))")
    tab.until_status("signed_out")
    assert other.server.everything() == []
    becomes(tab, person)
    tab.show()
    tab.until_saved()
    assert sorted(person.server.content(each["id"]) for each in person.server.drafts()) == ["one secret"]


def test_f26_what_is_opened_after_another_person_signed_in_is_that_persons(person: Person, meet: Meet) -> None:
    other = meet()
    person.leaves_behind(person.server.create("one"), " secret")
    tab = person.tab()
    [entry] = tab.recoverable()
    becomes(tab, other)
    assert tab.recoverable() == []
    assert entry["title"] == "First"
    tab.run("start()")
    tab.type("mine")
    tab.until_saved()
    assert other.server.content(tab.id) == "mine"
    id = other.server.create("two")
    tab.run("start({ id: it })", id)
    tab.type(" more")
    tab.until_saved()
    assert other.server.content(id) == "two more"


def test_f26_nobody_can_claim_what_was_listed_for_another_person(person: Person, meet: Meet) -> None:
    other = meet()
    person.leaves_behind(person.server.create("one"), " secret")
    tab = person.tab()
    tab.run("server.recoverable().then((all) => { globalThis.all = all; })")
    becomes(tab, other)
    assert tab.run("server.claim(all[0]).catch((error) => error.type)") == "not_found"
    becomes(tab, person)
    assert tab.run("server.claim(all[0]).then(({ status }) => status)") == "clean"
    assert other.server.everything() == []


def test_forgetting_a_device_after_the_next_person_signed_in_keeps_what_the_first_left(
    person: Person, meet: Meet
) -> None:
    person.leaves_behind(person.server.create("one"), " secret")
    tab = person.tab()
    becomes(tab, meet())
    tab.run("server.forgetDevice()")
    assert len(person.tab(waits=True).recoverable()) == 1


def test_a_person_can_leave_a_shared_computer_without_a_trace(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    person.line.breaks(never_arrives)
    tab.type(" secret")
    tab.until_kept()
    tab.run("doc.close?.()")
    tab.run("server.forgetDevice()")
    person.closes(tab)
    person.line.works()
    assert person.tab(waits=True).recoverable() == []
