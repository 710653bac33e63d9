"""The example app: nothing that was typed is lost, and locking keeps it."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench.conftest import Visitor

RACE_PREP = "/api/workbench/race-prep"


def light(page: Page) -> Locator:
    return page.locator("savepoint-status").get_by_role("button").first


def type_setup(page: Page, track: str, front_oil: str) -> None:
    page.get_by_label("Track").fill(track)
    page.get_by_label("Front oil").fill(front_oil)
    page.get_by_label("Front oil").press("Tab")


def test_oops(visitor: Visitor) -> None:
    page = visitor.page(RACE_PREP)
    type_setup(page, "Test Track 99", "650")
    page.wait_for_function(
        "() => { const form = document.querySelector('form[data-savepoint]');"
        " const { version, dirty, safe } = form.savepoint?.doc.state ?? {};"
        " return (dirty || version) && safe !== 'nowhere' }"
    )
    page.close()
    again = visitor.page(RACE_PREP)
    expect(again.get_by_label("Track")).to_have_value("Test Track 99")
    expect(again.get_by_label("Front oil")).to_have_value("650")


def test_lock(visitor: Visitor) -> None:
    page = visitor.page(RACE_PREP)
    type_setup(page, "Thunder Alley", "600")
    expect(light(page)).to_have_text("Saved")
    [draft] = visitor.server.drafts()
    page.get_by_role("button", name="Lock configuration").click()
    expect(page.get_by_text("Locked: version")).to_be_visible()
    [session] = visitor.server.sessions()
    assert (session["id"], session["status"], session["title"]) == (draft["id"], "active", "Thunder Alley")
    page.reload()
    expect(page.get_by_label("Track")).to_have_value("Thunder Alley")
    expect(page.get_by_text("Locked: version")).to_be_visible()


def test_several_drafts_are_offered_by_title_time_and_device(visitor: Visitor) -> None:
    for track in ("Thunder Alley", "Desert Loop"):
        page = visitor.page(f"{RACE_PREP}#new")
        type_setup(page, track, "500")
        expect(light(page)).to_have_text("Saved")
        page.close()
    page = visitor.page(RACE_PREP)
    choice = page.get_by_role("button", name="Thunder Alley, saved")
    expect(choice).to_contain_text("on Chrome on Linux")
    choice.click()
    expect(page.get_by_label("Track")).to_have_value("Thunder Alley")


def test_another_person_begins_a_setup_of_their_own(visitor: Visitor) -> None:
    page = visitor.context.new_page()
    page.goto(f"{visitor.origin}{RACE_PREP}")

    def switch(person: str) -> None:
        page.get_by_label("Person", exact=True).fill(person)
        with page.expect_navigation():
            page.get_by_role("button", name="Switch").click()

    switch(visitor.name)
    type_setup(page, "Thunder Alley", "600")
    expect(light(page)).to_have_text("Saved")
    expect(page).to_have_url(re.compile("#"))
    switch(f"{visitor.name}-other")
    expect(page).to_have_url(re.compile("^[^#]*$"))
    type_setup(page, "Desert Loop", "500")
    expect(light(page)).to_have_text("Saved")
    assert [each["title"] for each in visitor.server.drafts()] == ["Thunder Alley"]
    assert page.locator(".savepoint-kept").count() == 0
