"""The examples of the guides run as they stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.built import needs_node, node
from tests.browser.line import answers, line_to, never_arrives
from tests.browser.test_guide import HERE

DOCS = HERE.parents[1] / "docs"
pytestmark = needs_node


def example(guide: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", (DOCS / f"{guide}.md").read_text(), re.DOTALL)
    assert found
    return found


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: object, server_origin: str) -> Iterator[Page]:
    """The page of a guide, whose name is the parameter."""
    [html] = example(request.param, "html")
    with line_to(server_origin, {"/page.html": html}) as (origin, line):
        context: BrowserContext = chromium.new_context()  # type: ignore[attr-defined]
        page = context.new_page()
        page.goto(f"{origin}/page.html")
        page.line = line  # type: ignore[attr-defined]
        yield page
        context.close()


@pytest.mark.parametrize("page", ["forms"], indirect=True)
def test_the_form_keeps_what_is_typed_but_no_password(page: Page) -> None:
    page.line.breaks(answers(500, "<h1>Sorry"), "POST", "/send")  # type: ignore[attr-defined]
    ready = "() => document.querySelector('form').savepoint"
    page.wait_for_function(ready)
    page.get_by_label("Message").fill("Hello")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Sorry")).to_be_visible()
    page.go_back()
    page.reload()
    expect(page.get_by_label("Message")).to_have_value("Hello")
    expect(page.get_by_label("Password")).to_have_value("")


@pytest.mark.parametrize("page", ["navigation"], indirect=True)
def test_the_guard_asks_if_something_is_not_saved(page: Page) -> None:
    page.wait_for_function("() => 'guarding' in window")
    page.line.breaks(never_arrives, "PUT|POST|PATCH")  # type: ignore[attr-defined]
    page.get_by_label("Text").fill("typed")
    page.get_by_role("link", name="Another place").click()
    page.get_by_role("button", name="Stay").click()
    assert not page.url.endswith("#other")
    page.get_by_role("link", name="Another place").click()
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**#other")


@pytest.mark.parametrize("page", ["state"], indirect=True)
def test_the_state_is_shown_at_once_and_after_a_reload(page: Page) -> None:
    expect(page.locator("#theme")).to_have_text("light")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("#theme")).to_have_text("dark")
    page.reload()
    expect(page.locator("#theme")).to_have_text("dark")


def test_the_examples_of_versions_and_modules_run(built: Path, tmp_path: Path) -> None:
    one, other = example("schema", "js")
    told = {}
    for name, text in (("versions", one), ("modules", other)):
        script = tmp_path / f"{name}.mjs"
        script.write_text(re.sub(r'"@savepoint/client/(\w+)"', rf'"{built}/\1.js"', text))
        told[name] = node(script)
    assert told == {"versions": "{ channel: 'rpm', zoom: 2 }\n", "modules": ""}
