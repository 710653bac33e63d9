"""Edits that meet other edits, other devices and bad networks. Numbers are those of docs/browser.md."""

import json
from collections.abc import Callable

import pytest

from tests.browser.conftest import Person
from tests.browser.line import Fault, answers, never_arrives
from tests.browser.tab import Tab, crash, eventually

LATE = dict.fromkeys(("wait", "maxWait"), 60_000)
"""Edits are not sent before the poll of the page."""


def transitions(tab: Tab, status: str) -> int:
    """Returns how many times the light changed to this status."""
    shown = [""] + tab.run("shown")
    return sum(before != status == after for before, after in zip(shown, shown[1:], strict=False))


def conditional(person: Person) -> bool:
    """Whether each save of content said which version it replaces, or that there is none."""
    saves = [each for each in person.line.writes() if each.method in ("PUT", "PATCH")]
    return bool(saves) and all(
        {"if-match", "if-none-match"} & {name.lower() for name in each.headers} for each in saves
    )


@pytest.mark.parametrize("answered", [False, True], ids=["before it arrives", "before its response"])
def test_f01_an_edit_during_a_save_is_not_marked_as_saved(person: Person, answered: bool) -> None:
    tab = person.on(person.server.create("one"))
    first = person.line.holds(answered=answered)
    tab.type("A")
    first.wait()
    tab.type("B")
    second = person.line.holds()
    first.release()
    second.wait()
    assert tab.state["dirty"] and tab.state["status"] == "saving"
    second.release()
    person.line.works()
    tab.until_saved()
    assert person.server.content(tab.id) == tab.text == "oneAB"


@pytest.mark.parametrize("call", ["doc.flush()", "doc.save({ title: 'By hand' })", "doc.rename('Other')"])
@pytest.mark.parametrize("new", [True, False], ids=["of something new", "of something old"])
def test_f01_an_edit_during_any_call_is_not_marked_as_saved(person: Person, new: bool, call: str) -> None:
    tab = person.tab() if new else person.on(person.server.create(""))
    held = person.line.holds()
    tab.type("A")
    tab.page.evaluate(f"() => {{ {call} }}")
    held.wait()
    tab.type("B")
    person.line.works()
    held.release()
    tab.until_saved()
    assert person.server.content(tab.id) == "AB"


@pytest.mark.parametrize("answered", [False, True], ids=["before it arrives", "before its response"])
def test_f01_a_reload_during_a_save_shows_the_edit(person: Person, answered: bool) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    held = person.line.holds(answered=answered)
    tab.type("A")
    held.wait()
    tab.type("B")
    tab.until_kept()
    person.line.works()
    held.release()
    tab.reload()
    tab.until_text("oneAB")
    tab.until_saved()
    assert person.server.content(id) == "oneAB"


def test_f04_a_tab_that_is_behind_shows_the_newer_version_and_sends_nothing(person: Person) -> None:
    id = person.server.create("one")
    behind, other = person.on(id, open={"poll": 600_000}), person.on(id)
    behind.hide()
    for number in range(20):
        other.fill(f"save {number}")
        other.run("doc.flush()")
    other.until_saved()
    sent = len(person.line.writes())
    behind.show()
    behind.until_text("save 19")
    assert len(person.line.writes()) == sent
    assert person.server.content(id) == "save 19"


def test_f04_an_edit_of_an_older_version_asks_and_the_other_bytes_stay(
    person: Person, meet: Callable[[str], Person]
) -> None:
    id = person.server.create("one")
    behind = person.on(id, open={"poll": 600_000})
    elsewhere = meet(person.name).on(id)
    elsewhere.fill("theirs")
    elsewhere.until_saved()
    behind.fill("mine")
    behind.until_status("conflict")
    assert (person.server.content(id), behind.text) == ("theirs", "mine")
    assert behind.state["safe"] == "device"


def to_the_conflict(tab: Tab) -> None:
    """Waits for a conflict. A save that a hidden page had sent became a copy: that is undone."""
    tab.until("doc.state.status === 'conflict' || (doc.state.copied && doc.state.status === 'clean')")
    if tab.state["status"] != "conflict":
        tab.run("doc.undoCopy()")
        tab.until_status("conflict")


@pytest.mark.parametrize("leave", ["reload", "crash"])
def test_f09_a_journal_that_is_older_than_the_server_asks_and_overwrites_no_version(
    person: Person, leave: str
) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    person.line.breaks(never_arrives)
    tab.fill("mine")
    tab.until_kept()
    person.server.save(id, "four")
    person.server.save(id, "five")
    if leave == "reload":
        person.line.works()
        tab.reload()
    else:
        crash(tab)
        person.tabs.remove(tab)
        person.line.works()
        tab = person.on(id)
    to_the_conflict(tab)
    assert (tab.text, tab.state["conflict"]["version"]) == ("mine", 3)
    tab.run("doc.resolve('mine')")
    tab.until_saved()
    assert person.server.content(id) == "mine"
    assert {"four", "five"} <= set(person.server.history(id))


@pytest.mark.parametrize("edited", [False, True], ids=["clean", "edited"])
def test_f10_a_tab_that_slept_saves_nothing_over_a_newer_version(person: Person, edited: bool) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    person.line.breaks(never_arrives)
    if edited:
        tab.type("A")
        tab.until_kept()
    tab.freeze()
    person.server.save(id, "newer")
    person.line.works()
    tab.thaw()
    if edited:
        to_the_conflict(tab)
        assert tab.text == "oneA"
    else:
        tab.until_text("newer")
        tab.type("B")
        tab.until_saved()
        assert conditional(person)
    assert "newer" in person.server.history(id)


def test_f11_a_conflict_that_is_left_open_asks_once_and_sends_nothing(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id, open={"poll": 20, "wait": 10, "journalAfter": 10})
    held = person.line.holds("PUT|PATCH")
    tab.fill("mine")
    held.wait()
    person.server.save(id, "theirs")
    held.release()
    person.line.works()
    tab.until_status("conflict")
    sent = len(person.line.writes())
    for _ in range(10):
        tab.type("more words")
    tab.until_kept()
    assert tab.state["status"] == "conflict" and transitions(tab, "conflict") == 1
    assert len(person.line.writes()) == sent
    assert person.server.content(id) == "theirs"


def test_f13_a_conflict_names_the_document_and_who_when_and_where(person: Person) -> None:
    id = person.server.create("one", "Thunder Alley")
    tab = person.on(id, open=LATE)
    tab.type("A")
    person.server.save(id, "theirs", "Firefox on Linux")
    tab.until_status("conflict")
    conflict = tab.state["conflict"]
    assert (conflict["title"], conflict["device"], conflict["version"]) == ("Thunder Alley", "Firefox on Linux", 2)
    assert conflict["at"].startswith("20")
    assert (conflict["mine"], conflict["theirs"]) == ("oneA", "theirs")


@pytest.mark.parametrize(
    ("how", "shown", "kept"),
    [
        ("'mine'", "oneA", ["oneA", "theirs"]),
        ("'theirs'", "theirs", ["theirs"]),
        ("'copy'", "theirs", ["theirs", "oneA"]),
        ("{ text: 'both' }", "both", ["both", "theirs"]),
    ],
)
def test_f14_each_choice_ends_the_conflict_and_no_version_is_lost(
    person: Person, how: str, shown: str, kept: list[str]
) -> None:
    id = person.server.create("one")
    tab = person.on(id, open=LATE)
    tab.type("A")
    person.server.save(id, "theirs")
    tab.until_status("conflict")
    tab.run(f"doc.resolve({how})")
    tab.until_saved()
    assert tab.text == shown == person.server.content(id)
    assert set(kept) <= set(person.server.everything())


def test_f15_what_others_save_does_not_touch_edits(person: Person) -> None:
    id = person.server.create("one")
    tab, other = person.on(id, open=LATE), person.on(id)
    tab.type("A")
    other.fill("theirs")
    other.until_saved()
    tab.until_status("conflict")
    assert tab.text == "oneA" and not tab.run("applied.some(({ content }) => content === 'theirs')")


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
