"""Ten scenarios in Firefox ESR. Numbers are those of docs/browser.md.

Each test has an origin, and so a storage, of its own.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.browser.line import Line, answers, line_to, never_arrives
from tests.browser.server_side import ServerSide
from tests.support.firefox import FIREFOX, Firefox, firefox

pytestmark = [
    pytest.mark.skipif(
        FIREFOX is None and os.environ.get("CI") != "true", reason="no Firefox ESR is installed: run .ci/firefox"
    ),
    pytest.mark.timeout(120),
]
SAVED = "doc.state.status === 'clean' && doc.state.safe === 'server'"
PARTS = r"/api/client/\w+-"


class Person:
    """Someone with Firefox, whose tab is the newest that was opened."""

    def __init__(self, browser: Firefox, origin: str, line: Line, server_origin: str) -> None:
        self.name = f"person-{uuid4().hex[:8]}"
        self.browser, self.origin, self.line = browser, origin, line
        self.server = ServerSide(server_origin, self.name)

    def opens(self, id: str | None = None, **options: Any) -> None:
        """Opens a tab with a document, or with a new one. `options` are those of page.html."""
        self.browser.new_tab()
        options = {"user": self.name, "open": {"id": id} if id else {}, **options}
        self.browser.open(f"{self.origin}/test.html#{quote(json.dumps(options))}")
        self.browser.until("'loaded' in document.body.dataset")

    def until(self, condition: str, argument: Any = None) -> None:
        self.browser.until(condition, argument)

    @property
    def text(self) -> str:
        return str(self.browser.run("document.querySelector('#text').value"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as running:
        yield running


def pages() -> dict[str, str]:
    return {"/test.html": Path(__file__).with_name("page.html").read_text()}


@pytest.fixture
def person(browser: Firefox, server_origin: str) -> Iterator[Person]:
    first = browser.tab
    with line_to(server_origin, pages()) as (origin, line):
        person = Person(browser, origin, line, server_origin)
        yield person
        while browser.tab != first or len(browser("WebDriver:GetWindowHandles")) > 1:
            browser.go_to(browser("WebDriver:GetWindowHandles")[-1])
            browser.close_tab()
    person.server.close()


def test_f01_an_edit_during_a_save_is_saved_after_it(person: Person) -> None:
    person.opens(person.server.create("one"))
    held = person.line.holds()
    person.browser.type("A")
    held.wait()
    person.browser.type("B")
    person.line.works()
    held.release()
    person.until(SAVED)
    assert person.server.content(person.browser.run("doc.id")) == "oneAB"


def test_f04_a_tab_that_is_behind_never_overwrites(person: Person) -> None:
    id = person.server.create("one")
    person.opens(id)
    held = person.line.holds()
    person.browser.type("A")
    held.wait()
    person.server.save(id, "theirs")
    person.line.works()
    held.release()
    person.until("doc.state.status === 'conflict'")
    assert person.server.content(id) == "theirs"
    person.browser.run("doc.resolve('copy')")
    person.until(SAVED)
    assert person.text == "theirs"
    assert [person.server.content(each["id"]) for each in person.server.drafts()] == ["oneA"]


def test_f06_a_database_that_fails_stops_no_save(person: Person) -> None:
    person.opens(init="IDBFactory.prototype.open = () => { throw new Error('broken') }")
    person.browser.type("A")
    person.until(SAVED)
    assert person.server.content(person.browser.run("doc.id")) == "A"


def test_f17_what_a_closed_tab_could_not_send_is_saved_by_the_next(person: Person) -> None:
    id = person.server.create("one")
    person.opens(id)
    person.line.breaks(never_arrives)
    person.browser.type("A")
    person.until("doc.state.safe === 'device'")
    person.browser.close_tab()
    person.line.works()
    person.opens(id)
    person.until(SAVED)
    assert person.text == "oneA" == person.server.content(id)


def test_f26_the_next_person_is_offered_nothing(person: Person) -> None:
    id = person.server.create("one")
    person.opens(id)
    # Not even what a closed tab sends arrives.
    person.line.breaks(never_arrives, "PUT|PATCH|POST")
    person.browser.type("secret")
    person.until("doc.state.safe === 'device'")
    person.browser.close_tab()
    person.opens(user="next-person", waits=True)
    assert person.browser.run("(await server.recoverable()).length") == 0
    person.opens(waits=True)
    assert person.browser.run("(await server.recoverable()).length") == 1


def test_f30_a_page_of_a_portal_is_no_save(person: Person) -> None:
    person.opens(person.server.create("one"))
    person.line.breaks(answers(200, "<h1>Sign in to the network</h1>"))
    person.browser.type("A")
    person.until("doc.state.status === 'offline' && doc.state.safe === 'device'")
    person.line.works()
    person.browser.run("doc.flush().then(() => true)")
    person.until(SAVED)


def test_f31_edits_without_a_connection_are_one_save(person: Person) -> None:
    person.opens(person.server.create("one"), open={"id": person.server.create("one"), "wait": 600_000})
    person.browser.type("thirty edits, each of one key.")
    person.until("doc.state.safe === 'device'")
    person.browser.run("doc.flush().then(() => true)")
    person.until(SAVED)
    assert len(person.line.writes()) == 1


def test_f42_what_was_deleted_elsewhere_can_be_saved_as_new(person: Person) -> None:
    id = person.server.create("one")
    person.opens(id)
    person.server.act("DELETE", f"/sessions/{id}")
    person.browser.type("A")
    person.until("doc.state.status === 'gone'")
    person.browser.run("doc.saveAs('New').then(() => true)")
    person.until(SAVED)
    assert person.server.content(person.browser.run("doc.id")) == "oneA"


def test_parts_that_could_not_be_loaded_are_there_after_another_try(person: Person) -> None:
    """Firefox remembers that an import failed."""
    person.line.breaks(never_arrives, path=PARTS)
    person.opens(person.server.create("one"))
    person.line.works()
    assert person.browser.run("(await server.recoverable()).length") == 0


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], Any]:
    return lambda: firefox(tmp_path / "profile")


def test_f29_edits_outlive_a_browser_that_is_killed(start: Callable[[], Any], server_origin: str) -> None:
    with line_to(server_origin, pages()) as (origin, line):
        with start() as browser:
            person = Person(browser, origin, line, server_origin)
            id = person.server.create("one")
            person.opens(id)
            line.breaks(never_arrives)
            browser.type("A")
            person.until("doc.state.safe === 'device'")
            browser.kill()
        line.works()
        with start() as browser:
            person.browser = browser
            person.opens(id)
            person.until(SAVED)
            assert person.text == "oneA" == person.server.content(id)
    person.server.close()
