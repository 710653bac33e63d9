"""The example made of modules, as the server keeps it and as a page shows it."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench.conftest import Visitor

BOARD = "/api/workbench/board"
CHART = '"chart-1":{"schema":3,"state":{"settings":{"title":"Fast","channel":"speed"},"view":{"last":5}}}'
TABLE = (
    '"table-1":{"schema":2,"state":{"settings":{"title":"Laps","columns":["rpm"]},'
    '"view":{"sort":"rpm","down":true}}}'
)
NOTES = '"notes-1":{"schema":2,"state":{"settings":{"title":"Ideas"},"text":"softer","view":{"open":true}}}'
NEWER = '"chart-9":{"schema":9,"state":{"layers":[ 1.0, 1e2 ]}}'
UNKNOWN = '"map-1":{"schema":1,  "state":"\\u00e9"}'


def saved(*lines: str) -> str:
    """Returns a board as the page saves it."""
    return '{"format":1,"aside":[],"modules":{\n' + ",\n".join(lines) + "\n}}"


def opened(visitor: Visitor, *lines: str) -> tuple[Page, str]:
    """Opens a board that the server has."""
    id = visitor.server.create(saved(*lines), "My board")
    page = visitor.page(f"{BOARD}#{id}")
    expect(page.get_by_role("heading", name="My board")).to_be_visible()
    return page, id


def light(page: Page) -> Locator:
    return page.locator("savepoint-status").get_by_role("button").first


def until_saved(page: Page) -> None:
    expect(light(page)).to_have_text("Saved")
    page.wait_for_function("() => !document.title.startsWith('•')")


def module(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def told(page: Page) -> Locator:
    return page.locator("main").get_by_role("status").get_by_role("listitem")
