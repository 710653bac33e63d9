"""What earlier pages could not save."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import answers, never_arrives
from tests.browser.tab import crash, eventually
from tests.browser.watched import assert_accessible, pictures


def leave_behind(stage: Stage, id: str, text: str) -> None:
    """Types into a document while the server cannot be reached, and closes the page."""
    page = stage.on(id)
    light = put(page, "savepoint-status").get_by_role("button")
    stage.line.breaks(never_arrives)
    page.get_by_label("Text").fill(text)
    expect(light).to_contain_text("Offline: kept on this device")
    crash(page)  # what a closed page sends may arrive when the line works again
    page.close()
    stage.line.works()


LOAD = """async () => {
    const element = document.querySelector("savepoint-recovery");
    await element.load();
    await element.updateComplete;
}"""


def listed(stage: Stage) -> Page:
    page = stage.page()
    put(page, "savepoint-recovery")
    return page


def test_nothing_shows_where_nothing_is_to_recover(stage: Stage) -> None:
    page = listed(stage)
    page.evaluate(LOAD)
    assert page.evaluate("document.querySelector('savepoint-recovery').shadowRoot.textContent.trim()") == ""


def test_what_is_left_is_listed_and_restored(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    leave_behind(stage, id, "typed")
    page = listed(stage)
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_visible()
    expect(page.get_by_role("listitem").first).to_contain_text("Thunder Alley")
    expect(page.get_by_role("listitem").first).to_contain_text("5 bytes · nothing else was saved since")
    page.get_by_role("button", name="Restore: Thunder Alley").click()
    expect(page.get_by_text("“Thunder Alley” is saved.")).to_be_visible()
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_hidden()
    assert stage.server.content(id) == "typed"
    eventually(page, lambda: ["savepoint-open", {"kind": "session", "id": id}] in page.evaluate("events"))


def test_a_newer_version_of_the_server_is_named_compared_and_kept(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    leave_behind(stage, id, "typed")
    stage.server.save(id, "newer")
    page = listed(stage)
    expect(page.get_by_role("listitem").first).to_contain_text("the server has a newer version (v2)")
    page.get_by_role("button", name="Preview: Thunder Alley").click()
    expect(page.get_by_text("Removed: newer")).to_be_visible()
    expect(page.get_by_text("Added: typed")).to_be_visible()
    page.get_by_role("button", name="Open as copy: Thunder Alley").click()
    expect(page.get_by_text("is saved as a draft by itself")).to_be_visible()
    assert stage.server.content(id) == "newer"
    assert [stage.server.content(draft["id"]) for draft in stage.server.drafts()] == ["typed"]


def test_what_is_discarded_can_be_had_back(stage: Stage) -> None:
    leave_behind(stage, stage.server.create("one", "Thunder Alley"), "typed")
    page = listed(stage)
    page.get_by_role("button", name="Discard: Thunder Alley").click()
    expect(page.get_by_text("“Thunder Alley” was discarded.")).to_be_visible()
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is saved as a draft by itself")).to_be_visible()
    assert [stage.server.content(draft["id"]) for draft in stage.server.drafts()] == ["typed"]
    assert page.evaluate("server.recoverable()") == []


def test_the_focus_stays_in_the_list_when_a_row_goes(stage: Stage) -> None:
    for title in ("Alpha", "Beta"):
        leave_behind(stage, stage.server.create("one", title), "typed")
    page = listed(stage)
    page.get_by_role("button", name="Discard: Beta").click()
    expect(page.get_by_role("button", name="Preview: Alpha")).to_be_focused()


def test_a_damaged_entry_can_be_downloaded_and_removed(stage: Stage) -> None:
    page = stage.page()
    key = f'savepoint:["{stage.name}","test","abcdefghijkl","gone"]'
    page.evaluate("key => localStorage.setItem(key, 'half an ent')", key)
    put(page, "savepoint-recovery")
    expect(page.get_by_text("damaged: only a download is possible")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download: Untitled").click()
    assert Path(downloading.value.path()).read_text() == "half an ent"
    page.get_by_role("button", name="Delete for good: Untitled").click()
    expect(page.get_by_text("damaged: only a download is possible")).to_be_hidden()
    assert page.evaluate("server.recoverable()") == []


def test_what_was_restored_by_itself_is_told_once_and_can_be_undone(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    leave_behind(stage, id, "typed")
    page = stage.on(id)
    put(page, "savepoint-recovery")
    expect(page.get_by_text("Restored what was not saved on")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("typed")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Text")).to_have_value("one")
    eventually(page, lambda: stage.server.content(id) == "one")
    assert "typed" in stage.server.history(id)
    page.reload()
    page.locator("body[data-loaded]").wait_for(state="attached")
    put(page, "savepoint-recovery")
    page.evaluate(LOAD)
    assert page.evaluate("events") == []


def test_nothing_is_told_if_nothing_was_typed(stage: Stage) -> None:
    id = stage.server.create("one")
    leave_behind(stage, id, "typed")
    stage.server.act("GET", "/me")
    page = stage.on(id)
    assert page.evaluate("doc.flush().then(({ version }) => version)") == 2
    page.close()
    leave_behind(stage, id, "again")
    stage.server.save(id, "again")
    again = stage.on(id)
    put(again, "savepoint-recovery")
    again.evaluate(LOAD)
    assert again.evaluate("events") == []


def test_what_the_server_has_already_is_not_listed(stage: Stage) -> None:
    """As when a save arrived, and its response was lost."""
    id = stage.server.create("one", "Thunder Alley")
    leave_behind(stage, id, "typed")
    stage.server.save(id, "typed")
    page = listed(stage)
    assert page.evaluate("server.recoverable()") == []
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_hidden()


def test_nothing_is_said_of_a_server_that_does_not_answer(stage: Stage) -> None:
    leave_behind(stage, stage.server.create("one", "Thunder Alley"), "typed")
    stage.line.breaks(answers(503), "GET", "/sessions/metadata/")
    page = listed(stage)
    expect(page.get_by_role("listitem").first).to_contain_text("not known whether the server has it")
    expect(page.get_by_role("button", name="Restore: Thunder Alley")).to_be_visible()


def test_recovery_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    for title in ("Thunder Alley", "A much longer title of a document, which does not fit into one line at all"):
        id = stage.server.create("one", title)
        leave_behind(stage, id, "typed")
    stage.server.save(id, "newer")
    page = listed(stage)
    page.get_by_role("button", name="Preview: A much").click()
    expect(page.get_by_text("Added: typed")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "recovery")
