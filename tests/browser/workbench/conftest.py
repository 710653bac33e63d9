"""The workbench of a real server, in a real Chromium. Any complaint of the console fails a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.built import SOURCE, node
from tests.browser.watched import Watched, people

WORKBENCH = SOURCE.parent / "workbench"


@pytest.fixture(scope="session", autouse=True)
def workbench(built: Path) -> None:
    """The pages, built from the sources as they are now."""
    node("build.mjs", cwd=WORKBENCH)


class Visitor(Watched):
    """Someone who uses the pages by clicks."""

    def page(self, path: str = "/api/workbench") -> Page:
        """Opens a page in a new tab, as this person until the tab is another one."""
        page = self.tab()
        page.add_init_script(
            f"if (!sessionStorage.length) sessionStorage.setItem('savepoint:person', {self.name!r})"
        )
        page.goto(f"{self.origin}{path}")
        return page


@pytest.fixture
def visitors(chromium: Browser, server_origin: str) -> Iterator[Callable[..., Visitor]]:
    """Makes people with a browser each, see `people`."""
    with people(Visitor, chromium, server_origin, {}) as one:
        yield one


@pytest.fixture
def visitor(visitors: Callable[..., Visitor]) -> Visitor:
    return visitors()
