"""The light of a document, and the dialogs that keep it."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import Answer, Forward, Sent, answers, never_arrives
from tests.browser.watched import assert_accessible, pictures


def test_the_light_says_what_a_document_is_doing(stage: Stage) -> None:
    page = stage.page(begins=True)
    light = put(page, "savepoint-status").get_by_role("button")
    expect(light).to_have_text("Nothing to save yet")
    page.get_by_label("Text").fill("one")
    expect(light).to_have_text("Saved")
    stage.line.breaks(never_arrives)
    page.get_by_label("Text").fill("two")
    expect(light).to_contain_text("Offline: kept on this device, tried again in")
    expect(page.get_by_role("status").first).to_have_text("Offline: kept on this device")
    stage.line.works()
    expect(light).to_have_text("Saved", timeout=20_000)


def in_maintenance(sent: Sent, forward: Forward) -> Answer:
    """Reads are served, and writes wait, as by a server in read-only mode."""
    if sent.method == "GET":
        return forward()
    problem = {"type": "urn:savepoint:problem:maintenance", "title": "In maintenance", "status": 503}
    words = "We move. It takes until noon."
    body = {**problem, "detail": words, "retryAfter": 1, "error": {"type": "maintenance", "message": words}}
    return Answer(503, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


def test_in_maintenance_all_is_kept_and_sent_when_it_is_over(stage: Stage) -> None:
    page = stage.on(stage.server.create("one"))
    status = put(page, "savepoint-status")
    light = status.get_by_role("button").first
    stage.line.breaks(in_maintenance)
    page.get_by_label("Text").fill("two")
    expect(light).to_contain_text("Maintenance: kept on this device, tried again in")
    expect(page.get_by_role("status").first).to_have_text("Maintenance: kept on this device")
    light.click()
    expect(status.get_by_text("We move. It takes until noon.")).to_be_visible()
    page.wait_for_function("doc.state.safe === 'device'")
    stage.line.works()
    expect(light).to_contain_text("Saved", timeout=20_000)
    expect(status.get_by_text("We move. It takes until noon.")).to_be_hidden()
    assert stage.server.content(page.evaluate("doc.state.id")) == "two"


def test_the_details_of_the_light_open_by_keyboard_and_close_on_escape(stage: Stage) -> None:
    page = stage.on(stage.server.create())
    status = put(page, "savepoint-status")
    status.get_by_role("button").press("Enter")
    expect(status.get_by_text("on the server")).to_be_visible()
    status.get_by_role("button").first.press("Escape")
    expect(status.get_by_text("on the server")).to_be_hidden()
    expect(status.get_by_role("button")).to_be_focused()


def test_a_quick_save_does_not_flicker(stage: Stage) -> None:
    page = stage.page(begins=True)
    put(page, "savepoint-status")
    page.evaluate(
        """() => {
            window.said = [];
            const light = document.querySelector("savepoint-status");
            const look = () => said.push(light.shadowRoot.querySelector("[part=words]").textContent);
            const all = { subtree: true, characterData: true, childList: true };
            new MutationObserver(look).observe(light.shadowRoot, all);
        }"""
    )
    page.get_by_label("Text").fill("one")
    expect(page.locator("savepoint-status").get_by_role("button")).to_have_text("Saved")
    assert "Saving…" not in page.evaluate("said")


def test_saving_gives_a_title_and_makes_a_session_of_a_draft(stage: Stage) -> None:
    page = stage.page(begins=True)
    page.get_by_label("Text").fill("one")
    dialog = put(page, "savepoint-save")
    page.evaluate("() => void document.querySelector('savepoint-save').show()")
    expect(dialog.get_by_label("Title")).to_be_focused()
    dialog.get_by_label("Title").fill("Thunder Alley")
    dialog.get_by_label("Title").press("Enter")
    expect(dialog.get_by_role("dialog")).to_be_hidden()
    [saved] = stage.server.sessions()
    assert (saved["title"], saved["status"]) == ("Thunder Alley", "active")


def test_the_words_can_be_german(stage: Stage) -> None:
    page = stage.on(stage.server.create())
    light = put(page, "savepoint-status").get_by_role("button")
    page.evaluate("elements.setTexts('de', german)")
    expect(light).to_have_text("Gespeichert")


SHOW = "() => void document.querySelector('savepoint-save').show()"


def test_the_fields_of_a_save_begin_anew_and_nothing_changes_what_is_typed(stage: Stage) -> None:
    page = stage.on(stage.server.create("one", "Thunder Alley"))
    dialog = put(page, "savepoint-save")
    page.evaluate(SHOW)
    dialog.get_by_label("Title").fill("Never mind")
    dialog.get_by_label("What has changed").fill("Nothing")
    page.evaluate("doc.rename('Desert Loop')")
    expect(dialog.get_by_label("Title")).to_have_value("Never mind")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("dialog")).to_be_hidden()
    page.evaluate(SHOW)
    expect(dialog.get_by_label("Title")).to_have_value("Desert Loop")
    expect(dialog.get_by_label("What has changed")).to_have_value("")


def test_a_part_of_the_module_that_does_not_load_is_told_and_loaded_again(stage: Stage) -> None:
    id = stage.server.create("one", "Thunder Alley")
    stage.server.act("POST", f"/sessions/{id}/close")
    stage.line.breaks(answers(503), "GET", "/api/client/late-")
    page = stage.on(id)
    status = put(page, "savepoint-status")
    status.get_by_role("button").click()
    page.get_by_role("button", name="Save as new").click()
    expect(page.get_by_role("alert")).to_contain_text("This did not work:")
    stage.line.works()
    page.get_by_role("button", name="Save as new").dblclick()
    expect(status.get_by_role("button").first).to_have_text("Saved")
    assert len(stage.server.sessions()) == 2
    assert all("late-" in each for each in stage.complaints)
    stage.complaints.clear()


QUESTION = "{ heading: 'One?', text: '', action: 'Yes' }"


def test_who_asks_gets_an_answer_whatever_becomes_of_the_dialog(stage: Stage) -> None:
    page = stage.page()
    dialog = put(page, "savepoint-confirm").get_by_role("dialog")
    page.evaluate("() => { window.question = document.querySelector('savepoint-confirm') }")
    page.evaluate(f"() => void question.ask({QUESTION})")
    expect(dialog).to_be_visible()
    assert page.evaluate(f"question.ask({QUESTION})") is False  # one question at a time
    # What closes it comes later as an event, which must not close it again.
    page.evaluate(f"() => {{ question.close(); window.asked = question.ask({QUESTION}) }}")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(dialog).to_be_visible()
    page.evaluate("question.remove()")
    assert page.evaluate("asked") is False
    assert page.evaluate(f"question.ask({QUESTION})") is False


def test_the_light_and_saving_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    page = stage.on(stage.server.create())
    put(page, "savepoint-status").get_by_role("button").click()
    assert_accessible(page)
    pictures(page, tmp_path, "status")
    put(page, "savepoint-save")
    page.evaluate("() => void document.querySelector('savepoint-save').show()")
    assert_accessible(page)
    pictures(page, tmp_path, "save")
