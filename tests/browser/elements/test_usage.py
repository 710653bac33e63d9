"""How much a person keeps."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.line import Answer, Forward, Sent, answers
from tests.browser.watched import assert_accessible, pictures

KIB = 1024


def rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def limit(stage: Stage, **limits: int) -> None:
    """From now on, the person has these limits."""

    def limited(sent: Sent, forward: Forward) -> Answer:
        answer = forward()
        body = json.loads(answer.body)
        body["limits"].update(limits)
        return Answer(answer.status, json.dumps(body).encode(), answer.headers)

    stage.line.breaks(limited, "GET", "/usage")


def some(stage: Stage) -> None:
    """Makes 20 KiB: 8 current, of which 2 in a snapshot, 5 in older versions, 7 in the trash."""
    id = stage.server.create("x" * 5 * KIB, "Large")
    stage.server.save(id, "y" * 4 * KIB)
    stage.server.create("x" * 2 * KIB, "Small")
    stage.server.act("POST", "/snapshots", {"title": "Frozen", "content": "x" * 2 * KIB})
    stage.server.act("DELETE", f"/sessions/{stage.server.create('x' * 7 * KIB, 'Gone')}")


def test_the_parts_add_up_to_what_is_kept(stage: Stage) -> None:
    some(stage)
    page = stage.page()
    put(page, "savepoint-usage")
    expect(page.get_by_text("20 KiB")).to_be_visible()
    parts = page.get_by_role("list", name="Parts of what is kept").get_by_role("listitem")
    current = "Current contents, also of snapshots: 8 KiB"
    expect(parts).to_have_text(
        [current, "Older versions: 5 KiB", "Trash: 7 KiB"],
        use_inner_text=True,
    )
    numbers = page.get_by_role("list", name="How many there are")
    expect(numbers.get_by_role("listitem")).to_have_text(["Sessions: 2", "Drafts: 0", "Snapshots: 1"])


def test_the_largest_are_deleted_beside_their_size_with_undo(stage: Stage) -> None:
    some(stage)
    page = stage.page()
    put(page, "savepoint-usage")
    expect(rows(page)).to_contain_text(["Large", "Small"])
    expect(rows(page).first).to_contain_text("at least 4 KiB")
    page.get_by_role("button", name="Delete “Large”").click()
    expect(page.get_by_text("“Large” is in the trash.")).to_be_visible()
    expect(page.get_by_role("button", name="Small", exact=True)).to_be_focused()
    expect(page.get_by_text("Trash: 16 KiB")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_text("Trash: 7 KiB")).to_be_visible()


def test_a_warning_says_before_the_limit_what_will_happen(stage: Stage) -> None:
    some(stage)
    limit(stage, keptBytes=24 * KIB, sessions=10)
    page = stage.page()
    put(page, "savepoint-usage")
    warning = page.get_by_role("status").filter(has_text="Little is left.")
    expect(warning).to_contain_text("Everything kept: 20 KiB of 24 KiB.")
    expect(warning).to_contain_text("your edits then stay on your device only")
    expect(warning).not_to_contain_text("Sessions")
    stage.line.works()
    limit(stage, sessions=2)
    page.evaluate("document.querySelector('savepoint-usage').refresh()")
    expect(page.get_by_role("status").filter(has_text="The limit is reached.")).to_contain_text(
        "Sessions: 2 of 2."
    )


def test_far_from_the_limit_nothing_is_said(stage: Stage) -> None:
    some(stage)
    limit(stage, keptBytes=1024 * KIB)
    page = stage.page()
    put(page, "savepoint-usage")
    expect(page.get_by_text("20 KiB of 1 MiB")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("")


def test_trouble_can_be_tried_again(stage: Stage) -> None:
    stage.line.breaks(answers(503, '{"detail": "Try later."}', "application/problem+json"), "GET", "/usage")
    page = stage.page()
    put(page, "savepoint-usage")
    expect(page.get_by_role("alert")).to_contain_text("This did not work: Try later.")
    stage.line.works()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("There are no documents yet.")).to_be_visible()


def test_the_usage_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage = stages(bypass_csp=True)
    some(stage)
    limit(stage, keptBytes=24 * KIB, sessions=10)
    page = stage.page()
    put(page, "savepoint-usage")
    expect(rows(page)).to_have_count(2)
    assert_accessible(page)
    pictures(page, tmp_path, "usage")
    page.evaluate("elements.setTexts('de', german)")
    assert_accessible(page)
    pictures(page, tmp_path, "usage-german")
