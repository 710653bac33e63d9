"""Makes the pictures of docs/workbench.md from the running page: `make pictures`."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.browser.built import build, node
from tests.browser.server_side import ServerSide
from tests.browser.workbench.conftest import WORKBENCH
from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.storage import on_sqlite

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "pictures"
SIZE = ViewportSize(width=1080, height=640)
SETUP = {"track": "Thunder Alley", "oil": {"front": 600, "rear": 500}, "tyres": ["soft", "soft"], "laps": 42}


def setup(**changes: object) -> str:
    return json.dumps({**SETUP, **changes}, indent=2)


def seed(server: ServerSide) -> str:
    """Saves what the pictures show. Returns the id of the document."""
    for title in ("Desert Loop", "Night Race", "Sand Hill", "Wet Set-up"):
        server.create(setup(track=title), title)
    id = server.create(setup(), "Thunder Alley")
    server.save(id, setup(oil={"front": 620, "rear": 500}))
    server.save(id, setup(oil={"front": 650, "rear": 480}, tyres=["soft", "hard"]), "Chrome on Windows")
    return id


def shown(page: Page, id: str) -> None:
    page.goto(f"{page.url.partition('#')[0]}#/session/{id}")
    expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")


def document(page: Page, server: ServerSide, id: str) -> None:
    shown(page, id)


def history(page: Page, server: ServerSide, id: str) -> None:
    shown(page, id)
    page.get_by_role("button", name="History").click()
    page.locator("savepoint-history").get_by_text("Version 1", exact=True).click()
    expect(page.locator("savepoint-version")).to_be_visible()


def share(page: Page, server: ServerSide, id: str) -> None:
    shown(page, id)
    page.get_by_role("button", name="Share").click()
    page.locator("savepoint-share").get_by_role("button", name="Create link").click()
    expect(page.locator("savepoint-share").get_by_role("button", name="Copy link").first).to_be_visible()


def conflict(page: Page, server: ServerSide, id: str) -> None:
    shown(page, id)
    page.locator("workbench-editor").get_by_role("textbox").press("Control+End")
    server.save(id, setup(oil={"front": 600, "rear": 450}))
    page.keyboard.type(" ")
    expect(page.get_by_role("dialog").first).to_be_visible(timeout=20_000)


def usage(page: Page, server: ServerSide, id: str) -> None:
    page.goto(f"{page.url.partition('#')[0]}#/usage")
    expect(page.locator("savepoint-usage")).to_contain_text("kept")


def race_prep(page: Page, server: ServerSide, id: str) -> None:
    page.goto(f"{page.url.partition('/api')[0]}/api/workbench/race-prep#new")
    page.get_by_label("Track").fill("Test Track 99")
    page.get_by_label("Front oil").fill("650")
    expect(page.locator("savepoint-status").get_by_role("button").first).to_have_text("Saved")


PICTURES: tuple[Callable[[Page, ServerSide, str], None], ...] = (
    document,
    history,
    share,
    conflict,
    usage,
    race_prep,
)


def main() -> None:
    build()
    node("build.mjs", cwd=WORKBENCH)
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        on_sqlite(Path(data)).serve() as served,
        sync_playwright() as it,
    ):
        browser = it.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for picture in PICTURES:
            name = picture.__name__.replace("_", "-")
            server = ServerSide(served.base_url, f"ann-{name}")
            context = browser.new_context(viewport=SIZE, locale="en-GB", color_scheme="light")
            context.add_init_script(f"sessionStorage.setItem('savepoint:person', 'ann-{name}')")
            page = context.new_page()
            id = seed(server)
            page.goto(f"{served.base_url}/api/workbench")
            picture(page, server, id)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
            context.close()
            server.close()
        browser.close()


if __name__ == "__main__":
    main()
