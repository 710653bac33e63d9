"""The page as a whole: for everyone, at any width, by keyboard alone, quick and small, and with long lists."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from functions.workbench import FOLDER
from tests.browser.watched import assert_accessible, pictures
from tests.browser.workbench.conftest import Visitor

TRANSFERRED_MAX_BYTES = 250_000
VIEWS = ("sessions", "drafts", "snapshots", "opened", "trash", "activity", "usage", "transfer")
SETUP = json.dumps({"track": "Thunder Alley", "oil": {"front": 600, "rear": 500}}, indent=2)


def seeded(visitors: Callable[..., Visitor]) -> tuple[Visitor, str]:
    """A person with something in every list, whose browser lets axe in."""
    visitor = visitors(bypass_csp=True)
    id = visitor.server.create(SETUP, "Thunder Alley")
    visitor.server.save(id, SETUP.replace("600", "650"))
    visitor.server.draft("draft-page-1", "a draft")
    gone = visitor.server.create("gone", "Thrown away")
    visitor.server.act("DELETE", f"/sessions/{gone}")
    visitor.server.act("POST", "/snapshots", {"sessionId": id})
    return visitor, id


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_can_be_used_by_everyone(visitors: Callable[..., Visitor], tmp_path: Path, view: str) -> None:
    visitor, _ = seeded(visitors)
    page = visitor.page(f"/api/workbench#/{view}")
    expect(page.get_by_label("Person", exact=True)).to_have_value(visitor.name)
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    pictures(page, tmp_path, view)


@pytest.mark.parametrize("panel", ["none", "History", "Share"])
def test_a_document_and_its_panels_can_be_used_by_everyone(
    visitors: Callable[..., Visitor], tmp_path: Path, panel: str
) -> None:
    visitor, id = seeded(visitors)
    page = visitor.page(f"/api/workbench#/session/{id}")
    expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")
    if panel != "none":
        page.get_by_role("button", name=panel).click()
        page.wait_for_load_state("networkidle")
    assert_accessible(page)
    pictures(page, tmp_path, panel)


def test_the_example_app_can_be_used_by_everyone(visitors: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visitors(bypass_csp=True).page("/api/workbench/race-prep")
    expect(page.locator("savepoint-status").get_by_role("button").first).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "race-prep")


def test_a_document_is_made_saved_and_shared_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page()
    press_until(page, "New document")
    page.keyboard.press("Enter")
    expect(page.locator("workbench-editor").get_by_role("textbox")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Escape")
    for _ in range(10):
        page.keyboard.press("Shift+Tab")
        if focused(page) == "Save":
            break
    assert focused(page) == "Save"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Save", exact=True).get_by_label("Title")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    expect(page.get_by_role("dialog", name="Save", exact=True)).to_be_hidden()
    assert [each["title"] for each in visitor.server.sessions()] == ["Keys"]


def press_until(page: Page, name: str) -> None:
    """Presses Tab until the element of this name has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    raise AssertionError(f"{name} cannot be reached")


def focused(page: Page) -> str:
    """Returns the text of the element that has the focus, also within shadow roots."""
    return str(
        page.evaluate(
            """() => {
                let one = document.activeElement;
                while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
                return one?.textContent.trim() ?? "";
            }"""
        )
    )


def test_what_the_page_loads_is_small(visitor: Visitor) -> None:
    id = visitor.server.create(SETUP, "Thunder Alley")
    page = visitor.page(f"/api/workbench#/session/{id}")
    expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")
    page.wait_for_load_state("networkidle")
    paths = {each.path for each in visitor.line.sent if each.path.startswith(("/api/client", "/api/workbench"))}
    with httpx.Client(base_url=visitor.origin, trust_env=False) as client:
        sizes = {
            path: int(client.get(path, headers={"Accept-Encoding": "gzip"}).headers["content-length"])
            for path in paths
        }
    assert len(sizes) > 5 and sum(sizes.values()) <= TRANSFERRED_MAX_BYTES, sizes


def test_the_page_asks_nobody_else_and_sets_no_cookie(visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.context.on("request", lambda request: asked.append(request.url))
    page = visitor.page()
    page.wait_for_load_state("networkidle")
    assert asked and all(url.startswith(visitor.origin) for url in asked)
    assert visitor.context.cookies() == []
    assert (
        "default-src 'self'"
        in httpx.get(f"{visitor.origin}/api/workbench", trust_env=False).headers["content-security-policy"]
    )


def test_style_attributes_are_allowed_and_style_sheets_in_the_page_are_not(visitor: Visitor) -> None:
    page = visitor.page()
    margins = page.evaluate(
        """() => {
            document.body.insertAdjacentHTML("beforeend", "<p id=one style='margin: 7px'></p><p id=two></p>")
            document.body.insertAdjacentHTML("beforeend", "<style>#two { margin: 7px }</style>")
            return ["one", "two"].map((id) => getComputedStyle(document.getElementById(id)).marginTop)
        }"""
    )
    assert margins[0] == "7px" and margins[1] != "7px"
    assert len(visitor.complaints) == 1 and "inline style" in visitor.complaints[0]
    visitor.complaints.clear()


def test_a_thousand_sessions_are_paged_through(visitor: Visitor) -> None:
    for start in range(0, 1_000, 40):
        items = [
            {"op": "create", "id": f"page-{number:07d}", "title": f"Number {number:04d}", "content": "x"}
            for number in range(start, start + 40)
        ]
        visitor.server.act("POST", "/sync", {"mode": "independent", "items": items})
    page = visitor.page("/api/workbench#/sessions?sort=title")
    listed = page.locator("savepoint-open")
    expect(listed.get_by_text("1 to 50 of 1,000")).to_be_visible()
    for number in range(2, 21):
        listed.get_by_role("button", name="Next page").click()
        expect(listed.get_by_text(f"{number * 50 - 49} to {number * 50:,} of 1,000")).to_be_visible()
    expect(listed.get_by_text("Number 0999")).to_be_visible()
    expect(listed.get_by_role("button", name="Next page")).to_be_disabled()


@pytest.mark.parametrize("path", ["workbench", "workbench/race-prep", "workbench/style.css", "workbench/icon.svg"])
def test_files_are_gzipped_with_an_etag_for_each_coding(visitor: Visitor, path: str) -> None:
    with httpx.Client(base_url=f"{visitor.origin}/api/", trust_env=False) as client:
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.content == packed.content and plain.headers["etag"] != packed.headers["etag"]
        for each in (plain, packed):
            again = client.get(path, headers={"If-None-Match": each.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert each.headers["x-content-type-options"] == "nosniff"


def test_every_file_has_its_twin_and_a_route(visitor: Visitor) -> None:
    names = [path.name for path in FOLDER.iterdir() if path.suffix != ".gz"]
    with httpx.Client(base_url=f"{visitor.origin}/api/workbench/", trust_env=False) as client:
        for name in names:
            assert (FOLDER / f"{name}.gz").is_file()
            assert client.get(name.removesuffix(".html")).is_success, name
        assert client.get("nothing").status_code == 404
