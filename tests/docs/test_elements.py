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
ROWS = re.findall(r"^\| `(savepoint-[a-z-]+)` \|.*\|(.*)\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("element", "properties"), ROWS, ids=lambda value: value[:30])
def test_every_element_in_the_table_has_its_properties(element: str, properties: str) -> None:
    lists = (ROOT / "clients/browser/src/elements/list.ts").read_text()
    source = SOURCES[element] + lists * ("ListElement" in SOURCES[element])
    # The values of a property are named after a colon.
    for name in re.findall(r"`(\w+)`", re.sub(r": [^;]*", "", properties)):
        inherited = name == "doc" and re.search("extends (Document|Dialog)Element", source)
        assert inherited or re.search(rf"declare {name}\b", source), name


ALL = "".join(path.read_text() for path in (ROOT / "clients/browser/src/elements").glob("*.ts"))


def test_every_element_is_named() -> None:
    assert {name for name, _ in ROWS} | {"savepoint-version", "savepoint-share-form"} == set(SOURCES)


def test_the_events_in_the_table_are_those_that_are_sent() -> None:
    events = (ROOT / "clients/browser/src/elements/element.ts").read_text()
    named = re.findall(r"^\| `(savepoint-[a-z]+)`[ `|{]", PAGE.split("| event |")[1], re.MULTILINE)
    assert sorted(named) == sorted(re.findall(r'^  "(savepoint-[a-z]+)":', events, re.MULTILINE))


def test_the_properties_parts_and_slots_of_the_look_are_those_of_the_elements() -> None:
    look = PAGE.split("## The look")[1]
    table = look.split("| element |")[1]
    rows = re.findall(r"^\| [^|-]+\|([^|]*)\|([^|]*)\|$", table, re.MULTILINE)
    named = [set(re.findall(r"`([a-z-]+)`", "".join(column))) for column in zip(*rows, strict=True)]
    assert named[0] == set(re.findall(r'\bpart="([a-z-]+)"', ALL))
    assert named[1] == set(re.findall(r'<slot name="([a-z-]+)"', ALL))
    assert set(re.findall(r"`(--savepoint-[a-z-]+)`", look)) == set(re.findall(r"var\((--savepoint-[a-z-]+)", ALL))
