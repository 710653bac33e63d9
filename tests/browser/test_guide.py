"""docs/browser.md is true: its page runs, and its tables are complete. test_package.py compiles its component."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.built import SOURCE, needs_node
from tests.browser.line import Line, line_to, never_arrives
from tests.browser.tab import eventually
from tests.browser.test_package import CORE_MAX_BYTES, LATE_MAX_BYTES, WITH_DELTAS_MAX_BYTES

HERE = Path(__file__).resolve().parent
GUIDE = (HERE.parents[1] / "docs" / "browser.md").read_text()
SERVER = "http://127.0.0.1:7071"

pytestmark = needs_node


def numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\bF(\d+)\b", text)}


@pytest.fixture
def notes(server_origin: str) -> Iterator[tuple[str, Line]]:
    """The address of the page, on another origin than the server, and the line between them."""
    [html] = re.findall(r"```html\n(.*?)```", GUIDE, re.DOTALL)
    assert html.count(SERVER) == 2
    with line_to(server_origin, {}) as (origin, line):
        with line_to(server_origin, {"/notes.html": html.replace(SERVER, origin)}) as (elsewhere, _):
            yield f"{elsewhere}/notes.html", line


def shows(page: Page, text: str) -> None:
    eventually(page, lambda: page.locator("#text").input_value() == text)


def has_status(page: Page, *wanted: str) -> None:
    eventually(page, lambda: page.locator("#status").text_content() in wanted)


def test_the_page_shows_again_what_was_typed_with_the_server_and_without(
    chromium: Browser, notes: tuple[str, Line]
) -> None:
    address, line = notes
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    has_status(page, "clean")
    page.locator("#text").fill("typed")
    has_status(page, "dirty", "saving")
    has_status(page, "clean")
    page.reload()
    shows(page, "typed")
    line.breaks(never_arrives)
    page.locator("#text").fill("typed without a server")
    page.wait_for_timeout(1_000)
    same = page.url
    page.close()
    line.works()
    page = context.new_page()
    page.goto(same)
    shows(page, "typed without a server")
    has_status(page, "clean")
    context.close()


def test_every_status_of_the_module_is_in_the_table_and_in_the_diagram() -> None:
    [troubles] = re.findall(r"export type Trouble =([^;]*);", (SOURCE / "src" / "model.ts").read_text())
    statuses = {"clean", "dirty", "saving", *re.findall(r'"(\w+)"', troubles)}
    [table] = re.findall(r"\| `status` \|(.*?)\n\n", GUIDE, re.DOTALL)
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", "".join(first))) == statuses
    [diagram] = re.findall(r"```mermaid\n(.*?)```", GUIDE, re.DOTALL)
    assert {name for pair in re.findall(r"(\w+) --> (\w+)", diagram) for name in pair} == statuses


def test_every_line_of_what_it_withstands_has_a_test_and_every_test_a_line() -> None:
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert {int(number) for number in re.findall(r"def test_f(\d+)_", tests)} == numbers(GUIDE)


def test_the_sizes_are_those_that_are_tested() -> None:
    for bytes_ in (CORE_MAX_BYTES, WITH_DELTAS_MAX_BYTES, LATE_MAX_BYTES):
        assert f"at most {bytes_ / 1024:g} KB" in GUIDE


def test_the_browsers_are_those_that_the_module_is_built_for() -> None:
    targets = re.findall(r'"(chrome|firefox|safari)([\d.]+)"', (SOURCE / "build.mjs").read_text())
    assert len(targets) == 3
    for name, version in targets:
        assert re.search(rf"{name}( and Edge)? {re.escape(version)}", GUIDE, re.IGNORECASE), name
