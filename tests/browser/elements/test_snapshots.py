"""The library of snapshots: those that a person made, and those that a person opened."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.tab import SECONDS, eventually
from tests.browser.watched import assert_accessible, pictures


def rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def titles(page: Page) -> Locator:
    return page.locator("[data-row] .open")


def snapshot(stage: Stage, title: str = "Thunder Alley", **members: object) -> str:
    """Returns the id of a new snapshot."""
    return str(stage.server.act("POST", "/snapshots", {"title": title, "content": "one", **members}))


def opens(stage: Stage, id: str) -> None:
    """Opens a snapshot. Returns when the visit is counted, which the server does within a second."""

    def visits() -> int:
        logs = stage.server.act("GET", "/snapshot_access_logs?page_size=100")["items"]
        return sum(each["visits"] for each in logs if each["snapshotId"] == id)

    before = visits()
    stage.server.act("GET", f"/snapshots/{id}")
    end = time.monotonic() + SECONDS
    while visits() == before:
        assert time.monotonic() < end, "the visit was not counted"
        time.sleep(0.05)


def test_my_snapshots_say_when_they_end_and_how_many_people_opened_them(stages: Callable[..., Stage]) -> None:
    stage, other = stages(), stages()
    soon = datetime.now(UTC) + timedelta(days=20)
    id = snapshot(stage, expiresAt=soon.isoformat())
    opens(stage, id)
    opens(other, id)
    page = stage.page()
    put(page, "savepoint-snapshots")
    expect(rows(page)).to_contain_text("in 2 weeks")
    page.reload()
    page.locator("body[data-loaded]").wait_for(state="attached")
    put(page, "savepoint-snapshots")
    expect(rows(page)).to_contain_text("1 person")
    titles(page).click()
    eventually(page, lambda: page.evaluate("events") == [["savepoint-open", {"kind": "snapshot", "id": id}]])


def test_my_snapshots_are_searched_and_sorted(stage: Stage) -> None:
    for title in ("beta", "Alpha", "gamma"):
        snapshot(stage, title)
    page = stage.page()
    put(page, "savepoint-snapshots")
    expect(titles(page)).to_have_text(["gamma", "Alpha", "beta"])
    expect(page.get_by_text("1 to 3 of 3")).to_be_visible()
    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    expect(titles(page)).to_have_text(["Alpha", "beta", "gamma"])
    page.get_by_label("Search titles").fill("BET")
    expect(titles(page)).to_have_text(["beta"])


def test_a_link_is_revoked_in_two_clicks(stages: Callable[..., Stage]) -> None:
    stage, other = stages(), stages()
    id = snapshot(stage, "Alpha")
    snapshot(stage, "Beta")
    page = stage.page()
    put(page, "savepoint-snapshots")
    page.get_by_role("button", name="Revoke link to “Alpha”").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke link").click()
    expect(page.get_by_text("The link to “Alpha” is dead.")).to_be_visible()
    expect(page.get_by_role("button", name="Beta", exact=True)).to_be_focused()
    assert other.server.status("GET", f"/snapshots/{id}") == 410


def test_what_i_opened_says_whose_it_is_and_deleted_ones_can_be_hidden(stages: Callable[..., Stage]) -> None:
    stage, owner = stages(), stages()
    dead, living = snapshot(owner, "Dead"), snapshot(owner, "Living")
    for id in (dead, living):
        opens(stage, id)
    snapshot(stage, "Own")
    owner.server.act("DELETE", f"/snapshots/{dead}")
    page = stage.page()
    put(page, "savepoint-snapshots", which="opened")
    expect(rows(page)).to_have_count(3)
    row = rows(page).filter(has_text="Living")
    expect(row).to_contain_text(owner.name)
    expect(row).to_contain_text("1 visit")
    expect(rows(page).filter(has_text="Own")).to_contain_text("You")
    page.get_by_label("Hide deleted").check()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).filter(has_text="Dead")).to_have_count(0)
    assert page.evaluate("events.at(-1)") == ["savepoint-view", {"view": {"hide": "deleted"}}]


def test_a_deleted_snapshot_reads_as_deleted_and_opens_nothing(stages: Callable[..., Stage]) -> None:
    stage, owner = stages(), stages()
    id = snapshot(owner, "Dead")
    opens(stage, id)
    owner.server.act("DELETE", f"/snapshots/{id}")
    page = stage.page()
    put(page, "savepoint-snapshots", which="opened")
    page.get_by_role("button", name="Forget visits to “Dead”").wait_for()
    # The owner's server tells visitors within two seconds.

    def is_deleted() -> bool:
        page.evaluate("document.querySelector('savepoint-snapshots').refresh()")
        return bool(rows(page).filter(has_text="deleted").count())

    eventually(page, is_deleted)
    expect(titles(page)).to_have_count(0)


def test_visits_can_be_forgotten(stages: Callable[..., Stage]) -> None:
    stage, owner = stages(), stages()
    for title in ("Alpha", "Beta"):
        opens(stage, snapshot(owner, title))
    page = stage.page()
    put(page, "savepoint-snapshots", which="opened", view={"sort": "title"})
    page.get_by_role("button", name="Forget visits to “Alpha”").click()
    expect(titles(page)).to_have_text(["Beta"])
    expect(page.get_by_role("button", name="Beta", exact=True)).to_be_focused()
    expect(page.get_by_text("Your visits to “Alpha” are forgotten.")).to_be_visible()


def test_nothing_yet_is_said_in_one_sentence(stage: Stage) -> None:
    page = stage.page()
    put(page, "savepoint-snapshots")
    expect(page.get_by_text("Snapshots that you share by link land here.")).to_be_visible()
    page.evaluate("document.querySelector('savepoint-snapshots').which = 'opened'")
    expect(page.get_by_text("Snapshots that you open by link land here.")).to_be_visible()


def test_the_library_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage, owner = stages(bypass_csp=True), stages()
    snapshot(stage, "Thunder Alley")
    snapshot(stage, "A title that is long enough to need more than one line", expiresAt="2999-01-01T00:00:00Z")
    opens(stage, snapshot(owner, "Of another"))
    page = stage.page()
    put(page, "savepoint-snapshots")
    expect(rows(page)).to_have_count(2)
    assert_accessible(page)
    pictures(page, tmp_path, "snapshots-mine")
    page.evaluate("document.querySelector('savepoint-snapshots').which = 'opened'")
    expect(rows(page)).to_have_count(3)
    assert_accessible(page)
    pictures(page, tmp_path, "snapshots-opened")
