"""The browser is killed while somebody types in the workbench."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Playwright, expect

from tests.browser.conftest import launch, processes
from tests.browser.line import line_to, never_arrives
from tests.browser.server_side import ServerSide


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "profile"


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.add_init_script("sessionStorage.setItem('savepoint:person', 'killed')")
    page.goto(address)
    return page


def test_what_was_typed_before_kill_9_is_restored_and_says_so(
    playwright: Playwright, server_origin: str, profile: Path
) -> None:
    server = ServerSide(server_origin, "killed")
    id = server.create("one", "Thunder Alley")
    with line_to(server_origin, {}) as (origin, line):
        address = f"{origin}/api/workbench#/session/{id}"
        context = launch(playwright, profile)
        page = opened(context, address)
        editor = page.locator("workbench-editor").get_by_role("textbox")
        expect(editor).to_have_text("one")
        line.breaks(never_arrives)
        editor.press("Control+End")
        page.keyboard.type(" precious")
        page.wait_for_timeout(1_200)
        for pid in processes(profile):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(Error):
            context.close()
        for lock in profile.glob("Singleton*"):
            lock.unlink(missing_ok=True)
        line.works()
        context = launch(playwright, profile)
        page = opened(context, address)
        expect(page.locator("workbench-editor").get_by_role("textbox")).to_have_text("one precious")
        expect(page.get_by_text("Restored what was not saved on")).to_be_visible()
        expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")
        assert server.content(id) == "one precious"
        context.close()
    server.close()
