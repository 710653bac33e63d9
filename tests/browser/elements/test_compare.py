"""Two texts side by side, and both sides of a conflict merged piece by piece."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.elements.test_conflict import in_conflict
from tests.browser.watched import NARROW, assert_accessible, pictures

RUNS = [{"id": at, "name": f"Run {at}", "lap": 50 + at} for at in range(1, 5)]
SETUP = {"track": "Thunder Alley", "frontOil": 600, "rearOil": 500, "notes": "a\nb", "runs": RUNS}
SAME = {f"setting{at}": at for at in range(40)}


def changed(**more: Any) -> dict[str, Any]:
    return {**SETUP, **more}


def compare(page: Page, old: Any, new: Any) -> Locator:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in (old, new)]
    sides = {"from": {"text": texts[0], "label": "Saved", "version": 3, "at": "2026-11-24T17:40:00Z"}}
    return put(page, "savepoint-compare", **sides, to={"text": texts[1], "label": "On the screen"})


def test_what_is_the_same_is_folded_and_the_first_change_is_in_view(stage: Stage) -> None:
    page = stage.page()
    element = compare(page, {**SAME, **SETUP}, {**SAME, **changed(frontOil=650, rearOil=480)})
    expect(element.get_by_text("Change 1 of 2: Front oil 600 → 650")).to_be_visible()
    expect(element.locator(".now")).to_be_in_viewport()
    expect(element.get_by_text("setting5:")).to_have_count(0)
    element.get_by_role("button", name="Show 39 unchanged lines").click()
    expect(element.get_by_text("setting5: 5").first).to_be_attached()
    expect(element.get_by_role("list", name="Both texts, line by line")).to_be_focused()


def test_buttons_and_keys_lead_to_the_next_change_and_to_the_one_before(stage: Stage) -> None:
    page = stage.page()
    element = compare(page, SETUP, changed(frontOil=650, rearOil=480, runs=RUNS[1:]))
    position = element.get_by_role("status")
    element.get_by_role("button", name="Next change").click()
    expect(position).to_have_text("Change 2 of 3: Rear oil 500 → 480")
    element.get_by_role("button", name="Previous change").click()
    expect(position).to_contain_text("Change 1 of 3")
    page.keyboard.press("n")
    page.keyboard.press("F7")
    expect(position).to_have_text("Change 3 of 3: Runs › Run 1 removed")
    page.keyboard.press("Shift+F7")
    page.keyboard.press("p")
    expect(position).to_contain_text("Change 1 of 3")


def test_differences_have_signs_and_words_and_are_read_in_order(stage: Stage) -> None:
    page = stage.page()
    element = compare(page, "one\ntwo\nthree", "one\n2\nthree\nfour")
    expect(element.get_by_role("listitem")).to_have_text(
        ["one one", "−Removed: two +Added: 2", "three three", "+Added: four"]
    )
    hidden = element.get_by_role("listitem").first.locator(".after")
    expect(hidden).to_have_attribute("aria-hidden", "true")  # what is the same is read once


def test_a_moved_item_reads_as_moved_and_the_final_order_shows(stage: Stage) -> None:
    page = stage.page()
    element = compare(page, SETUP, changed(runs=[RUNS[3], *RUNS[:3]]))
    expect(element.get_by_role("status")).to_have_text("Change 1 of 1: Runs › Run 4 moved from 4 to 1")
    names = element.locator(".after", has_text="name:").all_inner_texts()
    assert [name.split('"')[1] for name in names] == ["Run 4", "Run 1"]  # the others are folded


def test_the_order_of_keys_and_spaces_are_no_change(stage: Stage) -> None:
    page = stage.page()
    backwards = json.dumps(dict(reversed(SETUP.items())), indent=4)
    element = compare(page, SETUP, backwards)
    expect(element.get_by_text("Both say the same. Only the order or spaces differ.")).to_be_visible()


def test_a_person_can_choose_by_which_key_items_are_matched(stage: Stage) -> None:
    page = stage.page()
    old, new = [{"lap": 1, "at": "x"}, {"lap": 2, "at": "y"}], [{"lap": 2, "at": "z"}, {"lap": 1, "at": "x"}]
    element = compare(page, old, new)
    element.get_by_label("Match items by").select_option("lap")
    expect(element.get_by_role("status")).to_have_text("Change 1 of 2: 1 moved from 2 to 1")


def test_a_place_can_be_hidden_in_all_items_of_an_array(stage: Stage) -> None:
    page = stage.page()
    laps = [{**run, "lap": 51 + at} for at, run in enumerate(RUNS, start=1)]
    element = compare(page, SETUP, changed(rearOil=480, runs=laps))
    element.get_by_role("button", name="Next change").click()
    expect(element.get_by_role("status")).to_have_text("Change 2 of 5: Run 1 › Lap 51 → 52")
    element.get_by_role("button", name="Hide this place").click()
    expect(element.get_by_role("status")).to_have_text("Change 1 of 1: Rear oil 500 → 480")
    element.get_by_role("button", name="Hide this place").click()
    expect(element.get_by_text("Nothing else has changed.")).to_be_visible()
    element.get_by_role("button", name="Show all").click()
    expect(element.get_by_role("status")).to_contain_text("Change 1 of 5")


def test_a_narrow_window_shows_one_below_the_other(stage: Stage) -> None:
    page = stage.page()
    element = compare(page, SETUP, changed(frontOil=650))
    row = element.locator("li.now")
    expect(row).to_be_visible()
    beside = page.evaluate(IS_BESIDE)
    page.set_viewport_size(NARROW)
    assert (beside, page.evaluate(IS_BESIDE)) == (True, False)


IS_BESIDE = """() => {
    const row = document.querySelector("savepoint-compare").shadowRoot.querySelector("li.now");
    const [before, after] = [...row.querySelectorAll(".cell")].map((one) => one.getBoundingClientRect());
    return before.top === after.top;
}"""


def test_words_for_what_has_changed(stage: Stage) -> None:
    page = stage.page()
    say = "async ([a, b]) => elements.inWords(await elements.changes(a, b))"
    cases = [
        (SETUP, changed(frontOil=650, rearOil=1, notes="c"), "Front oil 600 → 650, 2 more"),
        (SETUP, SETUP, "Nothing has changed"),
        ("a\nb", "a\nc\nd", "Lines: 2 added, 1 removed"),
    ]
    for old, new, words in cases:
        texts = [one if isinstance(one, str) else json.dumps(one) for one in (old, new)]
        assert page.evaluate(say, texts) == words


def merging(stage: Stage, mine: Any, theirs: Any) -> tuple[Page, str]:
    page, id = in_conflict(stage, *(json.dumps(one) for one in (mine, theirs, SETUP)))
    page.get_by_role("button", name="Compare").click()
    return page, id


def test_edits_that_do_not_overlap_are_merged_already(stage: Stage) -> None:
    page, id = merging(stage, changed(frontOil=650), changed(rearOil=480))
    expect(page.get_by_text("Nothing overlaps. Both can be merged.")).to_be_visible()
    page.get_by_text("2 changes are merged already").click()
    expect(page.get_by_text("Mine: Front oil 600 → 650")).to_be_visible()
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("savepoint-status").get_by_role("button")).to_have_text("Saved")
    assert json.loads(stage.server.content(id)) == changed(frontOil=650, rearOil=480)
    assert json.loads(page.get_by_label("Text", exact=True).input_value()) == changed(frontOil=650, rearOil=480)


def test_each_overlap_is_asked_and_finish_leads_to_what_is_open(stage: Stage) -> None:
    mine = changed(frontOil=650, rearOil=510, notes="mine")
    page, id = merging(stage, mine, changed(frontOil=700, rearOil=480, track="Elsewhere"))
    progress = page.get_by_role("status").filter(has_text="decided")
    expect(progress).to_have_text("0 of 2 decided")
    page.get_by_role("group", name="Front oil").get_by_label("Theirs").check()
    expect(progress).to_have_text("1 of 2 decided")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("group", name="Rear oil").get_by_label("Mine")).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("savepoint-status").get_by_role("button")).to_have_text("Saved")
    merged = changed(frontOil=700, rearOil=510, notes="mine", track="Elsewhere")
    assert json.loads(stage.server.content(id)) == merged


def test_all_theirs_decides_everything_and_opening_or_closing_changes_nothing(stage: Stage) -> None:
    theirs = changed(frontOil=700, rearOil=480)
    page, id = merging(stage, changed(frontOil=650, rearOil=510), theirs)
    page.get_by_role("button", name="All theirs").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert json.loads(stage.server.content(id)) == theirs
    assert json.loads(page.get_by_label("Text", exact=True).input_value()) == changed(frontOil=650, rearOil=510)
    page.locator("savepoint-status").get_by_role("button").click()
    page.get_by_role("button", name="Decide…").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("0 of 2 decided")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("button", name="Keep both")).to_be_focused()


def test_comparing_can_be_done_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    page = stages(bypass_csp=True).page()
    runs = [RUNS[3], {**RUNS[0], "lap": 49}, RUNS[1]]
    element = compare(page, {**SETUP, **SAME}, {**changed(frontOil=650, tyres="Slick", runs=runs), **SAME})
    expect(element.get_by_text("Change 1 of")).to_be_visible()
    assert_accessible(page)
    pictures(page, tmp_path, "compare")


def test_merging_can_be_done_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    mine = changed(frontOil=650, rearOil=510, notes="mine")
    page, _ = merging(stages(bypass_csp=True), mine, changed(frontOil=700, rearOil=480, track="Elsewhere"))
    page.get_by_role("group", name="Front oil").get_by_label("Theirs").check()
    assert_accessible(page)
    pictures(page, tmp_path, "merge")
