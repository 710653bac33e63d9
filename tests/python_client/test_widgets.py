"""Pages without a framework: all that an adapter needs is in `savepoint_client.widgets`."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from savepoint_client import Server, connect
from savepoint_client.widgets import Core, Process, Who

from tests.browser.line import never_arrives
from tests.python_client.conftest import Person
from tests.python_client.waiting import eventually

KEYS = ("driver", "laps")


class Page:
    """A page that has its values in a dict. Another adapter does no more."""

    def __init__(self, process: Process, person: Person) -> None:
        self.values = dict[str, Any]()
        self.process = process
        self.person = person
        self.who: Who = (person.url, "race", person.name)
        self.core: Core | None = None

    def server(self) -> Server:
        headers = {"X-User-Id": self.person.name}
        return connect(
            self.person.url, app="race", headers=headers, identity=self.person.name, saver=self.process.saver
        )

    def draw(self) -> Core:
        found = (self.who, self.core) if self.core else None
        core = self.process.visit(self.who, found, self.server, "Race", 0.05, lambda found: found[0].id)
        if self.core is core:
            core.collect(self.values)
        self.values |= core.apply(KEYS, self.values if self.core is core else ())
        self.core = core
        return core

    def leave(self) -> None:
        assert self.core
        self.process.leave(self.who, self.core)


@pytest.fixture
def process(person: Person) -> Iterator[Process]:
    process = Process(str(person.journal_dir))
    yield process
    process.saver.close()


def test_a_page_is_collected_applied_lit_and_left_without_a_framework(person: Person, process: Process) -> None:
    page = Page(process, person)
    page.draw()
    page.values["driver"] = "Ann"
    assert (page.draw().light().color, page.draw().light().busy) == ("orange", True)
    page.leave()
    eventually(lambda: page.draw().light().words == "Saved")
    other = Page(process, person)
    other.draw()
    assert other.values == {"driver": "Ann"}
    other.values["laps"] = 7
    eventually(lambda: other.draw().light().color == "green")
    eventually(lambda: page.core and page.core.has_news)
    page.draw()
    assert page.values == {"driver": "Ann", "laps": 7}


def test_what_a_page_has_not_saved_goes_to_the_next_one_only(person: Person, process: Process) -> None:
    page = Page(process, person)
    page.draw()
    person.line.breaks(never_arrives)
    page.values["driver"] = "Ann"
    page.draw()
    page.leave()
    page.leave()
    assert len(process.left) == 1
    other = Page(process, person)
    assert other.draw() is not page.core and other.values == {"driver": "Ann"}
    page.leave()
    assert not process.left


class Unsaved:
    """A document that is not saved, and lets something happen while somebody looks."""

    text = ""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile

    @property
    def state(self) -> SimpleNamespace:
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return SimpleNamespace(dirty=True)

    def move_to(self, *_: object) -> None:
        pass

    def hurry(self) -> None:
        pass


def test_two_tabs_that_open_at_the_same_time_do_not_get_the_same_page(person: Person, process: Process) -> None:
    who = (person.url, "race", person.name)
    server, found = person.connect(), list[Core | None]()
    other = threading.Thread(target=lambda: found.append(process.come_back(who, server)))

    def meanwhile() -> None:
        other.start()
        other.join(0.5)  # it must wait

    core = Core()
    core.document = Unsaved(meanwhile)  # type: ignore[assignment]
    process.left.append((who, core))
    found.append(process.come_back(who, server))
    other.join()
    assert len([each for each in found if each]) == 1 and len(found) == 2


def test_a_page_that_another_tab_takes_while_it_leaves_is_offered_once(person: Person, process: Process) -> None:
    who = (person.url, "race", person.name)
    core = Core()
    core.document = Unsaved(lambda: None)  # type: ignore[assignment]
    process.leave(who, core)
    core.document.hurry = lambda: process.come_back(who, person.connect())  # type: ignore[method-assign, assignment]
    process.leave(who, core)
    assert core.has_left and not process.left
