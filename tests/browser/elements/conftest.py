"""A page with elements, as strict as a page can be. Every test sees the console, and axe sees every picture."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, ViewportSize, expect

from tests.browser.built import SOURCE
from tests.browser.line import Line, line_to
from tests.browser.server_side import ServerSide
from tests.support.storage import on_sqlite

HERE = Path(__file__).resolve().parent
AXE = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = ViewportSize(width=1100, height=750), ViewportSize(width=320, height=640)

expect.set_options(timeout=10_000)


@dataclass(frozen=True)
class Stage:
    """A person's browser with the page of elements, and the server behind it."""

    name: str
    context: BrowserContext
    origin: str
    line: Line
    server: ServerSide
    complaints: list[str]

    def page(self, **options: Any) -> Page:
        """Opens the page. `options` are those of stage.js: `open`, `begins`, `app`, `user`."""
        page = self.context.new_page()
        watch(page, self.complaints)
        page.goto(f"{self.origin}/stage.html#{quote(json.dumps({'user': self.name, **options}))}")
        page.locator("body[data-loaded]").wait_for(state="attached")
        return page

    def on(self, id: str, **options: Any) -> Page:
        """Opens the page with a document of the server."""
        return self.page(open={"id": id}, **options)


def watch(page: Page, complaints: list[str]) -> None:
    """Collects what a page complains about: exceptions, and errors in the console, of the security policy too."""

    def said(message: ConsoleMessage) -> None:
        # The browser also logs each response with an error status, which tests provoke.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", said)
    page.on("dialog", lambda dialog: complaints.append(f"a dialog of the browser: {dialog.type}"))


def put(page: Page, element: str, **properties: Any) -> Locator:
    """Puts an element into the page, with the document, the server, and what is given."""
    page.evaluate("([name, properties]) => put(name, properties)", [element, properties])
    return page.locator(element)


@pytest.fixture(scope="module")
def server_origin(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that shows who opened a snapshot."""
    storage = on_sqlite(tmp_path_factory.mktemp("elements") / "data")
    with replace(storage, environ={**storage.environ, "SHOW_VISITORS": "true"}).serve() as server:
        yield server.base_url
        assert "Traceback" not in server.stderr()


@pytest.fixture
def stages(chromium: Browser, server_origin: str) -> Iterator[Callable[..., Stage]]:
    """Makes people with a browser each. `options` are those of Playwright's contexts."""
    pages = {f"/stage.{kind}": (HERE / f"stage.{kind}").read_text() for kind in ("html", "js")}
    made: list[Stage] = []
    with line_to(server_origin, pages) as (origin, line):

        def one(name: str | None = None, **options: Any) -> Stage:
            name = name or f"person-{uuid4().hex[:8]}"
            context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            stage = Stage(name, context, origin, line, ServerSide(server_origin, name), [])
            made.append(stage)
            return stage

        yield one
        for stage in made:
            stage.context.close()
            stage.server.close()
        assert [stage.complaints for stage in made if stage.complaints] == []


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    return stages()


def assert_accessible(page: Page) -> None:
    """axe finds nothing wrong, in light and in dark, and nothing scrolls sideways at 320 px.

    Only for contexts that bypass the security policy: axe is injected.
    """
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [
            (one["id"], [node["failureSummary"] + node["html"] for node in one["nodes"]]) for one in found
        ] == [], scheme
    before = page.viewport_size
    page.set_viewport_size(NARROW)
    # Pages hear of their new size with the next frame.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"], f"scrolls sideways: {width} px"
    if before:
        page.set_viewport_size(before)


def pictures(page: Page, folder: Path, name: str) -> None:
    """Takes pictures for people to look at, if `PICTURES` is set: light and dark, wide and narrow."""
    if not os.environ.get("PICTURES"):
        return
    for scheme in ("light", "dark"):
        for label, size in (("wide", WIDE), ("narrow", NARROW)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(size)
            page.screenshot(path=folder / f"{name}-{scheme}-{label}.png")
    page.set_viewport_size(WIDE)
