"""The links of a document."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.elements.conftest import Stage, put
from tests.browser.elements.test_snapshots import opens
from tests.browser.line import answers
from tests.browser.tab import eventually
from tests.browser.watched import assert_accessible, pictures


def links(page: Page) -> Locator:
    return page.locator("[data-link]")


def frozen(stage: Stage, session: str, title: str) -> str:
    """Returns the id of a snapshot of a session."""
    return str(stage.server.act("POST", "/snapshots", {"sessionId": session, "title": title}))


def lets_copy(page: Page, *, works: bool) -> None:
    """Sets what the clipboard does. What it gets is `copied`."""
    page.evaluate(
        """(works) => {
            const writeText = async (text) => {
                if (!works) throw new DOMException("no", "NotAllowedError");
                window.copied = text;
            };
            Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
        }""",
        works,
    )


def test_the_end_of_a_link_is_shown_before_it_is_created(stages: Callable[..., Stage]) -> None:
    stage, other = stages(), stages()
    page = stage.on(stage.server.create("one", "Thunder Alley"))
    put(page, "savepoint-share")
    expect(page.get_by_text("No link leads to this document.")).to_be_visible()
    expect(page.get_by_label("Expires")).to_have_value("30")
    expect(page.get_by_text("The link expires on")).to_be_visible()
    page.get_by_label("Expires").select_option("in 7 days")
    expect(page.get_by_label("Title")).to_have_value("Thunder Alley")
    page.get_by_label("Title").fill("For the crew")
    page.get_by_label("Title").press("Enter")
    expect(links(page)).to_contain_text("For the crew")
    expect(links(page)).to_contain_text("Expires in 6 days")
    expect(page.get_by_role("button", name="Copy link to “For the crew”")).to_be_focused()
    id = links(page).get_attribute("data-link")
    assert other.server.act("GET", f"/snapshots/{id}")["content"] == "one"


def test_every_link_of_the_document_is_found_and_none_of_another(stage: Stage) -> None:
    session = stage.server.create("one", "Thunder Alley")
    frozen(stage, session, "Quite another title")
    stage.server.save(session, "two")
    frozen(stage, session, "Second")
    frozen(stage, stage.server.create("one", "Thunder Alley"), "Thunder Alley")
    page = stage.on(session)
    put(page, "savepoint-share")
    expect(links(page).locator("strong")).to_have_text(["Second", "Quite another title"])


def test_copied_is_said_each_time_and_only_if_it_is_true(stage: Stage) -> None:
    session = stage.server.create()
    id = frozen(stage, session, "Alpha")
    page = stage.on(session)
    put(page, "savepoint-share")
    lets_copy(page, works=True)
    copy = page.get_by_role("button", name="Copy link to “Alpha”")
    said = links(page).get_by_role("status")
    copy.click()
    expect(said).to_have_text("Copied")
    assert page.evaluate("copied").endswith(f"#/snapshot/{id}")
    first = said.evaluate("(one) => one.textContent")
    copy.click()
    expect(said).not_to_have_js_property("textContent", first)
    expect(said).to_have_text("Copied")
    lets_copy(page, works=False)
    copy.click()
    expect(said).to_have_text("Not copied: the link is selected, so copy it yourself.")
    field = page.get_by_label("Link to “Alpha”", exact=True)
    selected = "(one) => one.value.slice(one.selectionStart, one.selectionEnd)"
    eventually(page, lambda: field.evaluate(selected).endswith(id))


def test_visitors_are_shown_in_a_picture_and_in_words_without_the_owner(stages: Callable[..., Stage]) -> None:
    stage, other, third = stages(), stages(), stages()
    session = stage.server.create()
    id = frozen(stage, session, "Alpha")
    for person in (stage, other, other, third):
        opens(person, id)
    page = stage.on(session)
    put(page, "savepoint-share")
    page.get_by_role("button", name="Visitors of “Alpha”").click()
    expect(page.get_by_text("2 people opened it. Your own visits do not count.")).to_be_visible()
    table = page.get_by_role("table", name="Who opened it")
    expect(table.get_by_role("row").filter(has_text=other.name)).to_contain_text("2 visits")
    expect(table).not_to_contain_text(stage.name)
    picture = page.get_by_role("img")
    expect(picture.locator("rect")).to_have_count(1)
    expect(page.get_by_role("figure")).to_contain_text(": 2")


def test_a_server_that_shows_nobody_says_so_and_how_many(stages: Callable[..., Stage]) -> None:
    stage, other = stages(), stages()
    session = stage.server.create()
    opens(other, frozen(stage, session, "Alpha"))
    page = stage.on(session)
    put(page, "savepoint-share")
    stage.line.breaks(answers(403, '{"detail": "no"}', "application/problem+json"), "GET", "/visitors")
    page.get_by_role("button", name="Visitors of “Alpha”").click()
    expect(page.get_by_text("1 person opened it.")).to_be_visible()
    expect(page.get_by_text("This server does not show who opened it.")).to_be_visible()


def test_a_leaked_link_is_replaced_in_one_step_and_found_among_the_ended(stages: Callable[..., Stage]) -> None:
    stage, other = stages(), stages()
    session = stage.server.create("one")
    id = frozen(stage, session, "Alpha")
    page = stage.on(session)
    put(page, "savepoint-share")
    page.get_by_role("button", name="Replace link to “Alpha”").click()
    expect(page.get_by_text("“Alpha” has a new link. The old one is dead.")).to_be_visible()
    expect(links(page)).to_have_count(1)
    fresh = links(page).get_attribute("data-link")
    assert fresh != id and other.server.act("GET", f"/snapshots/{fresh}")["content"] == "one"
    assert other.server.status("GET", f"/snapshots/{id}") == 410
    page.get_by_label("Show ended links").check()
    expect(page.get_by_role("list", name="Ended links")).to_contain_text("Alpha")


def test_revoking_takes_two_clicks_and_tells_what_became_of_it(stage: Stage) -> None:
    session = stage.server.create()
    frozen(stage, session, "Alpha")
    page = stage.on(session)
    put(page, "savepoint-share")
    page.get_by_role("button", name="Revoke link to “Alpha”").click()
    stage.line.breaks(answers(503, '{"detail": "Try later."}', "application/problem+json"), "DELETE")
    page.get_by_role("dialog").get_by_role("button", name="Revoke link").click()
    expect(page.get_by_role("alert").filter(has_text="This did not work: Try later.")).to_be_visible()
    expect(links(page)).to_have_count(1)
    stage.line.works()
    page.get_by_role("button", name="Revoke link to “Alpha”").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke link").click()
    expect(page.get_by_text("The link to “Alpha” is dead.")).to_be_visible()
    expect(page.get_by_text("No link leads to this document.")).to_be_visible()
    expect(page.get_by_role("heading", name="Links to this document")).to_be_focused()


def test_a_title_that_is_being_typed_stays_when_the_document_gets_another(stage: Stage) -> None:
    page = stage.on(stage.server.create("one", "Thunder Alley"))
    put(page, "savepoint-share")
    page.get_by_label("Title").fill("For the crew")
    page.evaluate("doc.rename('Desert Loop')")
    expect(page.get_by_label("Title")).to_have_value("For the crew")
    page.get_by_role("button", name="Create link").dblclick()
    expect(links(page)).to_have_count(1)
    expect(links(page)).to_contain_text("For the crew")
    expect(page.get_by_label("Title")).to_have_value("Desert Loop")


def test_sharing_can_be_used_by_everyone(stages: Callable[..., Stage], tmp_path: Path) -> None:
    stage, other = stages(bypass_csp=True), stages()
    session = stage.server.create("one", "Thunder Alley")
    opens(other, frozen(stage, session, "Thunder Alley"))
    frozen(stage, session, "A title that is long enough to need more than one line in a narrow list")
    page = stage.on(session)
    put(page, "savepoint-share")
    page.get_by_role("button", name="Visitors of “Thunder Alley”").click()
    expect(page.get_by_role("img")).to_be_visible()
    page.get_by_label("Show ended links").check()
    assert_accessible(page)
    pictures(page, tmp_path, "share")
    page.evaluate("elements.setTexts('de', german)")
    assert_accessible(page)
    pictures(page, tmp_path, "share-german")
