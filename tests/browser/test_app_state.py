"""What an app remembers for a person, on this device and across tabs."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.line import line_to

PAGE = """<!doctype html>
<title>State</title>
<script type="module">
  import { state } from "/api/client/state.js";
  window.app = state("board");
  window.other = state("other");
  window.seen = [];
  app.subscribe("theme", "light", (value) => seen.push(value));
</script>
"""


@pytest.fixture
def tab(chromium: Browser, server_origin: str) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = [chromium.new_context()]
    with line_to(server_origin, {"/state.html": PAGE}) as (origin, _):

        def one(init: str = "") -> Page:
            page = contexts[0].new_page()
            page.add_init_script(init)
            page.goto(f"{origin}/state.html")
            page.wait_for_function("'app' in window")
            return page

        yield one
        contexts[0].close()


def test_a_value_lasts_and_other_apps_do_not_see_it(tab: Callable[..., Page]) -> None:
    page = tab()
    assert page.evaluate("[app.get('theme', 'light'), app.set('theme', { dark: [1, 2] })]") == ["light", True]
    page.reload()
    page.wait_for_function("'app' in window")
    assert page.evaluate("[app.get('theme', 'light'), other.get('theme', 'none')]") == [{"dark": [1, 2]}, "none"]
    page.evaluate("other.set('theme', 1); app.clear()")
    assert page.evaluate("[app.get('theme', 'light'), other.get('theme', 'none')]") == ["light", 1]


def test_another_tab_hears_of_a_change_and_of_its_removal(tab: Callable[..., Page]) -> None:
    one, two = tab(), tab()
    one.evaluate("app.set('theme', 'dark')")
    two.wait_for_function("seen.at(-1) === 'dark'")
    one.evaluate("app.clear('theme')")
    two.wait_for_function("seen.at(-1) === 'light'")
    assert one.evaluate("seen") == two.evaluate("seen") == ["light", "dark", "light"]


def test_the_next_person_on_the_computer_sees_nothing_of_it(tab: Callable[..., Page]) -> None:
    page = tab()
    page.evaluate("localStorage.setItem('savepoint:owner', 'ann'); app.set('theme', 'dark')")
    assert page.evaluate("localStorage.setItem('savepoint:owner', 'bob'); app.get('theme', 'light')") == "light"
    assert page.evaluate("localStorage.setItem('savepoint:owner', 'ann'); app.get('theme', 'light')") == "dark"


@pytest.mark.parametrize(
    "broken",
    [
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError') } })",
    ],
)
def test_without_storage_a_value_lasts_as_long_as_the_page(tab: Callable[..., Page], broken: str) -> None:
    page = tab(broken)
    assert page.evaluate("[app.set('theme', 'dark'), app.get('theme', 'light'), seen]") == [
        False,
        "dark",
        ["light", "dark"],
    ]
    page.evaluate("app.clear()")
    assert page.evaluate("app.get('theme', 'light')") == "light"


def test_what_is_no_json_is_refused_and_what_others_wrote_is_not_taken(tab: Callable[..., Page]) -> None:
    page = tab()
    assert page.evaluate("(() => { try { app.set('x', undefined) } catch (error) { return error.message } })()")
    page.evaluate("app.set('x', 1); localStorage.setItem(Object.keys(localStorage)[0], '{')")
    assert page.evaluate("app.get('x', 'fallback')") == "fallback"
