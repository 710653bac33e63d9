"""The lists of sessions and drafts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import Answer, Forward, Sent, answers
from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures


def rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def titles(page: Page) -> Locator:
    return page.locator("[data-row] .open")


def numbered(count: int) -> list[str]:
    return [f"Lap {number:03}" for number in range(1, count + 1)]


def undo(page: Page) -> None:
    page.locator("savepoint-notices").get_by_role("button", name="Undo").click()


def last_view(page: Page) -> Any:
    return page.evaluate("events.filter(([name]) => name === 'savepoint-view').at(-1)[1].view")


def test_a_click_on_a_title_tells_the_page_what_to_open(stage: Stage) -> None:
    id = stage.server.create(title="Thunder Alley")
    page = stage.page()
    put(page, "savepoint-open").get_by_role("button", name="Thunder Alley", exact=True).click()
    eventually(page, lambda: page.evaluate("events") == [["savepoint-open", {"kind": "session", "id": id}]])


def test_a_row_says_what_a_session_is(stage: Stage) -> None:
    stage.server.save(stage.server.create(title="Thunder Alley"), "x" * 2048)
    page = stage.page()
    put(page, "savepoint-open")
    expect(rows(page)).to_contain_text("Firefox on Linux")
    expect(rows(page)).to_contain_text("2 KiB")
    expect(rows(page)).to_contain_text("Active")


def test_the_exact_time_is_shown_on_focus(stage: Stage) -> None:
    stage.server.create()
    page = stage.page()
    put(page, "savepoint-open")
    when = rows(page).locator("savepoint-time").first
    expect(when.locator("span")).to_be_hidden()
    when.locator("time").focus()
    expect(when.locator("span")).to_be_visible()


def test_nothing_is_said_to_be_empty_before_the_answer_or_after_an_error(stage: Stage) -> None:
    held = stage.line.holds("GET", "/sessions")
    page = stage.page()
    put(page, "savepoint-open")
    held.wait()
    expect(page.get_by_text("Loading…")).to_be_visible()
    expect(page.get_by_text("What you save lands here.")).to_be_hidden()
    held.release()
    expect(page.get_by_text("What you save lands here.")).to_be_visible()
    stage.line.works()
    stage.line.breaks(answers(503, "{}", "application/json"), "GET", "/sessions")
    page = stage.page()
    put(page, "savepoint-open")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_text("What you save lands here.")).to_be_hidden()
    stage.line.works()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("What you save lands here.")).to_be_visible()


def test_headers_sort_in_both_directions_and_say_so(stage: Stage) -> None:
    stage.server.create_many(["beta", "Alpha", "gamma"])
    page = stage.page()
    put(page, "savepoint-open")
    expect(titles(page)).to_have_text(["gamma", "Alpha", "beta"])
    header = page.get_by_role("columnheader", name="Title")
    expect(header).to_have_attribute("aria-sort", "none")
    header.get_by_role("button").click()
    expect(titles(page)).to_have_text(["Alpha", "beta", "gamma"])
    expect(header).to_have_attribute("aria-sort", "ascending")
    header.get_by_role("button").press("Enter")
    expect(titles(page)).to_have_text(["gamma", "beta", "Alpha"])
    expect(header).to_have_attribute("aria-sort", "descending")
    page.get_by_role("columnheader", name="Created").get_by_role("button").click()
    expect(titles(page)).to_have_text(["gamma", "Alpha", "beta"])


def test_typing_keeps_the_rows_and_a_late_answer_replaces_no_newer_one(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    put(page, "savepoint-open")
    expect(rows(page)).to_have_count(2)
    held = stage.line.holds("GET", "filter_title=al$|filter_title=al&")
    page.get_by_label("Search titles").press_sequentially("al")
    held.wait()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Search titles").fill("beta")
    expect(titles(page)).to_have_text(["Beta"])
    with page.expect_response(re.compile("filter_title=al(&|$)")):
        held.release()
    expect(titles(page)).to_have_text(["Beta"])


def test_a_search_without_a_match_can_be_cleared(stage: Stage) -> None:
    stage.server.create(title="Alpha")
    page = stage.page()
    put(page, "savepoint-open")
    page.get_by_label("Search titles").fill("zebra")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_role("button", name="Clear search and filters").click()
    expect(titles(page)).to_have_text(["Alpha"])
    expect(page.get_by_label("Search titles")).to_have_value("")
    eventually(page, lambda: page.evaluate("document.activeElement.tagName") == "SAVEPOINT-OPEN")


def test_pages_have_fifty_rows_and_say_how_many_there_are(stage: Stage) -> None:
    stage.server.create_many(numbered(120))
    page = stage.page()
    put(page, "savepoint-open", view={"sort": "title"})
    expect(page.get_by_text("1 to 50 of 120")).to_be_visible()
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("51 to 100 of 120")).to_be_visible()
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("101 to 120 of 120")).to_be_visible()
    expect(page.get_by_role("button", name="Next page")).to_be_focused()
    page.get_by_role("button", name="Previous page").click()
    expect(titles(page).first).to_have_text("Lap 051")


def test_what_is_shown_can_be_kept_in_an_address_and_shown_again(stage: Stage) -> None:
    stage.server.create_many(numbered(160))
    page = stage.page()
    put(page, "savepoint-open")
    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    page.get_by_label("Search titles").fill("lap")
    for first in ("Lap 051", "Lap 101"):
        expect(page.get_by_role("button", name="Next page")).to_be_enabled()
        eventually(page, lambda: page.evaluate("events.at(-1)[1].view.search === 'lap'"))
        page.get_by_role("button", name="Next page").click()
        expect(titles(page).first).to_have_text(first)
    eventually(page, lambda: last_view(page).get("page") == "3")
    view = last_view(page)
    assert (view["sort"], view["search"]) == ("title", "lap")
    again = stage.page()
    put(again, "savepoint-open", view=view)
    expect(titles(again).first).to_have_text("Lap 101")
    expect(again.get_by_label("Search titles")).to_have_value("lap")
    again.get_by_role("button", name="Previous page").click()
    expect(titles(again).first).to_have_text("Lap 051")
    again.evaluate("document.querySelector('savepoint-open').view = {}")
    expect(titles(again).first).to_have_text("Lap 160")
    expect(again.get_by_label("Search titles")).to_have_value("")


def test_sessions_are_filtered_by_app_and_drafts_also_by_device(stage: Stage) -> None:
    for app, device in (("race", "Firefox on Linux"), ("map", "Safari on iPhone")):
        put_draft(stage, f"{app}-draft-00"[:12], app, device)
    page = stage.page()
    put(page, "savepoint-open", kind="drafts")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("App").select_option("race")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Firefox on Linux")
    page.get_by_label("App").select_option("All apps")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Device").select_option("Safari on iPhone")
    expect(rows(page)).to_have_count(1)
    assert last_view(page) == {"device": "Safari on iPhone"}


def put_draft(stage: Stage, id: str, app: str, device: str, title: str = "Sketch") -> None:
    body = {"content": "one", "app": app, "deviceInfo": device, "title": title}
    stage.server.act("PUT", f"/drafts/{id}", body)


def test_drafts_can_be_searched_and_sorted_and_say_when_they_are_deleted(stage: Stage) -> None:
    put_draft(stage, "draft0000001", "race", "Firefox", "Beta")
    put_draft(stage, "draft0000002", "race", "Firefox", "Alpha")
    page = stage.page()
    put(page, "savepoint-open", kind="drafts")
    expect(titles(page)).to_have_text(["Alpha", "Beta"])
    expect(rows(page).first).to_contain_text("Draft, deleted in")
    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    expect(titles(page)).to_have_text(["Beta", "Alpha"])
    page.get_by_label("Search titles").fill("alp")
    expect(titles(page)).to_have_text(["Alpha"])
    titles(page).click()
    opens = ["savepoint-open", {"kind": "draft", "id": "draft0000002"}]
    eventually(page, lambda: page.evaluate("events.at(-1)") == opens)


def test_deleting_focuses_the_next_row_and_can_be_undone_from_anywhere(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta", "Gamma"])
    page = stage.page()
    put(page, "savepoint-open", view={"sort": "title"})
    page.get_by_role("button", name="Delete “Beta”").click()
    expect(titles(page)).to_have_text(["Alpha", "Gamma"])
    expect(page.get_by_role("button", name="Gamma", exact=True)).to_be_focused()
    expect(page.get_by_text("“Beta” is in the trash.")).to_be_visible()
    page.evaluate("document.querySelector('savepoint-open').remove()")
    undo(page)
    expect(page.get_by_text("“Beta” is in the trash.")).to_be_hidden()
    put(page, "savepoint-open", view={"sort": "title"})
    expect(titles(page)).to_have_text(["Alpha", "Beta", "Gamma"])


def test_after_the_last_thing_is_deleted_the_focus_is_on_what_says_so(stage: Stage) -> None:
    stage.server.create(title="Alpha")
    page = stage.page()
    put(page, "savepoint-open")
    page.get_by_role("button", name="Delete “Alpha”").click()
    expect(page.get_by_text("What you save lands here.")).to_be_focused()


def test_the_last_row_of_a_page_shows_the_page_before(stage: Stage) -> None:
    stage.server.create_many(numbered(51))
    page = stage.page()
    put(page, "savepoint-open", view={"sort": "title"})
    page.get_by_role("button", name="Next page").click()
    expect(titles(page)).to_have_text(["Lap 051"])
    page.get_by_role("button", name="Delete “Lap 051”").click()
    expect(rows(page)).to_have_count(50)
    expect(page.get_by_role("button", name="Lap 001", exact=True)).to_be_focused()


def test_all_that_match_can_be_selected_and_deleted_at_once(stage: Stage) -> None:
    stage.server.create_many([*numbered(104), "Other"])
    page = stage.page()
    put(page, "savepoint-open", view={"search": "lap"})
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Select all 104 matching").click()
    expect(page.get_by_text("104 selected, 54 on other pages")).to_be_visible()
    page.get_by_role("button", name="Delete selected").click()
    expect(page.get_by_text("104 are in the trash.")).to_be_visible()
    assert [each["title"] for each in stage.server.sessions()] == ["Other"]
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    undo(page)
    expect(page.get_by_text("1 to 50")).to_be_visible()
    eventually(page, lambda: stage.server.act("GET", "/usage")["used"]["sessions"] == 105)


def test_another_filter_drops_the_selection(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    put(page, "savepoint-open")
    page.get_by_label("Select “Alpha”").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_label("Search titles").fill("beta")
    expect(page.get_by_text("Nothing selected")).to_be_visible()


def test_selecting_moves_no_row(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    page.set_viewport_size({"width": 320, "height": 640})
    put(page, "savepoint-open")
    box = page.get_by_label("Select “Alpha”")
    before = box.bounding_box()
    box.check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    assert box.bounding_box() == before
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("Nothing selected")).to_be_visible()
    expect(page.get_by_role("button", name="Beta", exact=True)).to_be_focused()


def test_a_bulk_deletion_ends_with_one_result_that_names_each_failure(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta", "Gamma"])

    def half(sent: Sent, forward: Forward) -> Answer:
        answer = forward()
        body = json.loads(answer.body)
        [beta] = [each for each in json.loads(sent.body)["items"] if each["id"] == ids["Beta"]]
        for item in body["items"]:
            if item["id"] == beta["id"]:
                item["problem"] = {"detail": "It is being changed.", "status": 409}
        return Answer(answer.status, json.dumps(body).encode(), answer.headers)

    ids = {each["title"]: each["id"] for each in stage.server.sessions()}
    page = stage.page()
    put(page, "savepoint-open", view={"sort": "title"})
    page.get_by_label("Select all on this page").check()
    stage.line.breaks(half, "POST", "/sync")
    page.get_by_role("button", name="Delete selected").click()
    alert = page.get_by_role("alert").filter(has_text="1 of 3 did not work:")
    expect(alert).to_contain_text("Beta: It is being changed.")
    expect(page.get_by_text("2 are in the trash.")).to_be_visible()
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_be_hidden()
    eventually(page, lambda: page.evaluate("document.activeElement.tagName") == "SAVEPOINT-OPEN")


def test_no_row_moves_under_the_pointer_when_something_is_saved(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    ids = {each["title"]: each["id"] for each in stage.server.sessions()}
    page = stage.page()
    put(page, "savepoint-open")
    expect(titles(page)).to_have_text(["Beta", "Alpha"])
    rows(page).last.hover()
    stage.server.save(ids["Alpha"], "x" * 5000)
    page.evaluate("document.dispatchEvent(new CustomEvent('savepoint-changed'))")
    expect(rows(page).last).to_contain_text("5 KiB")
    expect(titles(page)).to_have_text(["Beta", "Alpha"])
    page.get_by_label("Text").hover()
    expect(titles(page)).to_have_text(["Alpha", "Beta"])


AT_ONCE = """() => {
    const { shadowRoot } = document.querySelector("savepoint-open");
    const field = shadowRoot.querySelector("input[type=search]");
    field.value = "alp";
    field.dispatchEvent(new Event("input"));
    shadowRoot.querySelector("th button").click();
}"""


def test_a_search_that_is_being_typed_is_not_lost_by_another_order(stage: Stage) -> None:
    stage.server.create_many(["Beta", "Alpha"])
    page = stage.page()
    put(page, "savepoint-open")
    expect(rows(page)).to_have_count(2)
    page.evaluate(AT_ONCE)
    expect(titles(page)).to_have_text(["Alpha"])
    expect(page.get_by_label("Search titles")).to_have_value("alp")
    assert last_view(page) == {"search": "alp", "sort": "title"}


def test_what_a_filter_shows_follows_what_the_list_shows(stage: Stage) -> None:
    put_draft(stage, "draft0000001", "race", "Firefox")
    page = stage.page()
    put(page, "savepoint-open", kind="drafts")
    page.get_by_label("App").select_option("race")
    expect(page.get_by_label("App")).to_have_value("race")
    page.evaluate("() => { document.querySelector('savepoint-open').view = {} }")
    expect(page.get_by_label("App")).to_have_value("")


def test_the_focus_stays_where_a_person_has_gone_meanwhile(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    put(page, "savepoint-open")
    held = stage.line.holds("POST", "/sync")
    page.get_by_role("button", name="Delete “Beta”").click()
    held.wait()
    page.get_by_label("Text").focus()
    held.release()
    expect(titles(page)).to_have_text(["Alpha"])
    expect(page.get_by_text("“Beta” is in the trash.")).to_be_visible()
    expect(page.get_by_label("Text")).to_be_focused()


def test_a_notice_that_is_dismissed_gives_the_focus_back(stage: Stage) -> None:
    stage.server.create_many(["Alpha", "Beta"])
    page = stage.page()
    put(page, "savepoint-open")
    page.get_by_role("button", name="Delete “Beta”").click()
    expect(page.get_by_role("button", name="Alpha", exact=True)).to_be_focused()
    page.locator("savepoint-notices").get_by_role("button", name="Dismiss").press("Enter")
    expect(page.get_by_text("“Beta” is in the trash.")).to_be_hidden()
    expect(page.get_by_role("button", name="Alpha", exact=True)).to_be_focused()


def test_the_lists_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    page = stage.page()
    put(page, "savepoint-open")
    expect(page.get_by_text("What you save lands here.")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "open-empty")
    stage.server.create_many(
        [*numbered(55), "A title that is long enough to need more than one line in a narrow list"]
    )
    stage.server.save(stage.server.create(title="Thunder Alley"), "x" * 123456, "Chrome on Windows")
    page.evaluate("document.querySelector('savepoint-open').refresh()")
    expect(page.get_by_text("1 to 50 of 57")).to_be_visible()
    page.get_by_label("Select “Thunder Alley”").check()
    assert_accessible(page)
    pictures(page, tmp_path, "open")
    page.evaluate("elements.setTexts('de', german)")
    page.locator("savepoint-open").get_by_role("button", name="„Thunder Alley“ löschen").click()
    expect(page.get_by_text("„Thunder Alley“ liegt im Papierkorb.")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "open-german")
