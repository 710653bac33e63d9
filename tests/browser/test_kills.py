"""A browser that is killed or emptied loses nothing that was kept before. Numbers are those of docs/browser.md."""

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright

from tests.browser.conftest import KilledPerson, Person
from tests.browser.line import never_arrives
from tests.browser.tab import Tab, crash, eventually


def goes_on(person: KilledPerson) -> Tab:
    """Returns a tab that goes on with what is offered: exactly one document."""
    tab = person.tab(waits=True)
    [offered] = tab.recoverable()
    tab.run("start({ id: it })", offered["id"])
    return tab


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_f29_a_killed_browser_offers_what_was_typed(
    killed: KilledPerson, playwright: Playwright, seconds: float
) -> None:
    tab = killed.tab()
    killed.line.breaks(never_arrives)
    tab.type("before the crash")
    tab.page.wait_for_timeout(seconds * 1000)
    killed.kill()
    killed.line.works()
    killed.start(playwright)
    tab = goes_on(killed)
    tab.until_text("before the crash")
    tab.until_saved()
    assert killed.server.content(tab.id) == "before the crash"


def test_f29_a_tab_that_crashed_is_offered_to_the_next(person: Person) -> None:
    tab = person.tab()
    person.line.breaks(never_arrives)
    tab.type("before the crash")
    tab.until_kept()
    crash(tab.page)
    person.tabs.remove(tab)
    person.line.works()
    again = person.tab(waits=True)
    [offered] = eventually(again.page, again.recoverable)
    assert (offered["content"], offered["current"]) == ("before the crash", True)
    claimed = again.run("server.recoverable().then(([one]) => server.claim(one))")
    assert claimed == {"id": offered["id"], "copy": False, "status": "clean"}
    assert person.server.content(offered["id"]) == "before the crash"
    assert again.recoverable() == []


def loop(person: KilledPerson, playwright: Playwright, rounds: int) -> None:
    """Types numbers, kills the browser at any moment, and looks for what was kept before."""
    chosen = random.Random(rounds)
    id = person.server.create("0")
    typed = 0
    for _ in range(rounds):
        tab = person.on(id)
        tab.until(f"Number(document.querySelector('#text').value) >= {typed}")
        if chosen.random() < 0.5:
            person.line.breaks(never_arrives, "PUT|PATCH")
        for _ in range(chosen.randint(1, 20)):
            typed += 1
            tab.fill(str(typed))
            if chosen.random() < 0.2:
                tab.page.wait_for_timeout(chosen.randint(0, 200))
        tab.until_kept()
        for _ in range(chosen.randint(0, 3)):  # may be lost
            tab.fill(str(typed + 1))
        person.kill()
        person.line.works()
        person.start(playwright)
    tab = person.on(id)
    tab.until(f"Number(document.querySelector('#text').value) >= {typed}")
    tab.until_saved()
    assert int(person.server.content(id)) in (typed, typed + 1)


@pytest.mark.timeout(180)
def test_five_kills_lose_nothing_that_was_kept(killed: KilledPerson, playwright: Playwright) -> None:
    loop(killed, playwright, 5)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_hundred_kills_lose_nothing_that_was_kept(killed: KilledPerson, playwright: Playwright) -> None:
    loop(killed, playwright, 100)


@pytest.fixture
def asked() -> Iterator[str]:
    """Counts how often storage is asked to be persistent."""
    yield "globalThis.asked = 0; StorageManager.prototype.persist = async () => { asked++; return true };"


def test_f24_a_draft_whose_browser_was_emptied_comes_back_from_the_server(person: Person) -> None:
    tab = person.tab()
    tab.type("a draft")
    tab.until_saved()
    id = tab.id
    tab.cdp().send("Storage.clearDataForOrigin", {"origin": person.origin, "storageTypes": "all"})
    person.closes(tab)
    again = person.on(id)
    again.until_text("a draft")
    assert again.run("server.drafts.list().then((page) => JSON.stringify(page).includes(it))", id)


def test_f24_storage_is_asked_to_persist_once_a_person_saved_by_hand(person: Person, asked: str) -> None:
    tab = person.tab(init=asked)
    tab.type("a draft")
    tab.until_saved()
    assert tab.run("asked") == 0
    for _ in range(2):
        tab.run("doc.save({ title: 'First' })")
    tab.until_saved()
    tab.until("asked === 1")
