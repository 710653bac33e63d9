"""A browser without a feature keeps and saves edits all the same. Each test takes one feature away."""

import pytest

from tests.browser.conftest import Person
from tests.browser.line import answers, never_arrives
from tests.browser.tab import eventually

WITHOUT = {
    "locks": "Object.defineProperty(Navigator.prototype, 'locks', { get() { return undefined } });",
    "CompressionStream": "delete globalThis.CompressionStream; delete globalThis.DecompressionStream;",
    "IndexedDB": "Object.defineProperty(globalThis, 'indexedDB', { get() { return undefined } });",
    "BroadcastChannel": "delete globalThis.BroadcastChannel;",
    "crypto.subtle": "Object.defineProperty(Crypto.prototype, 'subtle', { get() { return undefined } });",
    "crypto.randomUUID": "delete Crypto.prototype.randomUUID;",
    "storage.persist": "Object.defineProperty(Navigator.prototype, 'storage', { get() { return undefined } });",
    "scheduler and idle callbacks": "delete globalThis.scheduler; delete globalThis.requestIdleCallback;",
}
LARGE = "all of it, " * 20_000


@pytest.mark.parametrize("feature", WITHOUT)
def test_without_it_small_and_large_edits_are_saved(person: Person, feature: str) -> None:
    tab = person.on(person.server.create(LARGE), init=WITHOUT[feature])
    tab.type("A")
    tab.until_saved()
    assert person.server.content(tab.id) == LARGE + "A"
    tab.fill("small")
    tab.until_saved()
    tab.run("doc.save({ title: 'By hand' })")
    tab.until_saved()
    assert person.server.content(tab.id) == "small"


@pytest.mark.parametrize("feature", WITHOUT)
def test_without_it_an_edit_outlives_its_page(person: Person, feature: str) -> None:
    id = person.server.create("one")
    tab = person.on(id, init=WITHOUT[feature])
    person.line.breaks(never_arrives)
    tab.type("A")
    tab.until("doc.state.safe === 'device'")
    person.closes(tab)
    person.line.works()
    again = person.on(id, init=WITHOUT[feature])
    again.until_text("oneA")
    again.until_saved()
    assert person.server.content(id) == "oneA"


@pytest.mark.parametrize("feature", WITHOUT)
def test_without_it_two_tabs_never_overwrite_each_other(person: Person, feature: str) -> None:
    id = person.server.create("one")
    tabs = [person.on(id, init=WITHOUT[feature], open={"poll": 600_000}) for _ in range(2)]
    for tab, letter in zip(tabs, "AB", strict=True):
        tab.hide()
        tab.type(letter)
    for tab in tabs:
        tab.show()
        tab.until("['clean', 'conflict'].includes(doc.state.status)")
    texts = [*(tab.text for tab in tabs), *person.server.history(id)]
    assert all(any(letter in text for text in texts) for letter in "AB"), texts


@pytest.mark.parametrize("feature", ["nothing", "crypto.subtle", "CompressionStream"])
def test_a_small_edit_of_a_large_text_is_sent_as_a_delta(person: Person, feature: str) -> None:
    tab = person.on(person.server.create(LARGE), init=WITHOUT.get(feature, ""), open={"wait": 500})
    tab.type("A")
    tab.until_saved()
    [sent] = person.line.writes()
    assert sent.method == "PATCH" and len(sent.body) < 1_000


PARTS = r"/api/client/\w+-"


def test_without_its_parts_a_new_document_is_saved_and_decisions_wait_for_them(person: Person) -> None:
    """They are missing where a new release was deployed between the loading of the page and of its parts."""
    person.line.breaks(answers(404, "Not found", "text/plain"), path=PARTS)
    tab = person.tab()
    tab.type("A")
    tab.until_saved()
    assert person.server.content(tab.id) == "A"
    held = person.line.holds("PUT|PATCH", "/api/persistence")
    tab.type("B")
    held.wait()
    person.server.draft(tab.id, "theirs")
    held.release()
    person.line.works()
    tab.until_status("conflict")
    tab.run("doc.resolve('mine')")
    tab.until_saved()
    assert person.server.content(tab.id) == "AB"


def test_without_its_parts_a_document_of_the_server_opens_and_is_saved(person: Person) -> None:
    person.line.breaks(answers(404, "Not found", "text/plain"), path=PARTS)
    tab = person.on(person.server.create("one"))
    tab.type("A")
    tab.until_saved()
    assert tab.text == "oneA" == person.server.content(tab.id)
    assert tab.run("server.recoverable().catch((error) => error instanceof Error)") is True


def test_parts_that_could_not_be_loaded_are_tried_again_under_another_url(person: Person) -> None:
    """Firefox and Safari never ask again for the same one."""
    person.line.breaks(never_arrives, path=PARTS)
    tab = person.on(person.server.create("one"))
    tab.type("A")
    tab.until_saved()
    person.line.works()
    tab.show()
    assert tab.recoverable() == []
    parts = [each.path for each in person.line.sent if each.is_like("GET", PARTS)]
    assert len(set(parts)) >= 4 and {path.partition("?")[2] for path in parts} >= {"", "2"}
    tab.page.wait_for_timeout(300)
    sent = len(person.line.writes())
    tab.fill(LARGE)
    tab.until_saved()
    tab.type("B")
    tab.until_saved()
    assert person.server.content(tab.id) == LARGE + "B"
    assert person.line.writes()[sent:][-1].method == "PATCH"


def test_what_the_server_refuses_is_told_once_the_parts_are_there(person: Person) -> None:
    person.line.breaks(answers(404, "Not found", "text/plain"), path=PARTS)
    id = person.server.create("one")
    tab = person.on(id)
    person.server.act("POST", f"/sessions/{id}/close")
    tab.type("A")
    tab.until("doc.state.status === 'offline' && doc.state.safe === 'device'")
    person.line.works()
    tab.until_status("read_only")
    assert tab.text == "oneA" and person.server.content(id) == "one"


def test_a_release_that_is_deployed_while_a_page_is_open_takes_nothing_from_it(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    eventually(tab.page, lambda: len([each for each in person.line.sent if each.is_like("GET", PARTS)]) == 2)
    tab.page.wait_for_timeout(300)
    person.line.breaks(answers(404, "Not found", "text/plain"), path=PARTS)
    tab.type("A")
    tab.until_saved()
    tab.run("doc.saveAs('Other')")
    tab.until_saved()
    assert tab.recoverable() == [] and person.server.content(tab.id) == "oneA"
