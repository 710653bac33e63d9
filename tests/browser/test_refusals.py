"""What the server or the network refuses, or is gone: told once. Numbers are those of docs/browser.md."""

import json
from collections.abc import Callable

import pytest

from tests.browser.conftest import Person
from tests.browser.line import Fault, answers, never_arrives
from tests.browser.tab import eventually

PORTALS: dict[str, Fault] = {
    "a page": answers(200, "<h1>Welcome to our café</h1>"),
    "an empty page": answers(200),
    "no content": answers(204),
    "a page as JSON": answers(200, "<h1>Welcome</h1>", "application/json"),
    "JSON of something else": answers(200, '{"ok": true}', "application/json"),
    "authentication of the network": answers(511, "<h1>Log in</h1>"),
    "a gateway": answers(502, "<h1>Bad gateway</h1>"),
    "a firewall": answers(403, "<h1>Blocked</h1>"),
    "an old page": answers(404, "<h1>Not found</h1>"),
    "nothing": never_arrives,
}


@pytest.mark.parametrize("portal", PORTALS)
def test_f30_a_response_of_someone_else_is_not_a_save(person: Person, portal: str) -> None:
    tab = person.on(person.server.create("one"))
    person.line.breaks(PORTALS[portal])
    tab.type("A")
    tab.until("doc.state.status === 'offline' && doc.state.dirty && doc.state.safe === 'device'")
    person.line.works()
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    tab.until_saved()
    assert person.server.content(tab.id) == "oneA"


@pytest.mark.parametrize("known", [True, False], ids=["the browser knows", "the browser does not know"])
def test_f31_thirty_edits_offline_are_one_save_of_the_newest(person: Person, known: bool) -> None:
    tab = person.on(person.server.create("one"))
    person.context.set_offline(known)
    person.line.breaks(never_arrives)
    for number in range(30):
        tab.fill(f"edit {number}")
    tab.until_status("offline")
    tab.until_kept()
    person.line.works()
    before = len(person.line.writes())
    person.context.set_offline(False)
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    tab.until_saved()
    # An attempt whose outcome is unknown comes first, as it was.
    assert len(person.line.writes()) - before <= 2
    assert person.server.content(tab.id) == "edit 29"


def test_f41_a_text_that_is_too_large_is_told_once_and_sent_again_when_it_is_smaller(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    tab.fill("x" * 1_700_000)
    tab.until_status("too_large")
    state = tab.state
    assert (state["limit"], state["size"]) == (1_572_864, 1_700_000)
    assert state["safe"] == "device"
    sent = len(person.line.writes())
    tab.type("y")
    tab.page.wait_for_timeout(500)
    assert tab.state["status"] == "too_large" and len(person.line.writes()) == sent
    tab.fill("small")
    tab.until_saved()
    assert person.server.content(tab.id) == "small"


@pytest.mark.parametrize("purged", [False, True], ids=["in the trash", "purged"])
@pytest.mark.parametrize("edited", [False, True], ids=["clean", "edited"])
def test_f42_what_was_deleted_elsewhere_is_told_and_can_be_saved_as_new(
    person: Person, edited: bool, purged: bool
) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    person.server.act("DELETE", f"/sessions/{id}" + ("?purge=true" if purged else ""))
    if edited:
        tab.type("A")
    tab.until_status("gone")
    sent = len(person.line.writes())
    tab.page.wait_for_timeout(500)
    assert len(person.line.writes()) == sent
    text = tab.text
    tab.run("doc.saveAs('New')")
    tab.until_saved()
    assert tab.id != id and person.server.content(tab.id) == text == ("oneA" if edited else "one")
    assert [each["title"] for each in person.server.sessions()] == ["New"]


def test_f42_what_was_restored_from_the_trash_goes_on_when_the_page_is_seen_again(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    person.server.act("DELETE", f"/sessions/{id}")
    tab.type("A")
    tab.until_status("gone")
    person.server.act("POST", f"/trash/{id}/restore")
    tab.show()
    tab.until_saved()
    assert person.server.content(id) == "oneA"


def test_f44_a_change_elsewhere_is_seen_and_no_cache_may_respond(
    person: Person, meet: Callable[[str], Person]
) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    elsewhere = meet(person.name).on(id)
    elsewhere.fill("theirs")
    elsewhere.until_saved()
    tab.until_text("theirs")
    reads = [each for each in person.line.sent if each.method == "GET" and "/api/persistence" in each.path]
    assert reads and all(each.headers.get("Cache-Control") == "no-cache" for each in reads)


def problem(status: int, code: str) -> Fault:
    """A problem as the server sends it."""
    words = {"detail": "No.", "error": {"type": code, "message": "No."}}
    body = {"type": f"urn:savepoint:problem:{code}", "title": "No", "status": status, **words}
    return answers(status, json.dumps(body), "application/problem+json")


def test_f45_nothing_blocks_the_page(person: Person) -> None:
    """Not even where everything fails at once. The fixture asserts that no dialog opened."""
    fails = "IDBFactory.prototype.open = () => { throw new Error('broken') }"
    id = person.server.create("one")
    tab = person.on(id, init=fails)
    for status, fault in (
        ("refused", problem(422, "invalid_body")),
        ("signed_out", problem(401, "unauthenticated")),
        ("offline", never_arrives),
    ):
        person.line.works()
        tab.show()
        tab.type("A")
        tab.until_saved()
        person.line.breaks(fault)
        tab.type("B")
        tab.until_status(status)
    person.line.works()
    tab.show()
    tab.until_saved()
    person.server.act("DELETE", f"/sessions/{id}")
    tab.until_status("gone")
    assert eventually(tab.page, lambda: tab.text).startswith("oneAB")
    assert tab.page.url.startswith(person.origin) and tab.dialogs == []


FAILS = """
    IDBFactory.prototype.open = Storage.prototype.setItem = () => { throw new Error("broken") };
"""


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "kept"])
def test_f45_the_browser_asks_only_if_leaving_would_lose_something(person: Person, lost: bool) -> None:
    tab = person.on(person.server.create("one"), init=FAILS if lost else "")
    person.tabs.remove(tab)
    person.line.breaks(never_arrives)
    tab.page.locator("#text").click()
    tab.type("A")
    tab.until(f"doc.state.safe === '{'nowhere' if lost else 'device'}' && doc.state.status === 'offline'")
    tab.page.wait_for_timeout(300)
    with tab.page.expect_event("close"):
        tab.page.close(run_before_unload=True)
    assert (tab.errors, tab.dialogs) == ([], ["beforeunload"] if lost else [])
