"""The trash."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import answers
from tests.browser.watched import assert_accessible, pictures


def rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def delete(stage: Stage, *titles: str) -> None:
    """Creates sessions, and deletes them in this order."""
    for title in titles:
        stage.server.act("DELETE", f"/sessions/{stage.server.create(title=title)}")


def undo(page: Page) -> None:
    page.locator("savepoint-notices").get_by_role("button", name="Undo").click()


def test_the_last_deleted_comes_first_with_the_time_that_is_left(stage: Stage) -> None:
    stage.server.act("DELETE", f"/sessions/{stage.server.create('x' * 2048, 'Large')}")
    delete(stage, "Late")
    page = stage.page()
    put(page, "savepoint-trash")
    expect(rows(page)).to_contain_text(["Late", "Large"])
    expect(rows(page).last).to_contain_text("Deleted for good in 4 weeks")
    expect(rows(page).last).to_contain_text("2 KiB")
    expect(page.get_by_text("The trash keeps 2 KiB.")).to_be_visible()


def test_restoring_says_what_comes_back_and_can_be_undone(stage: Stage) -> None:
    delete(stage, "Alpha", "Beta")
    page = stage.page()
    put(page, "savepoint-trash")
    expect(page.get_by_text("brings back the content, the history with its names, and the status")).to_be_visible()
    expect(rows(page).first).to_contain_text("Active")
    page.get_by_role("button", name="Restore “Beta”").click()
    expect(page.get_by_text("“Beta” is back, with its history.")).to_be_visible()
    expect(page.get_by_role("button", name="Restore “Alpha”")).to_be_focused()
    assert [each["title"] for each in stage.server.sessions()] == ["Beta"]
    undo(page)
    expect(rows(page)).to_have_count(2)


def test_deleting_for_good_lists_the_titles_and_asks(stage: Stage) -> None:
    delete(stage, "Alpha", "Beta", "Gamma")
    page = stage.page()
    put(page, "savepoint-trash")
    page.get_by_label("Select “Alpha”").check()
    page.get_by_label("Select “Beta”").check()
    page.get_by_role("button", name="Delete selected now").click()
    dialog = page.get_by_role("dialog", name="Delete 2 for good?")
    expect(dialog.get_by_role("listitem")).to_have_text(["Alpha", "Beta"])
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(3)
    page.get_by_role("button", name="Delete selected now").click()
    dialog.get_by_role("button", name="Delete for good").click()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_text("2 were deleted for good.")).to_be_visible()
    expect(page.get_by_role("button", name="Restore “Gamma”")).to_be_focused()


def test_the_trash_is_searched_and_emptied(stage: Stage) -> None:
    delete(stage, "Alpha", "Beta")
    page = stage.page()
    put(page, "savepoint-trash")
    page.get_by_label("Search titles").fill("alp")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Search titles").fill("")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Empty trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete everything for good").click()
    expect(page.get_by_text("2 were deleted for good.")).to_be_visible()
    expect(page.get_by_text("What you delete lands here")).to_be_focused()
    assert stage.server.act("GET", "/trash")["items"] == []


def test_what_cannot_be_restored_is_named(stage: Stage) -> None:
    delete(stage, "Alpha")
    page = stage.page()
    put(page, "savepoint-trash")
    full = '{"detail": "There is no room for it.", "error": {"type": "storage_full"}}'
    stage.line.breaks(answers(507, full, "application/problem+json"), "POST", "/restore")
    page.get_by_role("button", name="Restore “Alpha”").click()
    expect(page.get_by_role("alert")).to_contain_text("Alpha: There is no room for it.")
    expect(rows(page)).to_have_count(1)


def test_many_deleted_at_once_are_undone_as_one_in_every_list(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    listed = put(page, "savepoint-open")
    trash = put(page, "savepoint-trash")
    listed.get_by_label("Select all on this page").check()
    listed.get_by_role("button", name="Delete selected").click()
    expect(trash.locator("[data-row]")).to_have_count(2)
    undo(page)
    expect(listed.locator("[data-row]")).to_have_count(2)
    expect(trash.get_by_text("What you delete lands here")).to_be_visible()


def test_the_trash_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    delete(stage, "Alpha", "A title that is long enough to need more than one line in a narrow list", "Gamma")
    page = stage.page()
    put(page, "savepoint-trash")
    page.get_by_label("Select “Alpha”").check()
    assert_accessible(page)
    pictures(page, tmp_path, "trash")
    page.get_by_role("button", name="Delete now “Gamma”").click()
    assert_accessible(page)
    pictures(page, tmp_path, "trash-confirm")
    page.keyboard.press("Escape")
    page.evaluate("elements.setTexts('de', german)")
    assert_accessible(page)
    pictures(page, tmp_path, "trash-german")
