"""People who sign in, out, or one after the other on one computer. Numbers are those of docs/browser.md."""

import json

import pytest

from tests.browser.conftest import Person
from tests.browser.line import Fault, answers, never_arrives

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
    # Signed in, in another tab: the channel tells.
    other = person.tab()
    other.type("C")
    other.until_saved()
    tab.show()
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
