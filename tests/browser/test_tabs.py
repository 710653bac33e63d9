"""Many tabs, one document: no text is lost."""

import json
import random
import time

import pytest

from tests.browser.conftest import Person
from tests.browser.line import Answer, Fault, Forward, Sent, answer_is_lost, arrives_twice, never_arrives, passes
from tests.browser.tab import Tab

IN_THE_JOURNAL = """
    new Promise((done) => {
        const open = indexedDB.open("savepoint");
        open.onsuccess = () => {
            const transaction = open.result.transaction([...open.result.objectStoreNames]);
            const found = [];
            for (const name of open.result.objectStoreNames)
                transaction.objectStore(name).getAll().onsuccess = (event) => found.push(event.target.result);
            transaction.oncomplete = () => { open.result.close(); done(JSON.stringify(found)) };
        };
    })
"""


def settle(tabs: list[Tab]) -> None:
    """Waits until every tab has saved, or asks; answers "keep both" for those that ask, one after the other."""
    for _ in range(len(tabs) * 4):
        for tab in tabs:
            tab.until("['clean', 'conflict'].includes(doc.state.status)")
            if tab.state["status"] == "conflict":
                tab.run("doc.resolve('copy')")
                tab.until_saved()
        if all(tab.state["status"] == "clean" for tab in tabs):
            return
    raise AssertionError([tab.state for tab in tabs])


def assert_all_kept(person: Person, tabs: list[Tab], id: str, texts: list[str]) -> None:
    """Every text is current, in the history, in a copy or kept aside, or a later text of its tab has it."""
    kept = person.server.everything()
    aside = "".join(tab.run(IN_THE_JOURNAL) for tab in tabs[:1])
    everything = "\n".join([*kept, aside])
    missing = [text for text in texts if text not in everything]
    assert not missing, (missing[:5], len(missing), person.server.content(id))


def race(person: Person, count: int, edits: int, **options: object) -> None:
    id = person.server.create("start")
    tabs = [person.on(id, open={"wait": 20, "maxWait": 100, "poll": 200, **options}) for _ in range(count)]
    chosen = random.Random(edits)
    texts = []
    for number in range(edits):
        # Each edit adds to what its tab shows, as typing does.
        text = f"<{number}>"
        texts.append(text)
        chosen.choice(tabs).page.evaluate(
            """(text) => {
                document.querySelector("#text").value += text;
                doc.changed();
            }""",
            text,
        )
    settle(tabs)
    assert_all_kept(person, tabs, id, texts)


def test_two_tabs_edit_one_document_and_no_text_is_lost(person: Person) -> None:
    race(person, 2, 40)


def test_two_tabs_that_keep_copies_ask_nobody(person: Person) -> None:
    race(person, 2, 40, onConflict="copy")


@pytest.mark.timeout(180)
def test_eight_tabs_make_two_hundred_edits_and_no_text_is_lost(person: Person) -> None:
    race(person, 8, 200)


def bad(chosen: random.Random, seconds: float) -> Fault:
    """A tenth of the responses is lost, a tenth of the requests arrives twice or never, and all take long."""

    def fault(sent: Sent, forward: Forward) -> Answer | None:
        time.sleep(seconds * chosen.random())
        [one] = chosen.choices([answer_is_lost, arrives_twice, never_arrives, passes], [10, 10, 5, 75])
        return one(sent, forward)

    return fault


def edit_over(person: Person, seconds: float, edits: int) -> None:
    id = person.server.create("start")
    tab = person.on(id)
    person.line.breaks(bad(random.Random(edits), seconds))
    for number in range(edits):
        tab.fill(f"edit {number}")
        tab.page.wait_for_timeout(20)
    person.line.works()
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    tab.until_saved()
    assert person.server.content(id) == f"edit {edits - 1}"
    assert tab.run("doc.state.conflict") is None, json.dumps(tab.state)
    # No version was made twice.
    history = person.server.history(id)
    assert len(history) == len(set(history))


def test_over_a_bad_line_the_newest_text_arrives_and_nothing_conflicts(person: Person) -> None:
    edit_over(person, 0.3, 60)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_over_a_bad_line_with_two_seconds_the_newest_text_arrives(person: Person) -> None:
    edit_over(person, 4.0, 1_000)
