"""The guard: leaving a document with unsaved edits is asked about, and a cancelled Back changes nothing (F34)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.line import line_to
from tests.browser.tab import eventually

PAGE = """<!doctype html>
<title>{name}</title>
<h1>{name}</h1>
<button id="edit">Edit</button> <button id="stay">Stay</button> <button id="leave">Leave</button>
<a id="fragment" href="#linked">To a fragment</a> <a id="away" href="/away.html">To another page</a>
<script type="module">
  import {{ guard }} from "/api/client/navigation.js";

  window.doc = {{ state: {{ dirty: false }} }};
  window.asked = Number(sessionStorage.getItem("asked") ?? 0);
  window.seen = [];
  const ask = () => new Promise((answer) => {{
    sessionStorage.setItem("asked", ++asked);
    document.querySelector("#stay").onclick = () => answer(false);
    document.querySelector("#leave").onclick = () => answer(true);
  }});
  document.querySelector("#edit").onclick = () => {{ doc.state.dirty = true; }};
  window.guarding = guard(doc, ask);
  addEventListener("popstate", () => seen.push(location.hash));
  window.push = async (hash) => {{
    if (await guarding.allows()) history.pushState({{ of: hash }}, "", hash);
  }};
  document.body.dataset.ready = "";
</script>
"""
WITHOUT = "delete Object.getPrototypeOf(window).navigation; delete window.navigation"


@dataclass(frozen=True)
class Guarded:
    """A page with a guard, and four entries in its history: the page, #1, #2 and #3. It shows #2."""

    page: Page

    @property
    def hash(self) -> str:
        return str(self.page.evaluate("location.hash"))

    @property
    def asked(self) -> int:
        return int(self.page.evaluate("asked"))

    def edit(self) -> None:
        """A click, so that the browser knows that a person is there."""
        self.page.locator("#edit").click()

    def until(self, condition: str) -> None:
        self.page.wait_for_function(condition)

    def assert_nothing_moved(self, length: int) -> None:
        """The address and the history are as they were: Forward still leads to #3, and Back to #1."""
        assert (self.hash, self.page.evaluate("history.length")) == ("#2", length)
        self.page.evaluate("doc.state.dirty = false")
        # Not Forward first: Chromium ignores a step to an entry that was cancelled just before.
        self.page.evaluate("history.back()")
        self.until("location.hash === '#1'")
        self.page.evaluate("history.go(2)")
        self.until("location.hash === '#3'")


@pytest.fixture(params=["with the Navigation API", "without"])
def guarded(request: pytest.FixtureRequest, chromium: Browser, server_origin: str) -> Iterator[Guarded]:
    pages = {"/guarded.html": PAGE.format(name="Guarded"), "/away.html": PAGE.format(name="Away")}
    context = chromium.new_context()
    if request.param == "without":
        context.add_init_script(WITHOUT)
    with line_to(server_origin, pages) as (origin, _):
        page = context.new_page()
        page.goto(f"{origin}/guarded.html")
        page.locator("body[data-ready]").wait_for(state="attached")
        assert page.evaluate("'navigation' in window") == (request.param != "without")
        for hash in ("#1", "#2", "#3"):
            page.evaluate("push", hash)
        page.evaluate("history.back()")
        page.wait_for_function("location.hash === '#2'")
        yield Guarded(page)
        context.close()


STEPS: dict[str, Callable[[Page], object]] = {
    "back": lambda page: page.evaluate("history.back()"),
    "forward": lambda page: page.evaluate("history.forward()"),
    "two back": lambda page: page.evaluate("history.go(-2)"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_cancelled_step_leaves_address_length_and_forward_as_they_were(guarded: Guarded, step: str) -> None:
    length = guarded.page.evaluate("history.length")
    guarded.edit()
    STEPS[step](guarded.page)
    guarded.until("asked === 1")
    guarded.page.locator("#stay").click()
    guarded.page.wait_for_timeout(100)
    assert guarded.page.evaluate("seen.at(-1)") == "#2", "the app has not seen the step"
    guarded.assert_nothing_moved(length)


@pytest.mark.parametrize(("step", "arrives"), [("back", "#1"), ("forward", "#3"), ("two back", "")])
def test_a_step_that_is_allowed_arrives_where_it_was_going(guarded: Guarded, step: str, arrives: str) -> None:
    guarded.edit()
    STEPS[step](guarded.page)
    guarded.until("asked === 1")
    guarded.page.locator("#leave").click()
    guarded.until(f"location.hash === {arrives!r}")
    assert guarded.asked == 1


def test_before_a_person_has_clicked_a_step_is_asked_about_only_if_the_browser_allows_that(
    guarded: Guarded,
) -> None:
    has_navigation = guarded.page.evaluate("'navigation' in window")
    guarded.page.reload()
    cdp = guarded.page.context.new_cdp_session(guarded.page)

    def value(script: str) -> Any:
        """Playwright's own way counts as a click."""
        return cdp.send("Runtime.evaluate", {"expression": script, "returnByValue": True})["result"].get("value")

    eventually(guarded.page, lambda: value("'ready' in document.body.dataset"))
    assert value("navigator.userActivation.hasBeenActive") is False
    value("doc.state.dirty = true")
    guarded.page.go_back(wait_until="commit")  # the button of the browser
    if has_navigation:
        eventually(guarded.page, lambda: value("location.hash") == "#1")  # Chromium lets no page cancel it
        assert value("asked") == 0
    else:
        eventually(guarded.page, lambda: value("asked") == 1)
        eventually(guarded.page, lambda: value("location.hash") == "#2")


def test_nothing_is_asked_if_nothing_is_unsaved(guarded: Guarded) -> None:
    guarded.page.locator("#stay").click()
    guarded.page.evaluate("history.back()")
    guarded.until("location.hash === '#1'")
    assert guarded.asked == 0


def test_a_link_to_another_page_waits_for_the_answer(guarded: Guarded) -> None:
    guarded.edit()
    guarded.page.locator("#away").click()
    guarded.until("asked === 1")
    guarded.page.locator("#stay").click()
    expect(guarded.page).to_have_title("Guarded")
    guarded.page.locator("#away").click()
    guarded.until("asked === 2")
    guarded.page.locator("#leave").click()
    expect(guarded.page).to_have_title("Away")


def test_a_link_to_a_fragment_waits_for_the_answer(guarded: Guarded) -> None:
    guarded.edit()
    guarded.page.locator("#fragment").click()
    guarded.until("asked === 1")
    guarded.page.locator("#stay").click()
    guarded.page.wait_for_timeout(100)
    assert guarded.hash == "#2"
    guarded.page.locator("#fragment").click()
    guarded.until("asked === 2")
    guarded.page.locator("#leave").click()
    guarded.until("location.hash === '#linked'")


def test_a_router_asks_before_it_pushes(guarded: Guarded) -> None:
    guarded.edit()
    guarded.page.evaluate("void push('#new')")
    guarded.until("asked === 1")
    assert guarded.hash == "#2"
    guarded.page.locator("#leave").click()
    guarded.until("location.hash === '#new'")


def test_a_reload_and_a_closed_tab_are_let_go(guarded: Guarded) -> None:
    guarded.edit()
    guarded.page.reload()
    guarded.page.locator("body[data-ready]").wait_for(state="attached")
    assert guarded.asked == 0, "counted across the reload"
    guarded.edit()
    with guarded.page.expect_event("close"):
        guarded.page.close(run_before_unload=True)


def test_after_its_end_the_guard_asks_nothing(guarded: Guarded) -> None:
    guarded.edit()
    guarded.page.evaluate("guarding.stop()")
    guarded.page.evaluate("history.back()")
    guarded.until("location.hash === '#1'")
    assert guarded.asked == 0
