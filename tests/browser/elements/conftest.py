"""A page with elements, as strict as a page can be."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser.watched import Watched, people
from tests.support.storage import on_sqlite

HERE = Path(__file__).resolve().parent


class Stage(Watched):
    """A person's browser with the page of elements."""

    def page(self, **options: Any) -> Page:
        """Opens the page. `options` are those of stage.js: `open`, `begins`, `app`, `user`."""
        page = self.tab()
        page.goto(f"{self.origin}/stage.html#{quote(json.dumps({'user': self.name, **options}))}")
        page.locator("body[data-loaded]").wait_for(state="attached")
        return page

    def on(self, id: str, **options: Any) -> Page:
        """Opens the page with a document of the server."""
        return self.page(open={"id": id}, **options)


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
    """Makes people with a browser each, see `people`."""
    pages = {f"/stage.{kind}": (HERE / f"stage.{kind}").read_text() for kind in ("html", "js")}
    with people(Stage, chromium, server_origin, pages) as one:
        yield one


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    return stages()
