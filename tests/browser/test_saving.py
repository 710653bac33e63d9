"""Edits that meet other edits, other devices and bad networks. Numbers are those of docs/browser.md."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Person
from tests.browser.line import never_arrives
from tests.browser.tab import Tab, crash

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
        crash(tab.page)
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
