"""The workbench of a real server, in a real Chromium. Any complaint of the console fails a test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.built import SOURCE, node
from tests.browser.elements.conftest import WIDE, watch
from tests.browser.line import Line, line_to
from tests.browser.server_side import ServerSide

WORKBENCH = SOURCE.parent / "workbench"


@pytest.fixture(scope="session", autouse=True)
def workbench(built: Path) -> None:
    """The pages, built from the sources as they are now."""
    node("build.mjs", cwd=WORKBENCH)


@dataclass(frozen=True)
class Visitor:
    """Someone with a browser, who uses the pages by clicks."""

    name: str
    context: BrowserContext
    origin: str
    line: Line
    server: ServerSide
    complaints: list[str]

    def page(self, path: str = "/api/workbench", person: str | None = None) -> Page:
        """Opens a page in a new tab, as this person or as another one."""
        page = self.context.new_page()
        watch(page, self.complaints)
        page.add_init_script(f"sessionStorage.setItem('savepoint:person', {person or self.name!r})")
        page.goto(f"{self.origin}{path}")
        return page


@pytest.fixture
def visitors(chromium: Browser, server_origin: str) -> Iterator[Callable[..., Visitor]]:
    """Makes people with a browser each. `options` are those of Playwright's contexts."""
    made: list[Visitor] = []
    with line_to(server_origin, {}) as (origin, line):

        def one(name: str | None = None, **options: Any) -> Visitor:
            name = name or f"person-{uuid4().hex[:8]}"
            context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            visitor = Visitor(name, context, origin, line, ServerSide(server_origin, name), [])
            made.append(visitor)
            return visitor

        yield one
        for visitor in made:
            visitor.context.close()
            visitor.server.close()
        assert [visitor.complaints for visitor in made if visitor.complaints] == []


@pytest.fixture
def visitor(visitors: Callable[..., Visitor]) -> Visitor:
    return visitors()
