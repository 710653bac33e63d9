"""The activity: what happened to a person's things."""

import csv
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures


def rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def lived(stage: Stage, title: str = "Thunder Alley", saves: int = 3, app: str | None = None) -> str:
    """Returns a session that was created and saved several times."""
    body = {"title": title, "description": None, "content": "0", "app": app}
    id = str(stage.server.act("POST", "/sessions", body))
    for number in range(1, saves + 1):
        stage.server.save(id, str(number))
    return id


def test_repeats_are_one_row_with_their_number_and_times(stage: Stage) -> None:
    id = lived(stage, saves=4)
    page = stage.page()
    put(page, "savepoint-activity")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("Saved 4 times, ")
    expect(rows(page).first).to_contain_text("Firefox on Linux")
    expect(rows(page).last).to_contain_text("Created")
    rows(page).first.get_by_role("button", name="Thunder Alley", exact=True).click()
    eventually(page, lambda: page.evaluate("events") == [["savepoint-open", {"kind": "session", "id": id}]])


def test_filters_work_together_and_can_be_cleared(stage: Stage) -> None:
    lived(stage, "Alpha", 1, "race")
    lived(stage, "Beta", 1, "map")
    page = stage.page()
    put(page, "savepoint-activity")
    expect(rows(page)).to_have_count(4)
    page.get_by_label("Action").select_option("Saved")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("App").select_option("race")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Alpha")
    page.get_by_label("From").fill("2999-01-01")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    view = {"action": "saved", "app": "race", "from": "2999-01-01"}
    eventually(page, lambda: page.evaluate("events.at(-1)[1].view") == view)
    page.get_by_role("button", name="Clear search and filters").click()
    expect(rows(page)).to_have_count(4)
    page.get_by_label("To", exact=True).fill("2020-01-01")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()


def test_one_document_is_picked_from_the_feed_and_let_go_again(stage: Stage) -> None:
    lived(stage, "Alpha", 1)
    lived(stage, "Beta", 1)
    page = stage.page()
    put(page, "savepoint-activity")
    page.get_by_role("button", name="Only this: “Alpha”").first.click()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).filter(has_text="Beta")).to_have_count(0)
    page.get_by_role("button", name="Only “Alpha”").click()
    expect(rows(page)).to_have_count(4)


def test_a_document_shows_its_own(stage: Stage) -> None:
    id = lived(stage, "Alpha", 1)
    lived(stage, "Beta", 1)
    page = stage.page()
    put(page, "savepoint-activity", documentId=id)
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("columnheader", name="Document")).to_have_count(0)


def test_what_is_shown_can_be_saved_without_texts_or_links(stage: Stage, tmp_path: Path) -> None:
    id = lived(stage, '=1+1, "so"', 2)
    snapshot = stage.server.act("POST", "/snapshots", {"title": "Frozen", "content": "secret"})
    page = stage.page()
    put(page, "savepoint-activity")
    expect(rows(page)).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "activity.csv"
    download.value.save_as(tmp_path / "activity.csv")
    text = (tmp_path / "activity.csv").read_text()
    assert "secret" not in text and snapshot not in text
    lines = list(csv.DictReader(text.splitlines()))
    assert [(one["action"], one["kind"], one["id"]) for one in lines] == [
        ("created", "snapshot", ""),
        ("saved", "session", id),
        ("saved", "session", id),
        ("created", "session", id),
    ]
    assert lines[-1]["title"] == """'=1+1, "so\""""


def test_nothing_yet_is_said_in_one_sentence(stage: Stage) -> None:
    page = stage.page()
    put(page, "savepoint-activity")
    expect(page.get_by_text("What happens to your documents is told here.")).to_be_visible()


def test_the_activity_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    id = lived(stage, "Thunder Alley", 5, "race")
    stage.server.act("POST", "/snapshots", {"sessionId": id})
    stage.server.act("DELETE", f"/sessions/{lived(stage, 'A title that needs more than one line in a list')}")
    page = stage.page()
    put(page, "savepoint-activity")
    expect(rows(page)).to_have_count(6)
    assert_accessible(page)
    pictures(page, tmp_path, "activity")
    page.evaluate("elements.setTexts('de', german)")
    assert_accessible(page)
    pictures(page, tmp_path, "activity-german")
