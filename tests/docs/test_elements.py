"""docs/elements.md names what the elements have."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "elements.md").read_text()
SOURCES = {
    name: path.read_text()
    for path in (ROOT / "clients" / "browser" / "src" / "elements").glob("*.ts")
    for name in re.findall(r'define\("(savepoint-[a-z-]+)"', path.read_text())
}
ROWS = re.findall(r"^\| `(savepoint-[a-z-]+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("element", "properties"), ROWS, ids=lambda value: value[:30])
def test_every_element_in_the_table_has_its_properties(element: str, properties: str) -> None:
    lists = (ROOT / "clients/browser/src/elements/list.ts").read_text()
    source = SOURCES[element] + lists * ("ListElement" in SOURCES[element])
    # The values of a property are named after a colon.
    for name in re.findall(r"`(\w+)`", re.sub(r": [^;]*", "", properties)):
        inherited = name == "doc" and "extends DocumentElement" in source
        assert inherited or re.search(rf"declare {name}\b", source), name


def test_every_event_in_the_table_is_sent() -> None:
    events = (ROOT / "clients/browser/src/elements/element.ts").read_text()
    named = re.findall(r"^\| `(savepoint-[a-z]+)`[ `|{]", PAGE.split("| event |")[1], re.MULTILINE)
    assert named and all(f'"{name}"' in events for name in named)
