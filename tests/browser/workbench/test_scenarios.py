"""What goes wrong for people, from its beginning to its end, by clicks in the workbench."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.line import answers, never_arrives
from tests.browser.tab import eventually
from tests.browser.workbench.conftest import Visitor

PROBLEM = "application/problem+json"


def editor(page: Page) -> Locator:
    return page.locator("workbench-editor").get_by_role("textbox")


def light(page: Page) -> Locator:
    return page.locator("main savepoint-status").get_by_role("button").first


def opened(visitor: Visitor, id: str) -> Page:
    page = visitor.page(f"/api/workbench#/session/{id}")
    expect(light(page)).to_have_text("Saved")
    return page


def type_at_end(page: Page, text: str) -> None:
    editor(page).press("Control+End")
    page.keyboard.type(text)


def conflict(visitor: Visitor) -> tuple[Page, str]:
    """Two windows of one document: the other one saves first. Returns the window that is asked."""
    id = visitor.server.create("base", "Thunder Alley")
    page = opened(visitor, id)
    held = visitor.line.holds("GET", f"/sessions/metadata/{id}")
    visitor.server.save(id, "theirs")
    type_at_end(page, " mine")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=20_000)
    held.release()
    visitor.line.works()
    expect(page.get_by_role("dialog")).to_contain_text("“Thunder Alley” was changed on Firefox on Linux")
    return page, id


@pytest.mark.parametrize(
    ("button", "current", "drafts"),
    [("Keep mine", "base mine", 0), ("Use theirs", "theirs", 0), ("Keep both", "theirs", 1)],
)
def test_each_way_out_of_a_conflict_loses_nothing(
    visitor: Visitor, button: str, current: str, drafts: int
) -> None:
    page, id = conflict(visitor)
    page.get_by_role("dialog").get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_function("() => !document.title.startsWith('•')")
    assert visitor.server.content(id) == current
    assert len(visitor.server.drafts()) == drafts
    if drafts:
        assert [visitor.server.content(each["id"]) for each in visitor.server.drafts()] == ["base mine"]
    assert "theirs" in visitor.server.history(id)


def test_a_conflict_can_be_compared_and_merged_piece_by_piece(visitor: Visitor) -> None:
    id = visitor.server.create('{"front": 600, "rear": 500, "tyres": "soft"}', "Thunder Alley")
    page = opened(visitor, id)
    visitor.server.save(id, '{"front": 600, "rear": 480, "tyres": "soft"}')
    editor(page).fill('{"front": 650, "rear": 520, "tyres": "soft"}')
    dialog = page.get_by_role("dialog").first
    expect(dialog).to_be_visible(timeout=20_000)
    dialog.get_by_role("button", name="Compare").click()
    expect(dialog.get_by_text("0 of 1 decided")).to_be_visible()
    dialog.get_by_role("radio", name="Theirs").or_(dialog.get_by_role("button", name="Theirs")).first.click()
    expect(dialog.get_by_text("1 of 1 decided")).to_be_visible()
    dialog.get_by_role("button", name="Finish").click()
    page.wait_for_function("() => !document.title.startsWith('•')", timeout=20_000)
    saved = visitor.server.content(id).replace(" ", "").replace("\n", "")
    assert saved == '{"front":650,"rear":480,"tyres":"soft"}'


def test_deleted_elsewhere_can_be_saved_as_new(visitor: Visitor) -> None:
    id = visitor.server.create("one", "Gone soon")
    page = opened(visitor, id)
    visitor.server.act("DELETE", f"/sessions/{id}")
    type_at_end(page, " two")
    expect(light(page)).to_have_text("Deleted elsewhere", timeout=20_000)
    light(page).click()
    page.get_by_role("button", name="Save as new").click()
    expect(light(page)).to_have_text("Saved", timeout=20_000)
    assert "one two" in visitor.server.everything()


def test_offline_and_back(visitor: Visitor) -> None:
    id = visitor.server.create("one")
    page = opened(visitor, id)
    visitor.line.breaks(never_arrives)
    type_at_end(page, " two")
    expect(light(page)).to_contain_text("Offline: kept on this device", timeout=20_000)
    visitor.line.works()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(light(page)).to_have_text("Saved", timeout=20_000)
    assert visitor.server.content(id) == "one two"


def test_signed_out_and_in_again(visitor: Visitor) -> None:
    id = visitor.server.create("one")
    page = opened(visitor, id)
    out = '{"error": {"type": "unauthenticated", "message": "x"}, "detail": "x", "status": 401}'
    visitor.line.breaks(answers(401, out, PROBLEM))
    type_at_end(page, " two")
    expect(light(page)).to_contain_text("Sign in to save", timeout=20_000)
    visitor.line.works()
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(light(page)).to_have_text("Saved", timeout=30_000)
    assert visitor.server.content(id) == "one two"


def test_too_large_says_the_size_and_what_helps(visitor: Visitor) -> None:
    id = visitor.server.create("one", "Large")
    page = opened(visitor, id)
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text/plain", "x".repeat(1_700_000));
            const content = document.querySelector("workbench-editor").shadowRoot.querySelector(".cm-content");
            const options = { clipboardData: data, bubbles: true, cancelable: true };
            content.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )
    expect(light(page)).to_have_text("Too large: 1.6 MiB of 1.5 MiB", timeout=30_000)
    assert visitor.server.content(id) == "one"


def test_a_snapshot_is_shared_with_another_person_counted_and_revoked(
    visitors: Callable[..., Visitor],
) -> None:
    owner, guest = visitors(), visitors()
    id = owner.server.create("shared text", "Thunder Alley")
    page = opened(owner, id)
    page.get_by_role("button", name="Share").click()
    share = page.locator("savepoint-share")
    share.get_by_role("button", name="Create link").click()
    expect(share.get_by_role("button", name="Copy link").first).to_be_visible()
    [snapshot] = owner.server.act("GET", "/snapshots")["items"]
    other = guest.page(f"/api/workbench#/snapshot/{snapshot['id']}")
    expect(other.get_by_role("heading", name="Thunder Alley")).to_be_visible()
    expect(editor(other)).to_have_text("shared text")
    other.get_by_role("button", name="Make a copy").dblclick()
    expect(other.get_by_role("heading", name="Thunder Alley (copy)")).to_be_visible()
    assert [each["title"] for each in guest.server.sessions()] == ["Thunder Alley (copy)"]
    stats = f"/snapshots/{snapshot['id']}/stats"
    eventually(page, lambda: owner.server.act("GET", stats)["visitors"] == 2)
    owner.server.act("DELETE", f"/snapshots/{snapshot['id']}")
    third = guest.page(f"/api/workbench#/snapshot/{snapshot['id']}")
    expect(third.get_by_role("heading", name="There is nothing here that you can open")).to_be_visible()


def test_an_encrypted_link_is_shown_once_and_opens_only_whole(visitors: Callable[..., Visitor]) -> None:
    owner, guest = visitors(), visitors()
    page = opened(owner, owner.server.create("the recipe", "Thunder Alley"))
    page.get_by_role("button", name="Share").click()
    share = page.locator("savepoint-share")
    share.get_by_label("Encrypt: only who has the whole link can read it").check()
    expect(share.get_by_label("Title")).to_have_value("Encrypted")
    share.get_by_role("button", name="Create link").click()
    expect(share.get_by_text("Copy the link to “Encrypted” now.")).to_be_visible()
    link = share.get_by_role("textbox", name="Link to “Encrypted”").input_value()
    [snapshot] = owner.server.act("GET", "/snapshots")["items"]
    address, _, key = link.partition(f"#/snapshot/{snapshot['id']}/")
    assert address.endswith("/api/workbench") and len(key) == 43
    assert "recipe" not in owner.server.act("GET", f"/snapshots/{snapshot['id']}")["content"]
    other = guest.page(link.removeprefix(owner.origin))
    expect(editor(other)).to_have_text("the recipe")
    expect(other.get_by_role("heading", name="Encrypted")).to_be_visible()
    cut = guest.page(f"/api/workbench#/snapshot/{snapshot['id']}")
    expect(cut.get_by_text("The link has no key.")).to_be_visible()
    sent = owner.line.sent + guest.line.sent
    assert not any(key in each.path or key.encode() in each.body for each in sent)


def test_an_old_version_is_looked_at_and_restored(visitor: Visitor) -> None:
    id = visitor.server.create("first", "Thunder Alley")
    visitor.server.save(id, "second")
    visitor.server.save(id, "third")
    page = opened(visitor, id)
    page.get_by_role("button", name="History").click()
    history = page.locator("savepoint-history")
    history.get_by_text("Version 1", exact=True).click()
    expect(history.locator("savepoint-version")).to_contain_text("first")
    assert visitor.server.version(id) == 3, "looking makes no version"
    history.get_by_role("button", name="Restore").click()
    confirm = history.get_by_role("dialog").get_by_role("button", name="Restore")
    confirm.click()
    expect(editor(page)).to_have_text("first")
    expect(history).to_contain_text("restored from v1")
    page.get_by_role("button", name="Undo").click()
    expect(editor(page)).to_have_text("third")


def test_a_list_shows_a_new_document_and_hides_it_once_it_is_deleted(visitor: Visitor) -> None:
    page = visitor.page("/api/workbench#/new?list=drafts")
    expect(page.get_by_text("Nothing", exact=False).first).to_be_visible()
    editor(page).fill("one")
    row = page.locator("savepoint-open").get_by_text("Untitled")
    expect(row).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_be_hidden()


def test_leaving_asks_only_if_something_is_not_saved_and_stay_stays(visitor: Visitor) -> None:
    id = visitor.server.create("one", "Thunder Alley")
    other = visitor.server.create("other", "Other")
    page = opened(visitor, id)
    visitor.line.breaks(never_arrives, "PUT|PATCH|POST")
    type_at_end(page, " two")
    expect(light(page)).to_contain_text("Offline", timeout=20_000)
    page.locator("savepoint-open").get_by_text("Other").click()
    dialog = page.get_by_role("dialog", name="Not everything is saved")
    dialog.get_by_role("button", name="Stay").click()
    expect(editor(page)).to_have_text("one two")
    assert f"#/session/{id}" in page.url
    page.locator("savepoint-open").get_by_text("Other").click()
    dialog.get_by_role("button", name="Leave (kept on this device)").click()
    expect(editor(page)).to_have_text("other")
    assert f"#/session/{other}" in page.url
    visitor.line.works()
    page.go_back()
    expect(editor(page)).to_have_text("one two")
    expect(light(page)).to_have_text("Saved", timeout=20_000)


def test_delete_goes_to_the_trash_and_undo_brings_it_back(visitor: Visitor) -> None:
    id = visitor.server.create("one", "Thunder Alley")
    page = opened(visitor, id)
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_text("“Thunder Alley” is in the trash.")).to_be_visible()
    assert not visitor.server.has(id)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Thunder Alley")).to_be_visible()
    assert visitor.server.content(id) == "one"


def test_nothing_can_be_typed_into_a_document_that_is_being_left(visitor: Visitor) -> None:
    one, two = visitor.server.create("one", "Alpha"), visitor.server.create("two", "Beta")
    page = opened(visitor, one)
    held = visitor.line.holds("GET", f"/sessions/{two}$")
    page.locator("savepoint-open").get_by_text("Beta").click()
    held.wait()
    expect(page.get_by_text("Opening…")).to_be_visible()
    expect(page.locator("workbench-editor")).to_be_hidden()
    held.release()
    expect(editor(page)).to_have_text("two")


def test_what_is_typed_just_before_leaving_is_saved(visitor: Visitor) -> None:
    one = visitor.server.create("one", "Alpha")
    visitor.server.create("two", "Beta")
    page = opened(visitor, one)
    type_at_end(page, " typed")
    page.locator("savepoint-open").get_by_text("Beta").click()
    expect(editor(page)).to_have_text("two")
    page.go_back()
    expect(editor(page)).to_have_text("one typed")
    expect(light(page)).to_have_text("Saved")
    eventually(page, lambda: visitor.server.content(one) == "one typed")


def test_an_opening_that_hangs_stops_nobody(visitor: Visitor) -> None:
    one, two = visitor.server.create("one", "Alpha"), visitor.server.create("two", "Beta")
    page = opened(visitor, one)
    held = visitor.line.holds("GET", f"/sessions/{two}$")
    page.locator("savepoint-open").get_by_text("Beta").click()
    held.wait()
    page.get_by_role("link", name="Usage").click()
    expect(page.locator("savepoint-usage")).to_contain_text("kept")
    page.get_by_role("link", name="Sessions").click()
    page.locator("savepoint-open").get_by_text("Alpha").click()
    expect(editor(page)).to_have_text("one")
    with page.expect_response(lambda response: two in response.url):
        held.release()
    expect(editor(page)).to_have_text("one")


def test_delete_takes_what_is_not_saved_along_and_undo_brings_it_back(visitor: Visitor) -> None:
    id = visitor.server.create("one", "Thunder Alley")
    page = opened(visitor, id)
    type_at_end(page, " unsaved")
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_text("“Thunder Alley” is in the trash.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(editor(page)).to_have_text("one unsaved")


def test_a_document_that_was_never_saved_is_not_said_to_be_in_the_trash(visitor: Visitor) -> None:
    page = visitor.page("/api/workbench#/new")
    expect(editor(page)).to_be_focused()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("workbench-editor")).to_be_hidden()
    expect(page.get_by_text("is in the trash")).to_be_hidden()


def test_a_file_that_is_dropped_on_the_editor_is_no_text(visitor: Visitor) -> None:
    id = visitor.server.create("my text", "Thunder Alley")
    page = opened(visitor, id)
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(['{"kind": "session", "metadata": {"title": "Dropped"}}'], "one.ndjson"));
            const content = document.querySelector("workbench-editor").shadowRoot.querySelector(".cm-content");
            const options = { dataTransfer: data, bubbles: true, cancelable: true, composed: true };
            const types = ["dragenter", "dragover", "drop"];
            for (const type of types) content.dispatchEvent(new DragEvent(type, options));
        }"""
    )
    expect(page.get_by_role("heading", name="one.ndjson: 1 document")).to_be_visible()
    expect(editor(page)).to_have_text("my text")


@pytest.mark.parametrize("address", ["#/session/AAAAAAAAAAAA", "#/transfer"])
def test_the_focus_is_never_on_the_body_after_a_change_of_place(visitor: Visitor, address: str) -> None:
    page = opened(visitor, visitor.server.create("one", "Alpha"))
    page.evaluate("(address) => { location.hash = address }", address)
    page.wait_for_function("() => document.activeElement?.localName === 'h2'")


def test_undo_after_its_document_is_closed_says_what_to_do(visitor: Visitor) -> None:
    id = visitor.server.create("first", "Alpha")
    visitor.server.create("other", "Beta")
    visitor.server.save(id, "second")
    page = opened(visitor, id)
    page.get_by_role("button", name="History").click()
    history = page.locator("savepoint-history")
    history.get_by_text("Version 1", exact=True).click()
    history.get_by_role("button", name="Restore").click()
    history.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(editor(page)).to_have_text("first")
    page.locator("savepoint-open").get_by_text("Beta").click()
    expect(editor(page)).to_have_text("other")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The document is closed.")).to_be_visible()
