"""Pages that close, hide, freeze, or go away and come back. Numbers are those of docs/browser.md."""

import random
import string
from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright

from tests.browser.conftest import Person
from tests.browser.line import Line, never_arrives
from tests.browser.server_side import ServerSide
from tests.browser.tab import Tab, eventually
from tests.support.browser import ARGUMENTS, CHROMIUM

KEEPALIVE_MAX_BYTES = 65_536
LATE = dict.fromkeys(("wait", "maxWait", "poll"), 60_000)
"""Nothing is sent by itself: only because the page is left."""
WAYS = {
    "the tab is closed": "page.close",
    "the tab is closed by a person": "close",
    "another page": "goto",
    "a reload": "reload",
}


def dense(characters: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Returns a text that gzip cannot make much smaller."""
    chosen = random.Random(characters)
    return "".join(chosen.choices(alphabet, k=characters))


def leave(person: Person, tab: Tab, way: str) -> None:
    match WAYS[way]:
        case "page.close":
            tab.page.close()
        case "close":
            tab.page.close(run_before_unload=True)
        case "goto":
            tab.page.goto(f"{person.origin}/other.html")
        case "reload":
            tab.page.reload(wait_until="commit")
    if tab.page.is_closed() or way != "a reload":
        person.tabs.remove(tab)


def arrives_or_is_offered(person: Person, id: str, text: str) -> None:
    """A new tab with the document shows the text, and the server has it soon."""
    again = person.on(id)
    again.until_text(text)
    again.until_saved()
    assert again.text == text == person.server.content(id)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("size", "alphabet"),
    [(100, "ab"), (600_000, "abc "), (600_000, string.ascii_letters), (25_000, "äöü😀€")],
    ids=["small", "large", "large and dense", "not ASCII"],
)
def test_f16_what_a_closing_page_cannot_send_is_uploaded_by_the_next(
    person: Person, way: str, size: int, alphabet: str
) -> None:
    tab = person.on(person.server.create("one"), open=LATE)
    text = dense(size, alphabet)
    tab.fill(text)
    tab.until_kept()
    id = tab.id
    leave(person, tab, way)
    arrives_or_is_offered(person, id, text)


@pytest.mark.parametrize("count", [2, 4])
def test_f16_documents_that_are_hidden_together_share_what_may_be_in_flight(person: Person, count: int) -> None:
    ids = [person.server.create("one") for _ in range(count)]
    tab = person.on(ids[0], open=LATE)
    tab.run("globalThis.faults.length = 0")
    tab.page.evaluate(
        """async (ids) => {
            globalThis.texts = Object.fromEntries(ids.map((id) => [id, ""]));
            globalThis.docs = await Promise.all(ids.map((id) => server.open({
                id, wait: 60000, maxWait: 60000, poll: 60000,
                serialize: () => texts[id], apply: (text) => { texts[id] ||= text },
            })));
        }""",
        ids[1:],
    )
    texts = {id: dense(40_000 + number) for number, id in enumerate(ids)}
    tab.fill(texts[ids[0]])
    tab.page.evaluate("(all) => { Object.assign(texts, all); for (const each of docs) each.changed() }", texts)
    tab.until("[doc, ...docs].every(({ state }) => state.safe === 'device')")
    before = len(person.line.sent)
    held = person.line.holds("PUT|PATCH")
    tab.hide()
    tab.page.wait_for_timeout(500)
    person.line.works()
    held.release()
    hidden = [each for each in person.line.sent[before:] if each.method in ("PUT", "PATCH")]
    # All are sent before any is answered. What is beyond the limit of the browser is not sent in this way.
    assert 1 <= len(hidden) <= count
    assert tab.run("faults") == []
    person.closes(tab)
    for id, text in texts.items():
        arrives_or_is_offered(person, id, text)


COUNTS = """
    const bytesOf = (body) => body.size ?? body.byteLength ?? new TextEncoder().encode(body).length;
    const real = globalThis.fetch;
    globalThis.most = 0;
    let flying = 0;
    globalThis.fetch = async (url, init) => {
        const bytes = init?.keepalive ? bytesOf(init.body ?? "") : 0;
        flying += bytes;
        most = Math.max(most, flying);
        try {
            return await real(url, init);
        } finally {
            flying -= bytes;
        }
    };
"""


@pytest.mark.parametrize("alphabet", [string.ascii_letters, "äöü😀€"], ids=["ASCII", "not ASCII"])
def test_f16_no_more_than_64_kib_are_in_flight_for_a_closing_page(person: Person, alphabet: str) -> None:
    """Counted in bytes, and together with what is in flight already."""
    tab = person.on(person.server.create("one"), init=COUNTS, open={"wait": 20, "journalAfter": 20})
    held = person.line.holds("PUT|PATCH")
    tab.fill(dense(30_000, alphabet))
    held.wait()
    tab.fill(dense(29_000, alphabet))
    tab.until_kept()
    tab.hide()
    tab.page.wait_for_timeout(200)
    tab.show()
    person.line.works()
    held.release()
    tab.until_saved()
    assert tab.run("most") <= KEEPALIVE_MAX_BYTES
    assert person.server.content(tab.id) == dense(29_000, alphabet)


def test_what_others_saved_before_a_page_was_hidden_makes_a_copy_that_can_be_undone(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id, open=LATE)
    tab.type("A")
    person.server.save(id, "theirs")
    tab.hide()
    [copy] = eventually(tab.page, person.server.drafts)
    assert person.server.content(copy["id"]) == "oneA" and person.server.content(id) == "theirs"
    tab.show()
    tab.until_text("theirs")
    assert tab.state["copied"]["id"] == copy["id"]
    tab.run("doc.undoCopy()")
    tab.until_status("conflict")
    assert tab.text == "oneA"
    eventually(tab.page, lambda: person.server.drafts() == [])
    tab.run("doc.resolve('mine')")
    tab.until_saved()
    assert person.server.content(id) == "oneA" and "theirs" in person.server.history(id)


NO_BEFOREUNLOAD = """
    const listen = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (name, ...all) {
        if (!["beforeunload", "unload", "pagehide", "freeze"].includes(name)) listen.call(this, name, ...all);
    };
"""


def test_f17_where_only_visibilitychange_fires_everything_is_journaled(person: Person) -> None:
    tab = person.on(
        person.server.create("one"), init=NO_BEFOREUNLOAD, open={"journalAfter": 60_000, "wait": 60_000}
    )
    id = tab.id
    person.line.breaks(never_arrives)
    tab.type("A")
    assert tab.state["safe"] == "nowhere"
    tab.hide()
    tab.until("doc.state.safe === 'device'")
    person.closes(tab)
    person.line.works()
    arrives_or_is_offered(person, id, "oneA")


@pytest.fixture
def with_cache(playwright: Playwright, server_origin: str, line: tuple[str, Line]) -> Iterator[Person]:
    """Someone whose Chromium restores pages as they were. Playwright switches that off."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    server = ServerSide(server_origin, "returning")
    yield Person("returning", browser.new_context(), *line, server)
    server.close()
    browser.close()


@pytest.mark.parametrize("edited", [False, True], ids=["clean", "edited"])
def test_f18_a_page_comes_back_as_it_was_and_asks_at_once(with_cache: Person, edited: bool) -> None:
    person = with_cache
    id = person.server.create("one")
    tab = person.on(id, open={"poll": 600_000})
    tab.run("addEventListener('pageshow', (event) => { globalThis.persisted = event.persisted })")
    if edited:
        tab.type("A")
        tab.until_saved()
    tab.page.goto(f"{person.origin}/other.html")
    version = person.server.version(id)
    person.server.save(id, "theirs")
    tab.page.go_back(wait_until="commit")
    eventually(tab.page, lambda: tab.page.url.endswith("D") or "test.html" in tab.page.url)
    reasons = tab.run("performance.getEntriesByType('navigation')[0].notRestoredReasons")
    assert tab.run("globalThis.persisted") is True, reasons
    tab.until_text("theirs")
    assert tab.state["version"] == version + 1
    tab.type("B")
    tab.until_saved()
    assert person.server.content(id) == "theirsB"


def test_f32_a_frozen_tab_stops_no_other(person: Person) -> None:
    id, other = person.server.create("one"), person.server.create("two")
    frozen = person.on(id)
    frozen.type("A")
    frozen.freeze()
    tab = person.on(other)
    tab.type("B")
    tab.until_saved()
    assert person.server.content(other) == "twoB"
    same = person.on(id)
    same.until("doc.state.status !== 'saving'")
    same.type("C")
    same.until("['clean', 'conflict'].includes(doc.state.status)")
    frozen.thaw()
    frozen.until("['clean', 'conflict'].includes(doc.state.status)")
