"""The example made of modules: it saves itself, has an address, and asks before it is left."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.line import never_arrives
from tests.browser.watched import assert_accessible, pictures
from tests.browser.workbench.board import (
    BOARD,
    CHART,
    NEWER,
    NOTES,
    TABLE,
    light,
    module,
    opened,
    saved,
    told,
    until_saved,
)
from tests.browser.workbench.conftest import Visitor


def test_a_board_is_saved_by_itself_and_comes_back(visitor: Visitor) -> None:
    page = visitor.page(BOARD)
    module(page, "Chart “Speed”").get_by_label("Channel").select_option("Engine speed")
    module(page, "Chart “Speed”").get_by_label("Newest laps").fill("7")
    module(page, "Table “Laps”").get_by_role("button", name="Engine speed").click()
    module(page, "Table “Laps”").get_by_role("button", name="Engine speed").click()
    module(page, "Notes “Notes”").get_by_label("Text").fill("softer springs")
    module(page, "Notes “Notes”").get_by_label("Title").fill("Ideas")
    until_saved(page)
    page.reload()
    expect(module(page, "Chart “Speed”").get_by_role("img", name="Engine speed")).to_be_visible()
    expect(module(page, "Chart “Speed”").get_by_role("figure")).to_have_text(
        "Engine speed in the last 7 laps: from 23854 to 26967 1/min"
    )
    expect(page.get_by_role("columnheader", name="Engine speed")).to_have_attribute("aria-sort", "descending")
    expect(module(page, "Notes “Ideas”").get_by_label("Text")).to_have_value("softer springs")
    expect(told(page)).to_have_count(0)


def test_modules_are_added_and_removed_and_a_removal_can_be_undone(visitor: Visitor) -> None:
    page = visitor.page(BOARD)
    page.get_by_role("button", name="Add notes").click()
    expect(page.get_by_role("article")).to_have_count(4)
    expect(page.get_by_role("article").last).to_be_focused()
    page.get_by_role("article").last.get_by_label("Text").fill("of the new one")
    page.get_by_role("button", name="Remove Table “Laps”").click()
    page.get_by_role("article").last.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").last).to_be_focused()
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_role("article").last.get_by_label("Text")).to_have_value("of the new one")
    until_saved(page)
    page.reload()
    expect(page.get_by_role("article")).to_have_count(3)
    expect(module(page, "Table “Laps”")).to_have_count(0)
    expect(page.get_by_role("article").last.get_by_label("Text")).to_have_value("of the new one")


def test_what_another_device_saves_is_shown_and_what_it_removed_goes(visitor: Visitor) -> None:
    page, id = opened(visitor, CHART, TABLE, NOTES)
    title = module(page, "Chart “Fast”").get_by_label("Title")
    title.focus()
    visitor.server.save(id, saved(CHART, NOTES.replace("softer", "from the phone")))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(module(page, "Notes “Ideas”").get_by_label("Text")).to_have_value("from the phone")
    expect(page.get_by_role("article")).to_have_count(2)
    expect(title).to_be_focused()
    title.press("End")
    page.keyboard.type("er")
    until_saved(page)
    kept = json.loads(visitor.server.content(id))["modules"]
    assert [kept["chart-1"]["state"]["settings"]["title"], *kept] == ["Faster", "chart-1", "notes-1"]


def test_a_deep_link_opens_a_board_and_back_and_forward_work(visitor: Visitor) -> None:
    page, one = opened(visitor, CHART)
    other = visitor.server.create(saved(NOTES), "Other board")
    page.evaluate("(id) => { location.hash = id }", other)
    expect(module(page, "Notes “Ideas”")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)
    page.go_back()
    expect(module(page, "Chart “Fast”")).to_be_visible()
    assert page.url.endswith(f"#{one}")
    page.go_forward()
    expect(page.get_by_role("heading", name="Other board")).to_be_visible()
    page.get_by_role("link", name="New board").click()
    expect(page.get_by_role("article")).to_have_count(3)
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_focused()


def test_undo_on_another_board_says_that_the_board_is_not_open(visitor: Visitor) -> None:
    page, _ = opened(visitor, CHART, NOTES)
    page.get_by_role("button", name="Remove Chart “Fast”").click()
    until_saved(page)
    page.get_by_role("link", name="New board").click()
    expect(page.get_by_role("article")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The board is not open any more.")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(3)


def test_a_link_to_nothing_says_so_calmly(visitor: Visitor) -> None:
    page = visitor.page(f"{BOARD}#AAAAAAAAAAAA")
    expect(page.get_by_role("heading", name="There is no board here that you can open")).to_be_visible()
    page.get_by_role("link", name="New board").click()
    expect(page.get_by_role("article")).to_have_count(3)


def test_back_with_something_unsaved_asks_and_stay_keeps_it(visitor: Visitor) -> None:
    page, one = opened(visitor, CHART)
    other = visitor.server.create(saved(NOTES), "Other board")
    page.evaluate("(id) => { location.hash = id }", other)
    text = module(page, "Notes “Ideas”").get_by_label("Text")
    expect(text).to_be_visible()
    visitor.line.breaks(never_arrives, "PUT|PATCH|POST")
    text.click()
    text.fill("not there yet")
    page.evaluate("history.back()")
    asking = page.get_by_role("dialog", name="Not everything is saved")
    asking.get_by_role("button", name="Stay").click()
    expect(asking).to_be_hidden()
    expect(text).to_have_value("not there yet")
    assert page.url.endswith(f"#{other}")
    visitor.line.works()
    until_saved(page)
    page.evaluate("history.back()")
    expect(module(page, "Chart “Fast”")).to_be_visible()
    assert page.url.endswith(f"#{one}") and "not there yet" in visitor.server.content(other)


def test_the_board_can_be_used_by_everyone(visitors: Callable[..., Visitor], tmp_path: Path) -> None:
    visitor = visitors(bypass_csp=True)
    page, _ = opened(
        visitor, CHART, '"table-1":{"schema":1,"state":{"columns":"speed,rpm","sort":"-speed"}}', NEWER, NOTES
    )
    expect(told(page)).to_have_count(2)
    expect(light(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    pictures(page, tmp_path, "board")
