"""Every path through the workbench by keyboard alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures
from tests.browser.workbench.conftest import Visitor

FOCUSED = """() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    return one?.textContent.trim() ?? "";
}"""


def go(page: Page, name: str, key: str = "Tab") -> None:
    """Presses a key until the focus is on what begins with a name, and then Enter."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate(FOCUSED).startswith(name):
            return page.keyboard.press("Enter")
    raise AssertionError(f"{name} cannot be reached")


def back(page: Page, name: str) -> None:
    go(page, name, "Shift+Tab")


def editor(page: Page) -> Locator:
    return page.locator("workbench-editor").get_by_role("textbox")


def opened(visitor: Visitor) -> tuple[Page, str]:
    """Opens a document with two versions from the list."""
    id = visitor.server.create("first", "Thunder Alley")
    visitor.server.save(id, "second")
    page = visitor.page()
    expect(page.locator("savepoint-open").get_by_text("Thunder Alley")).to_be_visible()
    go(page, "Thunder Alley")
    expect(editor(page)).to_be_focused()
    return page, id


def test_a_document_is_opened_edited_and_saved_as_another(visitor: Visitor) -> None:
    page, id = opened(visitor)
    page.keyboard.press("Control+End")
    page.keyboard.type(", typed")
    back(page, "Save as")
    expect(page.get_by_role("dialog", name="Save as").get_by_label("Title")).to_be_focused()
    page.keyboard.type(" again")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thunder Alley again")).to_be_visible()
    expect(page.get_by_role("button", name="Save as", exact=True)).to_be_focused()
    [copy] = [each["id"] for each in visitor.server.sessions() if each["id"] != id]
    eventually(page, lambda: visitor.server.content(copy) == "second, typed")


def test_an_old_version_is_looked_at_and_restored(visitor: Visitor) -> None:
    page, _ = opened(visitor)
    back(page, "History")
    expect(page.get_by_role("button", name="Version 1")).to_be_visible()
    go(page, "Version 1")
    go(page, "Restore")
    dialog = page.get_by_role("dialog", name="Restore version 1")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    go(page, "Restore")
    expect(editor(page)).to_have_text("first")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    go(page, "Undo")
    expect(editor(page)).to_have_text("second")


def test_a_link_is_created_and_revoked(visitor: Visitor) -> None:
    page, _ = opened(visitor)
    back(page, "Share")
    expect(page.get_by_text("No link leads to this document.")).to_be_visible()
    go(page, "Create link")
    expect(page.get_by_role("button", name="Copy link to “Thunder Alley”")).to_be_focused()
    go(page, "Revoke")
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    go(page, "Revoke link")
    expect(page.get_by_role("heading", name="Links to this document")).to_be_focused()


def test_a_document_is_deleted_and_restored_from_the_trash(visitor: Visitor) -> None:
    page, id = opened(visitor)
    back(page, "Delete")
    expect(page.get_by_text("“Thunder Alley” is in the trash.")).to_be_visible()
    go(page, "Trash")
    expect(page.locator("savepoint-trash").get_by_text("Thunder Alley")).to_be_visible()
    go(page, "Restore")
    expect(page.get_by_text("“Thunder Alley” is back, with its history.")).to_be_visible()
    eventually(page, lambda: visitor.server.content(id) == "second")


def assert_seen(text: Locator) -> None:
    """A text has another colour than what is behind it. axe does not see the colours that a system forces."""
    row = text.locator("xpath=..")
    before = row.screenshot()
    text.evaluate("(one) => { one.style.visibility = 'hidden' }")
    assert row.screenshot() != before
    text.evaluate("(one) => { one.style.visibility = '' }")


@pytest.mark.parametrize("look", ["forced colours", "right to left"])
def test_other_looks_can_be_used_by_everyone(visitors: Callable[..., Visitor], tmp_path: Path, look: str) -> None:
    visitor = visitors(bypass_csp=True, **({"forced_colors": "active"} if look == "forced colours" else {}))
    page, _ = opened(visitor)
    if look == "right to left":
        page.evaluate("document.documentElement.dir = 'rtl'")
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Version 1").click()
    expect(page.get_by_text("Change 1 of 1")).to_be_visible()
    assert_accessible(page)
    assert_seen(page.locator("savepoint-compare mark").first)
    pictures(page, tmp_path, f"{look.replace(' ', '-')}-history")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_role("button", name="Copy link to")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, f"{look.replace(' ', '-')}-share")
