"""The browser is killed while somebody types in the workbench."""

from contextlib import closing
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.browser.conftest import kill_browser, launch
from tests.browser.line import line_to, never_arrives
from tests.browser.server_side import ServerSide

PERSON = "killed"


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('savepoint:person', '{PERSON}')")
    page.goto(address)
    return page


def test_what_was_typed_before_kill_9_is_restored_and_says_so(
    playwright: Playwright, server_origin: str, tmp_path: Path
) -> None:
    with closing(ServerSide(server_origin, PERSON)) as server, line_to(server_origin, {}) as (origin, line):
        id = server.create("one", "Thunder Alley")
        address = f"{origin}/api/workbench#/session/{id}"
        context = launch(playwright, tmp_path)
        page = opened(context, address)
        editor = page.locator("workbench-editor").get_by_role("textbox")
        expect(editor).to_have_text("one")
        line.breaks(never_arrives)
        editor.press("Control+End")
        page.keyboard.type(" precious")
        page.wait_for_timeout(1_200)  # nothing older than a second is lost
        kill_browser(context, tmp_path)
        line.works()
        with launch(playwright, tmp_path) as again:
            page = opened(again, address)
            expect(page.locator("workbench-editor").get_by_role("textbox")).to_have_text("one precious")
            expect(page.get_by_text("Restored what was not saved on")).to_be_visible()
            expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")
            assert server.content(id) == "one precious"
