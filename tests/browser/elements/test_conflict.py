"""The dialog of a conflict: each way out, and none by mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures


def in_conflict(stage: Stage, mine: str = "mine", theirs: str = "theirs", base: str = "one") -> tuple[Page, str]:
    """Returns a page whose document someone else has changed, too, and the id of the document."""
    id = stage.server.create(base, "Thunder Alley")
    page = stage.on(id)
    for element in ("savepoint-status", "savepoint-conflict"):
        put(page, element)
    held = stage.line.holds()
    page.get_by_label("Text").fill(mine)
    held.wait()
    stage.server.save(id, theirs)
    stage.line.works()
    held.release()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page, id


def light(page: Page) -> Locator:
    return page.locator("savepoint-status").get_by_role("button").first


def test_a_conflict_names_document_device_and_time_and_begins_with_what_does_no_harm(stage: Stage) -> None:
    page, _ = in_conflict(stage)
    dialog = page.get_by_role("dialog", name="Changed elsewhere")
    expect(dialog).to_contain_text("“Thunder Alley” was changed on Firefox on Linux at ")
    expect(dialog).to_contain_text("Your changes are kept on this device.")
    expect(dialog.get_by_role("button", name="Keep both")).to_be_focused()


def test_escape_decides_nothing_and_the_light_leads_back(stage: Stage) -> None:
    page, id = in_conflict(stage)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(light(page)).to_have_text("Changed elsewhere")
    assert (stage.server.content(id), stage.server.drafts()) == ("theirs", [])
    light(page).press("Enter")
    page.get_by_role("button", name="Decide…").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(light(page)).to_be_focused()


@pytest.mark.parametrize(
    ("way", "screen", "current", "drafts"),
    [
        ("Keep both", "theirs", "theirs", ["mine"]),
        ("Use theirs", "theirs", "theirs", []),
        ("Keep mine", "mine", "mine", []),
    ],
)
def test_each_way_out_ends_it(stage: Stage, way: str, screen: str, current: str, drafts: list[str]) -> None:
    page, id = in_conflict(stage)
    page.get_by_role("button", name=way).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(light(page)).to_have_text("Saved")
    expect(page.get_by_label("Text")).to_have_value(screen)
    assert stage.server.content(id) == current
    assert "theirs" in stage.server.history(id)
    assert [stage.server.content(draft["id"]) for draft in stage.server.drafts()] == drafts


def test_a_version_that_comes_while_deciding_is_asked_about_again(stage: Stage) -> None:
    page, id = in_conflict(stage)
    held = stage.line.holds("GET", "/sessions/metadata/")  # else the page may see it before the click
    stage.server.save(id, "newer", device="Safari on iPad")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("dialog")).to_contain_text("Safari on iPad")
    stage.line.works()
    held.release()
    page.get_by_role("button", name="Use theirs").click()
    expect(page.get_by_label("Text")).to_have_value("newer")


def test_solved_is_solved_in_every_window_and_after_a_reload(stage: Stage) -> None:
    page, id = in_conflict(stage)
    other = stage.on(id)
    put(other, "savepoint-conflict")
    page.get_by_role("button", name="Keep mine").click()
    expect(other.get_by_label("Text")).to_have_value("mine")
    page.reload()
    page.locator("body[data-loaded]").wait_for(state="attached")
    put(page, "savepoint-conflict")
    expect(page.get_by_label("Text")).to_have_value("mine")
    assert page.evaluate("doc.flush().then(({ status }) => status)") == "clean"
    for each in (page, other):
        expect(each.get_by_role("dialog")).to_be_hidden()


def test_what_ends_the_conflict_closes_the_dialog(stage: Stage) -> None:
    page, _ = in_conflict(stage)
    page.evaluate("doc.resolve('mine')")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_copy_made_while_nobody_looked_is_told_and_can_be_undone(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    page = stage.page(open={"id": id, "wait": 60_000, "maxWait": 60_000, "poll": 60_000})
    put(page, "savepoint-conflict")
    page.get_by_label("Text").fill("mine")
    stage.server.save(id, "theirs")
    hide(page)
    expect(page.get_by_text("Kept both: yours is the draft")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("theirs")
    assert [stage.server.content(draft["id"]) for draft in stage.server.drafts()] == ["mine"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("dialog", name="Changed elsewhere")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("mine")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    eventually(page, lambda: stage.server.drafts() == [])


def hide(page: Page) -> None:
    """Another tab comes to the front, and then this one again."""
    page.evaluate(
        """() => {
            for (const state of ["hidden", "visible"]) {
                Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }
        }"""
    )


def test_a_decision_that_fails_says_so_and_can_be_made_again(stage: Stage) -> None:
    page, id = in_conflict(stage)
    # The part of the module that decides is loaded by now, so its failure is made up.
    page.evaluate(
        """() => {
            const { resolve } = doc;
            doc.resolve = async () => {
                doc.resolve = resolve;
                throw new Error("no");
            };
        }"""
    )
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("alert")).to_have_text("This did not work: no")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    eventually(page, lambda: stage.server.content(id) == "mine")


def test_the_german_words_fit_at_320_pixels(stages: Callable[..., Stage], tmp_path: Path) -> None:
    page, _ = in_conflict(stages(bypass_csp=True))
    page.evaluate("elements.setTexts('de', german)")
    expect(page.get_by_role("button", name="Beide behalten")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Vergleichen").click()
    expect(page.get_by_text("0 von 1 entschieden")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "german")


def test_the_conflict_can_be_read_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    page, _ = in_conflict(stages(bypass_csp=True))
    assert_accessible(page)
    pictures(page, tmp_path, "conflict")
