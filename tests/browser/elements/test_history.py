"""The versions of a document: looked at, compared, named, brought back."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import answers
from tests.browser.tab import eventually
from tests.browser.watched import NARROW, assert_accessible, pictures
from tests.support.storage import Storage, on_sqlite

FIRST = {"track": "Thunder Alley", "frontOil": 600, "rearOil": 500}


@pytest.fixture(scope="module")
def server_origin(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that keeps every autosave, so that a sitting has some at once."""
    sqlite = on_sqlite(tmp_path_factory.mktemp("history") / "data")
    with Storage({**sqlite.environ, "AUTOSAVE_COALESCE_SECONDS": "0"}).serve() as server:
        yield server.base_url
        assert "Traceback" not in server.stderr()


def setup(**more: Any) -> str:
    return json.dumps({**FIRST, **more})


def with_versions(stage: Stage) -> str:
    """Returns a document with a first version, a saved one, three autosaves and another saved one."""
    id = stage.server.create(setup(), "Thunder Alley")
    stage.server.save(id, setup(frontOil=650, rearOil=480, tyres="Slick"))
    for at in range(3):
        stage.server.autosave(id, setup(frontOil=660 + at))
    stage.server.save(id, setup(frontOil=700))
    return id


def opened(stage: Stage, id: str) -> tuple[Page, Locator]:
    page = stage.on(id)
    return page, put(page, "savepoint-history")


def version(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=re.compile(rf"^Version {number}\b"))


def test_rows_say_what_has_changed_where_and_how_much_larger(stage: Stage) -> None:
    _, history = opened(stage, with_versions(stage))
    rows = history.get_by_role("list", name="Versions, newest first").get_by_role("listitem")
    expect(rows.nth(0)).to_contain_text("Version 6 saved · current Front oil 662 → 700")
    expect(rows.nth(0)).to_contain_text("Firefox on Linux · same size")
    expect(rows.nth(3)).to_contain_text("Version 2 saved Front oil 600 → 650, 2 more")
    expect(rows.nth(3)).to_contain_text("+18 bytes")
    expect(rows.nth(4)).to_contain_text("The first version that is kept")


def test_autosaves_of_one_sitting_are_one_row_and_can_be_unfolded(stage: Stage) -> None:
    page, history = opened(stage, with_versions(stage))
    expect(version(page, 5)).to_contain_text("Front oil 650 → 662, 2 more")
    expect(version(page, 4)).to_be_hidden()
    page.get_by_role("button", name="2 more autosaves before it").click()
    expect(version(page, 4)).to_contain_text("Front oil 660 → 661")
    expect(version(page, 5)).to_contain_text("Front oil 661 → 662")
    expect(history.get_by_role("listitem")).to_have_count(7)


def test_a_click_previews_a_version_and_changes_nothing_and_arrows_walk(stage: Stage) -> None:
    id = with_versions(stage)
    page, _ = opened(stage, id)
    version(page, 2).click()
    expect(page.get_by_role("heading", name="Version 2 of")).to_be_visible()
    expect(page.get_by_text("Change 1 of 3: Front oil 650 → 700")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(version(page, 1)).to_be_focused()
    expect(page.get_by_role("heading", name="Version 1 of")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.get_by_text("This is the newest version.")).to_be_visible()
    expect(page.get_by_role("button", name="Restore version")).to_be_hidden()
    assert stage.server.version(id) == 6
    told = "events.filter(([name]) => name === 'savepoint-preview').map(([, { version }]) => version)"
    eventually(page, lambda: page.evaluate(told) == [2, 1, 6])


def test_restore_names_the_time_keeps_what_is_unsaved_and_can_be_undone(stage: Stage) -> None:
    id = with_versions(stage)
    page = stage.page(open={"id": id, "wait": 60_000, "maxWait": 60_000})
    put(page, "savepoint-history")
    version(page, 1).click()
    page.get_by_label("Text", exact=True).fill("typed, not saved")
    page.get_by_role("button", name="Restore version 1").click()
    dialog = page.get_by_role("dialog", name="Restore version 1 of")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Restore").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(setup())
    expect(version(page, 8)).to_contain_text("restored from v1")
    assert stage.server.history(id)[:2] == [setup(), "typed, not saved"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("typed, not saved")
    eventually(page, lambda: stage.server.content(id) == "typed, not saved")


def test_a_narrow_window_shows_the_preview_that_was_asked_for(stage: Stage) -> None:
    page, _ = opened(stage, with_versions(stage))
    page.set_viewport_size(NARROW)
    version(page, 6).click()
    expect(page.get_by_role("heading", name="Version 6 of")).to_be_in_viewport()


def test_any_two_versions_can_be_compared_the_older_one_left(stage: Stage) -> None:
    page, _ = opened(stage, with_versions(stage))
    version(page, 6).click()
    page.get_by_label("Compare with").select_option(label=page.get_by_role("option", name="v2,").inner_text())
    expect(page.get_by_text("Change 1 of 3: Front oil 650 → 700")).to_be_visible()
    page.get_by_label("Compare with").select_option("none")
    expect(page.get_by_label("The whole text", exact=True)).to_have_text(setup(frontOil=700))


def test_a_name_keeps_a_version_and_can_be_removed(stage: Stage) -> None:
    id = with_versions(stage)
    page, history = opened(stage, id)
    version(page, 2).click()
    expect(page.get_by_text("Stays for at least 98 newer versions. A name keeps it for good.")).to_be_visible()
    page.get_by_role("button", name="Name…").click()
    page.get_by_label("Name of this version").fill("Qualifying")
    page.keyboard.press("Enter")
    named = history.get_by_role("listitem").filter(has=page.get_by_role("button", name="Qualifying"))
    expect(named).to_contain_text("Kept for good, 1 of 20 with a name")
    expect(page.get_by_role("button", name="Rename…")).to_be_focused()
    page.get_by_role("button", name="Remove name").click()
    expect(version(page, 2)).to_be_visible()
    expect(page.get_by_role("button", name="Name…")).to_be_focused()


def test_a_version_can_be_copied_as_a_new_document(stage: Stage) -> None:
    page, _ = opened(stage, with_versions(stage))
    version(page, 2).click()
    page.get_by_role("button", name="Copy as new").click()
    expect(page.get_by_text("Copied as “Thunder Alley (v2)”.")).to_be_visible()
    [copy] = [one for one in stage.server.sessions() if one["title"] == "Thunder Alley (v2)"]
    assert json.loads(stage.server.content(copy["id"]))["tyres"] == "Slick"
    eventually(page, lambda: ["savepoint-open", {"kind": "session", "id": copy["id"]}] in page.evaluate("events"))


PUT = """() => document.addEventListener("savepoint-put", ({ detail }) => {
    document.querySelector("#text").value = detail.text;
    doc.changed();
})"""


def test_one_field_of_an_old_version_can_be_put_back_with_undo(stage: Stage) -> None:
    id = with_versions(stage)
    page, _ = opened(stage, id)
    page.evaluate(PUT)
    version(page, 2).click()
    page.get_by_text("Put back one part").click()
    page.get_by_role("button", name="Put back: Tyres Slick added").click()
    text = page.get_by_label("Text", exact=True)
    expect(text).to_have_value(re.compile('"tyres":"Slick"'))
    assert json.loads(text.input_value()) == {**FIRST, "frontOil": 700, "tyres": "Slick"}
    expect(page.get_by_role("button", name="Put back: Tyres")).to_be_hidden()
    expect(page.locator("summary")).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Put back: Tyres Slick added")).to_be_visible()
    assert json.loads(text.input_value()) == {**FIRST, "frontOil": 700}


def test_the_history_marks_the_versions_that_changed_a_field(stage: Stage) -> None:
    page, history = opened(stage, with_versions(stage))
    version(page, 2).click()
    page.get_by_text("Put back one part").click()
    page.get_by_role("button", name="Which versions?: Tyres").click()
    expect(page.get_by_text("◆ marks the versions that changed: Tyres")).to_be_visible()
    expect(history.get_by_role("listitem").filter(has_text="◆")).to_have_count(2)
    expect(version(page, 5)).to_contain_text("◆ Tyres Slick removed")
    expect(version(page, 2)).to_contain_text("◆ Tyres Slick added")
    page.get_by_role("button", name="Show all changes").click()
    expect(version(page, 5)).to_contain_text("Front oil 650 → 662, 2 more")
    expect(version(page, 6)).to_be_focused()


def test_a_version_that_comes_meanwhile_moves_no_row(stage: Stage) -> None:
    id = with_versions(stage)
    page, history = opened(stage, id)
    expect(version(page, 6)).to_be_visible()
    stage.server.save(id, setup(frontOil=1))
    newer = page.get_by_role("button", name="Show newer versions")
    expect(newer).to_be_visible()
    expect(history.get_by_role("listitem").first).to_contain_text("Version 6")
    newer.click()
    expect(history.get_by_role("listitem").first).to_contain_text("Version 7")


def test_older_versions_come_when_asked_for_and_the_sizes_are_a_picture_with_words(stage: Stage) -> None:
    id = stage.server.create("x")
    for at in range(1, 25):
        stage.server.save(id, "x" * at * 100)
    page, history = opened(stage, id)
    expect(
        page.get_by_role("img", name="Size of 25 versions: from 1 byte to 2 KiB, at most 2 KiB")
    ).to_be_visible()
    expect(history.get_by_role("listitem")).to_have_count(20)
    page.get_by_role("button", name="Show older versions").click()
    expect(history.get_by_role("listitem")).to_have_count(25)


LAPS = {"laps": [50, 61, 70]}


def previewed(stage: Stage) -> Page:
    """Returns a page that can put the second of three laps back, and whose edits stay unsaved."""
    id = stage.server.create(setup(laps=[50, 60, 70]))
    stage.server.save(id, setup(**LAPS))
    page = stage.page(open={"id": id, "wait": 60_000, "maxWait": 60_000})
    put(page, "savepoint-history")
    page.evaluate(PUT)
    page.get_by_label("Text", exact=True).fill(setup(**LAPS, notes="typed"))
    version(page, 1).click()
    page.get_by_text("Put back one part").click()
    return page


def test_a_part_is_not_put_back_at_a_place_that_has_moved_meanwhile(stage: Stage) -> None:
    page = previewed(stage)
    text = page.get_by_label("Text", exact=True)
    expect(page.get_by_role("button", name="Put back: Laps › 2 61 → 60")).to_be_visible()
    moved = setup(laps=[40, 50, 61, 70], notes="typed")
    text.fill(moved)
    page.get_by_role("button", name="Put back: Laps › 2 61 → 60").click()
    expect(page.get_by_role("alert")).to_contain_text("This place has changed meanwhile.")
    expect(text).to_have_value(moved)
    page.get_by_role("button", name="Put back: Laps › 3 61 → 60").click()
    expect(text).to_have_value(re.compile(r"\[40,50,60,70\]"))


def test_what_was_put_back_is_not_undone_at_a_place_that_has_moved(stage: Stage) -> None:
    page = previewed(stage)
    text = page.get_by_label("Text", exact=True)
    page.get_by_role("button", name="Put back: Laps › 2 61 → 60").click()
    expect(text).to_have_value(re.compile(r"\[50,60,70\]"))
    text.fill(setup(laps=[60, 70]))
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("This did not work: This place has changed meanwhile.")).to_be_visible()
    expect(text).to_have_value(setup(laps=[60, 70]))


def test_a_name_that_could_not_be_given_is_still_there_to_be_given_again(stage: Stage) -> None:
    page, _ = opened(stage, with_versions(stage))
    version(page, 2).click()
    page.get_by_role("button", name="Name…").click()
    page.get_by_label("Name of this version").fill("Qualifying")
    stage.line.breaks(answers(503, '{"detail": "Try later."}', "application/problem+json"), "PUT", "/name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This did not work: Try later.")
    expect(page.get_by_label("Name of this version")).to_have_value("Qualifying")
    stage.line.works()
    page.get_by_label("Name of this version").press("Enter")
    expect(page.get_by_role("button", name="Qualifying")).to_be_visible()


def test_a_double_click_makes_one_copy(stage: Stage) -> None:
    page, _ = opened(stage, with_versions(stage))
    version(page, 2).click()
    page.get_by_role("button", name="Copy as new").dblclick()
    expect(page.get_by_text("Copied as “Thunder Alley (v2)”.")).to_be_visible()
    assert len(stage.server.sessions()) == 2


def test_a_late_list_of_versions_replaces_no_newer_one(stage: Stage) -> None:
    id = with_versions(stage)
    page, history = opened(stage, id)
    expect(version(page, 6)).to_be_visible()
    held = stage.line.holds("GET", "/revisions", answered=True)
    page.evaluate("() => { window.late = document.querySelector('savepoint-history').load() }")
    held.wait()
    stage.line.works()
    stage.server.save(id, setup(frontOil=1))
    page.evaluate("document.querySelector('savepoint-history').load()")
    expect(version(page, 7)).to_be_visible()
    held.release()
    page.evaluate("late")
    expect(history.get_by_role("listitem").first).to_contain_text("Version 7")


def test_the_german_words_fit_at_320_pixels(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    page, _ = opened(stage, with_versions(stage))
    version(page, 2).click()
    page.evaluate("elements.setTexts('de', german)")
    expect(page.get_by_role("button", name="Version 2 wiederherstellen")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "german")


def test_the_history_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    id = with_versions(stage)
    page, _ = opened(stage, id)
    version(page, 2).click()
    page.get_by_role("button", name="Name…").click()
    page.get_by_label("Name of this version").fill("Qualifying")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Qualifying")).to_be_visible()
    page.get_by_text("Put back one part").click()
    page.get_by_role("button", name="Which versions?: Tyres").click()
    assert_accessible(page)
    pictures(page, tmp_path, "history")
