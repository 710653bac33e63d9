"""The workbench in German, for a browser whose language that is."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.watched import assert_accessible, pictures
from tests.browser.workbench.conftest import WORKBENCH, Visitor

GERMAN = (WORKBENCH / "src" / "german.ts").read_text()
SOURCES = "".join(path.read_text() for path in (WORKBENCH / "src").glob("*.ts") if path.name != "german.ts")
PAGE = (WORKBENCH / "pages" / "workbench.html").read_text()
KEYS = set(re.findall(r'^  (?:"(.+?)"|(\w+)):', GERMAN, re.MULTILINE))


def test_every_text_is_there_in_german_and_none_too_many() -> None:
    keys = {quoted or bare for quoted, bare in KEYS}
    said = set(re.findall(r'\bsay\(\s*"(.+?)"', SOURCES))
    assert said - keys == set()
    assert [key for key in keys if f'"{key}"' not in SOURCES and f">{key}<" not in PAGE] == ["What you have"]


def test_the_page_is_german_and_fits(visitors: Callable[..., Visitor], tmp_path: Path) -> None:
    visitor = visitors(bypass_csp=True, locale="de-DE")
    id = visitor.server.create("eins", "Thunder Alley")
    page = visitor.page(f"/api/workbench#/session/{id}")
    expect(page.get_by_role("navigation", name="Was Sie haben")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", name="Sitzungen")).to_be_visible()
    expect(page.get_by_role("button", name="Speichern unter")).to_be_visible()
    expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Gespeichert")
    assert_accessible(page)
    pictures(page, tmp_path, "german-document")
    page.get_by_role("link", name="Import, Export, Löschen").click()
    expect(page.get_by_role("button", name="Alles exportieren")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "german-transfer")
    page.get_by_role("link", name="Papierkorb").click()
    expect(page.get_by_role("heading", name="Papierkorb")).to_be_visible()
    page.evaluate("location.hash = '#/session/AAAAAAAAAAAA'")
    expect(page.get_by_role("heading", name="Hier ist nichts, was Sie öffnen können")).to_be_visible()
