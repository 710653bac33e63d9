"""A real Chromium, a real server, and the line between them. Every test has a person and a profile of its own."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Playwright, sync_playwright

from tests.browser.built import build
from tests.browser.line import Line, line_to, never_arrives
from tests.browser.server_side import ServerSide
from tests.browser.tab import Tab, crash, open_tab
from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.storage import on_sqlite

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built files."""
    return build()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Stopped after each module, because coroutines cannot run in the same thread meanwhile."""
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium is installed")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server_origin(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with on_sqlite(tmp_path_factory.mktemp("browser") / "data").serve() as server:
        yield server.base_url
        assert "Traceback" not in server.stderr()


def kill_browser(context: BrowserContext, profile: Path) -> None:
    """Kills the browser of a profile. Then another one can be started with it."""
    for pid in _processes(profile):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(Error):
        context.close()
    for lock in profile.glob("Singleton*"):
        lock.unlink(missing_ok=True)


def launch(playwright: Playwright, profile: Path) -> BrowserContext:
    """Starts a browser whose profile is a folder."""
    return playwright.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=ARGUMENTS)


@dataclass
class Person:
    """Someone with a browser. Tabs that `tab` opens share its storage."""

    name: str
    context: BrowserContext
    origin: str
    line: Line
    server: ServerSide
    tabs: list[Tab] = field(default_factory=list)

    def tab(self, *, wait: bool = True, **options: Any) -> Tab:
        """Opens a tab, see `open_tab`."""
        tab = open_tab(self.context, self.origin, wait=wait, **{"user": self.name, **options})
        self.tabs.append(tab)
        return tab

    def on(self, id: str, **options: Any) -> Tab:
        """Opens a tab with a document of the server."""
        return self.tab(open={**options.pop("open", {}), "id": id}, **options)

    def closes(self, tab: Tab) -> None:
        tab.page.close()
        self.tabs.remove(tab)

    def leaves_behind(self, id: str, text: str) -> None:
        """Types at the end of a document while nothing arrives at the server, and loses the tab.

        A tab that is closed sends what it can, which may arrive when the line works again.
        """
        tab = self.on(id)
        self.line.breaks(never_arrives)
        tab.type(text)
        tab.until_kept()
        crash(tab.page)
        self.closes(tab)
        self.line.works()

    def leave(self) -> None:
        self.context.close()
        self.server.close()

    def assert_quiet(self) -> None:
        """In no tab was anything thrown, and no dialog of the browser opened."""
        assert [(tab.errors, tab.dialogs) for tab in self.tabs if tab.errors or tab.dialogs] == []


@pytest.fixture
def line(server_origin: str) -> Iterator[tuple[str, Line]]:
    pages = {"/test.html": (HERE / "page.html").read_text(), "/other.html": "<!doctype html><p>Elsewhere"}
    with line_to(server_origin, pages) as line:
        yield line


@pytest.fixture
def meet(chromium: Browser, server_origin: str, line: tuple[str, Line]) -> Iterator[Callable[[], Person]]:
    """Makes people with browsers of their own. At the end, no page may have thrown or asked anything."""
    met: list[Person] = []

    def one(name: str | None = None) -> Person:
        name = name or f"person-{uuid4().hex[:8]}"
        person = Person(name, chromium.new_context(), *line, ServerSide(server_origin, name))
        met.append(person)
        return person

    yield one
    for person in met:
        person.leave()
    for person in met:
        person.assert_quiet()


@pytest.fixture
def person(meet: Callable[[], Person]) -> Person:
    return meet()


class KilledPerson(Person):
    """Someone whose browser a test kills."""

    profile: Path

    def kill(self) -> None:
        """Kills the browser. Then it can be started again."""
        kill_browser(self.context, self.profile)
        self.tabs.clear()

    def start(self, playwright: Playwright) -> None:
        self.context = launch(playwright, self.profile)


@pytest.fixture
def killed(
    playwright: Playwright, server_origin: str, line: tuple[str, Line], tmp_path: Path
) -> Iterator[KilledPerson]:
    profile = tmp_path / "profile"
    name = f"person-{uuid4().hex[:8]}"
    person = KilledPerson(name, launch(playwright, profile), *line, ServerSide(server_origin, name))
    person.profile = profile
    yield person
    person.leave()
    person.assert_quiet()


def _processes(profile: Path) -> Iterator[int]:
    """Returns the processes of one browser. The others end with them."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if f"--user-data-dir={profile}".encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    yield int(folder.name)
