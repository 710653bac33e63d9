"""Import, export and erase, as a person clicks them."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.tab import eventually
from tests.browser.workbench.conftest import Visitor

TRANSFER = "/api/workbench#/transfer"


def exported(visitor: Visitor, folder: Path) -> Path:
    """Exports everything of a person by a click. Returns the file."""
    page = visitor.page(TRANSFER)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export everything").click()
    path = folder / "export.ndjson"
    download.value.save_as(path)
    page.close()
    return path


def choose(page: Page, path: Path) -> None:
    page.get_by_label("File of an export").set_input_files(path)


def test_an_export_is_a_file_with_everything(visitor: Visitor, tmp_path: Path) -> None:
    for number in range(3):
        id = visitor.server.create(f"text {number}", f"Title {number}")
    visitor.server.act("POST", "/snapshots", {"sessionId": id})
    lines = [json.loads(line) for line in exported(visitor, tmp_path).read_text().splitlines()]
    titles = {line["metadata"]["title"] for line in lines if line["kind"] == "session"}
    assert titles == {"Title 0", "Title 1", "Title 2"}
    kinds = {line["kind"] for line in lines}
    assert kinds == {"session", "revision", "access_log", "snapshot", "activity", "end"}
    assert lines[-1] == {"kind": "end", "pageToken": None}


def test_nothing_is_written_before_the_person_says_so_and_one_undo_takes_all_back(
    visitor: Visitor, tmp_path: Path
) -> None:
    for number in range(3):
        visitor.server.create(f"text {number}", f"Title {number}")
    path = exported(visitor, tmp_path)
    page = visitor.page(TRANSFER)
    choose(page, path)
    expect(page.get_by_role("heading", name="export.ndjson: 3 documents")).to_be_visible()
    assert len(visitor.server.sessions()) == 3
    page.get_by_role("checkbox", name="Title 1", exact=True).uncheck()
    page.get_by_role("button", name="Import").click()
    said = page.get_by_text("2 documents imported, 0 skipped, 0 refused.")
    expect(said.first).to_be_visible()
    assert sorted(one["title"] for one in visitor.server.sessions()) == [
        *("Title 0", "Title 0", "Title 1", "Title 2", "Title 2")
    ]
    page.get_by_role("button", name="Undo").click()
    eventually(page, lambda: len(visitor.server.sessions()) == 3)


def test_cancel_stops_an_import_and_tells_what_arrived(visitor: Visitor, tmp_path: Path) -> None:
    content = "x" * 1_400_000
    for number in range(6):
        visitor.server.create(f"{number}{content}", f"Title {number}")
    path = exported(visitor, tmp_path)
    page = visitor.page(TRANSFER)
    held = visitor.line.holds("POST", "/import")
    choose(page, path)
    page.get_by_role("button", name="Import").click()
    held.wait()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    held.release()
    expect(page.get_by_text("Cancelled:")).to_be_visible()
    shown = page.get_by_text("documents imported").first.text_content() or ""
    assert 6 + int(shown.split()[0]) == len(visitor.server.sessions()) < 12


def test_a_file_of_something_else_is_refused_in_words(visitor: Visitor, tmp_path: Path) -> None:
    path = tmp_path / "notes.ndjson"
    path.write_text("hello\nworld\n")
    page = visitor.page(TRANSFER)
    choose(page, path)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("0 documents imported, 0 skipped, 1 refused.").first).to_be_visible()


def test_a_file_can_be_dropped_anywhere_and_what_is_no_file_is_ignored(visitor: Visitor) -> None:
    page = visitor.page()
    drop = """([kind, name, text]) => {
        const data = new DataTransfer();
        if (kind === "file") data.items.add(new File([text], name));
        else data.setData("text/plain", text);
        for (const type of ["dragenter", "dragover", "drop"]) {
            const options = { dataTransfer: data, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent(type, options));
            if (type === "dragover") window.shown = !document.querySelector(".drop").hidden;
        }
    }"""
    page.evaluate(drop, ["text", "", "a text"])
    assert page.evaluate("shown") is False
    line = {"kind": "session", "metadata": {"id": "A" * 12, "title": "Dropped", "contentHash": "0" * 64}}
    page.evaluate(drop, ["file", "one.ndjson", json.dumps(line)])
    assert page.evaluate("shown") is True
    expect(page.get_by_role("heading", name="one.ndjson: 1 document")).to_be_visible()


def test_erasing_asks_for_the_name_and_leaves_nothing(visitor: Visitor) -> None:
    id = visitor.server.create()
    visitor.server.draft("draft-000001", "a draft")
    visitor.server.act("POST", "/snapshots", {"sessionId": id})
    visitor.server.act("DELETE", f"/sessions/{visitor.server.create()}")
    everything = ("/sessions", "/drafts", "/snapshots", "/trash", "/activity")
    assert all(visitor.server.act("GET", path)["items"] for path in everything)
    page = visitor.page(TRANSFER)
    erase = page.get_by_role("button", name="Erase everything")
    expect(erase).to_be_disabled()
    page.get_by_label(f"Type “{visitor.name}” to confirm").fill(visitor.name)
    erase.click()
    expect(page.get_by_text("Everything is erased.")).to_be_visible()
    assert not any(visitor.server.act("GET", path)["items"] for path in everything)
