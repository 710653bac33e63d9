"""Documents in the workbench: to open, edit, leave and come back to."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench.conftest import Visitor


def editor(page: Page) -> Locator:
    return page.locator("workbench-editor").get_by_role("textbox")


def light(page: Page) -> Locator:
    return page.locator("main savepoint-status").get_by_role("button").first


def test_the_first_address_leads_to_the_workbench(visitor: Visitor) -> None:
    page = visitor.page("/")
    expect(page).to_have_url(f"{visitor.origin}/api/workbench")
    expect(page.get_by_role("link", name="Sessions")).to_be_visible()


def test_a_new_document_is_saved_by_itself_and_has_an_address(visitor: Visitor) -> None:
    page = visitor.page()
    page.get_by_role("link", name="New document").click()
    editor(page).fill("hello")
    expect(light(page)).to_have_text("Saved")
    [draft] = visitor.server.drafts()
    assert visitor.server.content(draft["id"]) == "hello"
    page.reload()
    expect(editor(page)).to_have_text("hello")
    assert f"#/session/{draft['id']}" in page.url


def test_a_deep_link_opens_a_document_and_back_and_forward_work(visitor: Visitor) -> None:
    one, two = visitor.server.create("first text", "One"), visitor.server.create("second text", "Two")
    page = visitor.page(f"/api/workbench#/session/{one}")
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    page.evaluate("(id) => { location.hash = `#/session/${id}` }", two)
    expect(editor(page)).to_have_text("second text")
    page.go_back()
    expect(editor(page)).to_have_text("first text")
    page.go_forward()
    expect(editor(page)).to_have_text("second text")


def test_line_ends_of_other_systems_stay_as_they_are(visitor: Visitor) -> None:
    id = visitor.server.create("a\r\nb\rc\n", "Mixed")
    page = visitor.page(f"/api/workbench#/session/{id}")
    editor(page).press("Control+End")
    page.keyboard.type("d")
    expect(light(page)).to_have_text("Saved")
    page.wait_for_function("() => !document.title.startsWith('•')")
    assert visitor.server.content(id) == "a\r\nb\rc\nd"


def test_an_address_of_nothing_is_one_calm_page(visitor: Visitor) -> None:
    page = visitor.page("/api/workbench#/session/AAAAAAAAAAAA")
    expect(page.get_by_role("heading", name="There is nothing here that you can open")).to_be_visible()
    page.get_by_role("link", name="Show my documents").click()
    expect(page.get_by_role("link", name="Sessions")).to_have_attribute("aria-current", "page")
