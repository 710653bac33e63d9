"""The example made of modules: whatever was saved opens, nothing of it is lost, and the page says what it did."""

import json

from playwright.sync_api import expect

from tests.browser.workbench.board import (
    BOARD,
    CHART,
    NEWER,
    NOTES,
    TABLE,
    UNKNOWN,
    module,
    opened,
    told,
    until_saved,
)
from tests.browser.workbench.conftest import Visitor


def test_an_old_version_opens_and_the_page_says_so(visitor: Visitor) -> None:
    page, id = opened(
        visitor,
        '"chart-1":{"schema":1,"state":{"channel":"rpm","laps":9}}',
        '"table-1":{"schema":1,"state":{"columns":"speed,rpm","sort":"-speed"}}',
        '"notes-1":{"schema":1,"state":"an old text"}',
    )
    expect(told(page)).to_have_text(
        [
            "Chart “Engine speed” was brought up to date from version 1.",
            "Table “Laps” was brought up to date from version 1.",
            "Notes “Notes” was brought up to date from version 1.",
        ]
    )
    expect(module(page, "Chart “Engine speed”").get_by_label("Newest laps")).to_have_value("9")
    expect(page.get_by_role("columnheader", name="Speed (km/h)")).to_have_attribute("aria-sort", "descending")
    expect(module(page, "Notes").get_by_label("Text")).to_have_value("an old text")
    assert visitor.server.version(id) == 1, "opening saves nothing"
    module(page, "Notes").get_by_label("Text").fill("a new text")
    until_saved(page)
    kept = json.loads(visitor.server.content(id))["modules"]
    assert [each["schema"] for each in kept.values()] == [3, 2, 2]
    assert kept["notes-1"]["state"]["text"] == "a new text"


def test_what_does_not_fit_the_app_or_the_format_is_repaired(visitor: Visitor) -> None:
    page, _ = opened(
        visitor,
        CHART.replace('"speed"', '"boost"'),
        TABLE.replace('["rpm"]', '["rpm","boost"]'),
        NOTES.replace("true", '"yes"'),
    )
    expect(told(page)).to_have_text(
        [
            "Chart “Fast” was repaired: there is no channel “boost”.",
            "Table “Laps” was repaired: there is no channel “boost”.",
            "Notes “Ideas” was repaired: view.open: does not fit /properties/view/properties/open/type.",
        ]
    )
    expect(module(page, "Chart “Fast”").get_by_label("Newest laps")).to_have_value("5")
    expect(module(page, "Notes “Ideas”").get_by_label("Text")).to_have_value("softer")


def test_a_damaged_line_keeps_no_other_from_loading_and_is_kept_aside(visitor: Visitor) -> None:
    cut, scrambled = TABLE[:60], "chart-2:{{{"
    page, id = opened(visitor, CHART, cut, scrambled, NOTES)
    expect(told(page)).to_have_count(2)
    expect(told(page).first).to_have_text("A part of the document is damaged. It is kept aside in the document.")
    expect(told(page).last).to_contain_text("Table “Laps” begins anew")
    expect(module(page, "Chart “Fast”").get_by_label("Newest laps")).to_have_value("5")
    module(page, "Notes “Ideas”").get_by_label("Text").fill("harder")
    until_saved(page)
    kept = json.loads(visitor.server.content(id))
    assert kept["aside"] == [["", f"{scrambled},"], ["table-1", cut.removeprefix('"table-1":')]]
    assert kept["modules"]["notes-1"]["state"]["text"] == "harder"
    page.reload()
    expect(module(page, "Notes “Ideas”").get_by_label("Text")).to_have_value("harder")
    expect(told(page)).to_have_count(0)


def test_something_else_than_a_board_is_kept_aside(visitor: Visitor) -> None:
    id = visitor.server.create("notes of an earlier app", "Earlier")
    page = visitor.page(f"{BOARD}#{id}")
    expect(told(page)).to_contain_text("kept aside")
    page.get_by_role("button", name="Add chart").click()
    until_saved(page)
    assert json.loads(visitor.server.content(id))["aside"] == [["", "notes of an earlier app"]]


def test_what_a_newer_page_saved_stays_byte_for_byte(visitor: Visitor) -> None:
    page, id = opened(visitor, NEWER, UNKNOWN, NOTES)
    expect(told(page)).to_have_count(2)
    expect(told(page).first).to_contain_text("saved by version 9, and this is 3")
    expect(told(page).last).to_contain_text("Module “map-1” cannot be shown here")
    newer = module(page, "Chart of a newer version")
    expect(newer).to_contain_text("It stays as it is")
    expect(newer.get_by_role("button")).to_have_count(0)
    module(page, "Notes “Ideas”").get_by_label("Text").fill("harder")
    until_saved(page)
    content = visitor.server.content(id)
    assert f"\n{NEWER},\n" in content and UNKNOWN in content
    assert json.loads(content)["modules"]["notes-1"]["state"]["text"] == "harder"


def test_an_app_of_200_modules_opens_though_some_are_broken(visitor: Visitor) -> None:
    text = "x" * 7_000
    lines = [NOTES.replace("notes-1", f"notes-{at}").replace("softer", f"{at} {text}") for at in range(200)]
    lines[50] = lines[50].replace(text, text + "\\")
    lines[100] = NEWER
    page, id = opened(visitor, *lines)
    assert len(visitor.server.content(id)) > 1_400_000
    expect(page.get_by_role("article")).to_have_count(200)
    expect(told(page)).to_have_count(2)
    page.get_by_role("article").nth(199).get_by_label("Text").fill("the last")
    until_saved(page)
    kept = visitor.server.content(id).split("\n")
    assert NEWER in kept[101] and [kept[1], kept[199]] == [f"{lines[0]},", f"{lines[198]},"]
    assert '"the last"' in kept[200]
