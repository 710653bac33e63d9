"""People with a browser each, whose pages are watched: the console, axe, and pictures for people to look at."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect

from tests.browser.built import SOURCE
from tests.browser.line import Line, line_to
from tests.browser.server_side import ServerSide

AXE = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = ViewportSize(width=1100, height=750), ViewportSize(width=320, height=640)

expect.set_options(timeout=10_000)


@dataclass(frozen=True)
class Watched:
    """Someone with a browser, the line to the server, and the server behind it."""

    name: str
    context: BrowserContext
    origin: str
    line: Line
    server: ServerSide
    complaints: list[str]

    def tab(self) -> Page:
        """Opens a tab. What it complains about is collected."""
        page = self.context.new_page()
        watch(page, self.complaints)
        return page


W = TypeVar("W", bound=Watched)


@contextmanager
def people(
    kind: type[W], chromium: Browser, server_origin: str, pages: Mapping[str, str]
) -> Iterator[Callable[..., W]]:
    """Yields what makes people; `options` are those of Playwright's contexts. `pages` are served by the line.

    Raises AssertionError at the end if a page complained.
    """
    made: list[W] = []
    with line_to(server_origin, pages) as (origin, line):

        def one(**options: Any) -> W:
            name = f"person-{uuid4().hex[:8]}"
            context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            person = kind(name, context, origin, line, ServerSide(server_origin, name), [])
            made.append(person)
            return person

        yield one
        for person in made:
            person.context.close()
            person.server.close()
        complaints = [complaint for person in made for complaint in person.complaints]
        if complaints:
            raise AssertionError("\n".join(complaints))


def watch(page: Page, complaints: list[str]) -> None:
    """Collects what a page complains about: exceptions, and errors in the console, of the security policy too."""

    def said(message: ConsoleMessage) -> None:
        # The browser also logs each response with an error status, which tests provoke.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", said)
    page.on("dialog", lambda dialog: complaints.append(f"a dialog of the browser: {dialog.type}"))


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
