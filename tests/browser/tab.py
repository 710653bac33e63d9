"""A tab with a document: what a person does in it, and what the module shows."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from playwright.sync_api import BrowserContext, CDPSession, Error, Page

SECONDS = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Tab:
    """A page of tests/browser/page.html. `errors` are uncaught ones, `dialogs` those of the browser."""

    page: Page
    errors: list[str]
    dialogs: list[str]

    def type(self, text: str) -> None:
        """Adds to the end of the text, key by key for the module: each is an input event."""
        self.page.locator("#text").press("Control+End")
        self.page.locator("#text").press_sequentially(text)

    def fill(self, text: str) -> None:
        """Replaces the text, which may be long, in one edit."""
        self.page.locator("#text").fill(text)

    @property
    def text(self) -> str:
        return self.page.locator("#text").input_value()

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run("doc.state")
        return found

    @property
    def id(self) -> str:
        return str(self.run("doc.id"))

    def run(self, script: str, argument: Any = None) -> Any:
        """Returns the value of an expression in the page, awaited."""
        return self.page.evaluate(f"async (it) => ({script})", argument)

    def until(self, condition: str, argument: Any = None) -> Any:
        """Waits until an expression over the document `doc` is true in the page. Otherwise shows the state."""
        try:
            return eventually(self.page, lambda: self.run(condition, argument))
        except AssertionError:
            shown = self.run("({ state: globalThis.doc?.state, shown: shown.slice(-20), faults })")
            raise AssertionError(f"never: {condition}; {json.dumps(shown)[:3_000]}; {self.errors}") from None

    def until_text(self, text: str) -> None:
        self.until("document.querySelector('#text').value === it", text)

    def until_status(self, *statuses: str) -> None:
        self.until(f"{json.dumps(statuses)}.includes(doc.state.status)")

    def until_saved(self) -> None:
        """Waits until the server has everything."""
        self.until("doc.state.status === 'clean' && !doc.state.dirty && doc.state.safe === 'server'")

    def until_kept(self) -> None:
        """Waits until the journal has everything that the server has not."""
        self.until("doc.state.safe !== 'nowhere'")

    def recoverable(self) -> list[dict[str, Any]]:
        """Returns what the module offers, each as JSON."""
        found: list[dict[str, Any]] = self.run("JSON.parse(JSON.stringify(await server.recoverable()))")
        return found

    def claim(self, index: int = 0) -> None:
        """Goes on with an entry that is offered."""
        self.run("server.recoverable().then((all) => server.claim(all[it]))", index)

    def reload(self) -> None:
        self.page.reload()
        self.wait_until_open()

    def wait_until_open(self) -> None:
        self.page.locator("body[data-loaded]").wait_for(state="attached", timeout=SECONDS * 1000)

    def hide(self) -> None:
        """As if another tab came to the front. Headless pages are always visible."""
        self._visibility("hidden")

    def show(self) -> None:
        self._visibility("visible")

    def _visibility(self, state: str) -> None:
        self.page.evaluate(
            """(state) => {
                Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
                Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            state,
        )

    def cdp(self) -> CDPSession:
        return self.page.context.new_cdp_session(self.page)

    def freeze(self) -> None:
        self.hide()
        self.cdp().send("Page.setWebLifecycleState", {"state": "frozen"})

    def thaw(self) -> None:
        self.cdp().send("Page.setWebLifecycleState", {"state": "active"})
        self.show()


def open_tab(context: BrowserContext, origin: str, *, wait: bool = True, **options: Any) -> Tab:
    """Opens a tab. `options` are those of page.html: `user`, `init`, `connect`, `open`, `waits`."""
    tab = Tab(context.new_page(), [], [])
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))

    def close(dialog: Any) -> None:
        tab.dialogs.append(dialog.type)
        dialog.accept()

    tab.page.on("dialog", close)
    tab.page.goto(f"{origin}/test.html#{quote(json.dumps(options))}")
    if wait:
        tab.wait_until_open()
    return tab


def eventually(page: Page, found: Callable[[], T]) -> T:
    """Returns the first value that is true. Raises AssertionError after 20 s."""
    end = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < end, "it never happened"
        page.wait_for_timeout(30)
    return value


def crash(page: Page) -> None:
    """Ends the process of a tab, and waits until its locks are free. It sends nothing at its end."""
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash", timeout=5_000)
