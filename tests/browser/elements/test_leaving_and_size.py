"""Leaving with something unsaved, what is too large, and what is gone, closed or signed out."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import answers, never_arrives
from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures

ASK = "() => void document.querySelector('savepoint-leave').ask().then((answer) => events.push(answer))"


def unsaved(stage: Stage) -> tuple[Page, str]:
    id = stage.server.create()
    page = stage.on(id)
    put(page, "savepoint-leave")
    light = put(page, "savepoint-status").get_by_role("button")
    stage.line.breaks(never_arrives)
    page.get_by_label("Text").fill("typed")
    expect(light).to_contain_text("Offline: kept on this device")
    return page, id


def test_nobody_is_asked_if_everything_is_saved(stage: Stage) -> None:
    page = stage.on(stage.server.create())
    put(page, "savepoint-leave")
    assert page.evaluate("document.querySelector('savepoint-leave').ask()") == "leave"


def test_leaving_asks_and_escape_stays(stage: Stage) -> None:
    page, _ = unsaved(stage)
    page.evaluate(ASK)
    dialog = page.get_by_role("dialog", name="Not everything is saved")
    expect(dialog.get_by_role("button", name="Save and leave")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    eventually(page, lambda: page.evaluate("events") == ["stay"])
    page.evaluate(ASK)
    dialog.get_by_role("button", name="Leave (kept on this device)").click()
    eventually(page, lambda: page.evaluate("events") == ["stay", "leave"])


def test_save_and_leave_leaves_only_once_it_is_saved(stage: Stage) -> None:
    page, id = unsaved(stage)
    page.evaluate(ASK)
    page.get_by_role("button", name="Save and leave").click()
    expect(page.get_by_text("It could not be saved. The light says why.")).to_be_visible()
    stage.line.works()
    page.get_by_role("button", name="Save and leave").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    eventually(page, lambda: page.evaluate("events") == ["leave"])
    assert stage.server.content(id) == "typed"


LARGE = {"track": "Thunder Alley", "telemetry": "x" * 1_700_000, "notes": "y" * 40_000}


def too_large(stage: Stage) -> Page:
    page = stage.on(stage.server.create("{}", "Thunder Alley"))
    put(page, "savepoint-oversize")
    light = put(page, "savepoint-status").get_by_role("button").first
    page.evaluate("text => { document.querySelector('#text').value = text; doc.changed() }", json.dumps(LARGE))
    expect(light).to_have_text("Too large: 1.7 MiB of 1.5 MiB")
    light.click()
    page.get_by_role("button", name="What is large…").click()
    return page


def test_too_large_says_the_size_what_it_means_and_what_is_large(stage: Stage) -> None:
    page = too_large(stage)
    dialog = page.get_by_role("dialog", name="Too large to save")
    expect(dialog).to_contain_text("It has 1.7 MiB. The server takes at most 1.5 MiB.")
    expect(dialog).to_contain_text("kept on this device, not on the server")
    cells = dialog.get_by_role("row").nth(1).get_by_role("cell")
    expect(cells).to_have_text(["Telemetry", "1.6 MiB", "98 %"])
    with page.expect_download() as downloading:
        dialog.get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename == "Thunder Alley.json"
    assert json.loads(Path(downloading.value.path()).read_text()) == LARGE


def test_deleted_elsewhere_can_be_saved_as_new(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    page = stage.on(id)
    light = put(page, "savepoint-status").get_by_role("button").first
    stage.server.act("DELETE", f"/sessions/{id}")
    expect(light).to_have_text("Deleted elsewhere")
    light.click()
    page.get_by_role("button", name="Save as new").click()
    expect(light).to_have_text("Saved")
    [saved] = stage.server.sessions()
    assert (saved["title"], stage.server.content(saved["id"])) == ("Thunder Alley", "one")


def test_a_closed_document_can_be_saved_as_new(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    stage.server.act("POST", f"/sessions/{id}/close")
    page = stage.on(id)
    light = put(page, "savepoint-status").get_by_role("button").first
    expect(light).to_have_text("Closed: read-only")
    light.click()
    page.get_by_role("button", name="Save as new").click()
    expect(light).to_have_text("Saved")
    assert len(stage.server.sessions()) == 2


def test_signed_out_offers_the_way_of_the_app_to_sign_in(stage: Stage) -> None:
    page = stage.on(stage.server.create())
    status = put(page, "savepoint-status")
    page.evaluate(
        """() => {
            const link = Object.assign(document.createElement("a"), { href: "/sign-in", slot: "sign-in" });
            link.textContent = "Sign in";
            document.querySelector("savepoint-status").append(link);
        }"""
    )
    stage.line.breaks(answers(401))
    page.get_by_label("Text").fill("typed")
    light = status.get_by_role("button").first
    expect(light).to_have_text("Sign in to save (kept on this device)")
    expect(page.get_by_role("link", name="Sign in")).to_be_hidden()
    light.click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_leaving_and_sizes_can_be_read_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    page, _ = unsaved(stage)
    page.evaluate(ASK)
    assert_accessible(page)
    pictures(page, tmp_path, "leave")
    stage.line.works()
    large = too_large(stage)
    assert_accessible(large)
    pictures(large, tmp_path, "oversize")
