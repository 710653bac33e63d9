"""A browser without a feature keeps and saves edits all the same. Each test takes one feature away."""

import pytest

from tests.browser.conftest import Person
from tests.browser.line import never_arrives

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
    tab.page.close()
    person.tabs.remove(tab)
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
