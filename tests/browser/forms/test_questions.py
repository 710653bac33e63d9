"""Plain forms ask where they cannot know, and lose nothing that is typed before the answer."""

import pytest
from playwright.sync_api import expect

from tests.browser.forms.conftest import FORM, Site, ready, saved
from tests.browser.line import answers
from tests.browser.server_side import ServerSide


def test_where_the_server_has_other_values_now_the_person_is_asked(site: Site) -> None:
    page = site.page()
    page.get_by_label("Name", exact=True).fill("mine")
    saved(page)
    page.close()
    site.serves(FORM.replace('<input name="name">', '<input name="name" value="of the server">'))
    again = site.page()
    name = again.get_by_label("Name", exact=True)
    expect(again.get_by_text("We kept what you typed on")).to_be_visible()
    expect(name).to_have_value("of the server")
    again.get_by_role("button", name="Restore").click()
    expect(name).to_have_value("mine")


def test_what_is_typed_before_the_drafts_are_there_is_kept_and_the_rest_is_filled_in(site: Site) -> None:
    page = site.page()
    page.get_by_label("Name", exact=True).fill("of the draft")
    page.get_by_label("Notes").fill("notes of the draft")
    page.get_by_label("Small").check()
    saved(page)
    page.close()
    held = site.line.holds("GET")
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    held.wait()
    page.get_by_label("Name", exact=True).fill("typed early")
    page.get_by_label("Large").check()
    held.release()
    expect(page.get_by_label("Notes")).to_have_value("notes of the draft")
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed early")
    expect(page.get_by_label("Large")).to_be_checked()
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.version > 1")
    [values] = site.kept()
    assert (values["name:text:false"], values["notes:textarea:false"]) == ("typed early", "notes of the draft")


def test_what_is_typed_before_there_is_any_draft_is_kept(site: Site) -> None:
    held = site.line.holds("GET")
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    held.wait()
    page.get_by_label("Name", exact=True).fill("typed early")
    held.release()
    ready(page)
    saved(page)
    assert [values["name:text:false"] for values in site.kept()] == ["typed early"]


def test_what_is_typed_while_a_draft_is_picked_is_kept(site: Site) -> None:
    site.serves(opening="<form data-savepoint-address ")
    for name in ("one", "other"):
        page = site.context.new_page()
        page.goto(f"{site.origin}/form.html#new")
        ready(page)
        page.get_by_label("Name", exact=True).fill(name)
        saved(page)
        page.close()
    site.serves(opening="<form data-savepoint-pick ")
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    expect(page.get_by_text("Which one do you want to go on with?")).to_be_visible()
    page.get_by_label("Notes").fill("typed meanwhile")
    page.locator(".savepoint-kept button").first.click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("other")
    expect(page.get_by_label("Notes")).to_have_value("typed meanwhile")
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.version > 1")
    assert {values["notes:textarea:false"] for values in site.kept()} == {"typed meanwhile", ""}


@pytest.mark.parametrize("choice", ["Restore", "Discard"])
def test_what_is_typed_under_the_question_is_kept_and_nobody_is_asked_again(site: Site, choice: str) -> None:
    page = site.page()
    page.get_by_label("Name", exact=True).fill("mine")
    saved(page)
    page.close()
    site.serves(FORM.replace('<input name="name">', '<input name="name" value="of the server">'))
    page = site.page()
    page.get_by_label("Notes").fill("typed below")
    page.get_by_role("button", name=choice).click()
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.version > 1")
    saved(page)
    page.close()
    again = site.page()
    expect(again.get_by_label("Notes")).to_have_value("typed below")
    expect(again.get_by_label("Name", exact=True)).to_have_value(
        "mine" if choice == "Restore" else "of the server"
    )
    assert again.locator(".savepoint-kept").count() == 0


@pytest.mark.parametrize("what", ["no id at all!", "AAAAAAAAAAAA", "deleted", "of another person"])
def test_an_id_in_the_address_that_is_not_there_begins_a_new_draft_and_says_so(
    site: Site, server_origin: str, what: str
) -> None:
    id = what
    if what == "deleted":
        id = site.server.create()
        site.server.act("DELETE", f"/sessions/{id}")
    elif what == "of another person":
        other = ServerSide(server_origin, f"{site.user}-other")
        id = other.create()
        other.close()
    site.serves(opening="<form data-savepoint-address ")
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html#{id}")
    ready(page)
    expect(page.get_by_text("is not there, or is not yours")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("kept all the same")
    saved(page)
    assert [values["name:text:false"] for values in site.kept()] == ["kept all the same"]


def test_when_the_draft_cannot_be_read_yet_the_form_says_so_and_tries_again(site: Site) -> None:
    site.serves(opening="<form data-savepoint-address ")
    page = site.page()
    page.get_by_label("Name", exact=True).fill("on the server")
    saved(page)
    address = page.url
    page.close()
    site.line.breaks(answers(503, "busy"), "GET", "/sessions/")
    page = site.context.new_page()
    page.goto(address)
    expect(page.get_by_text("What you type is not kept yet: No response.")).to_be_visible()
    page.get_by_label("Notes").fill("typed meanwhile")
    site.line.works()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_label("Name", exact=True)).to_have_value("on the server")
    expect(page.get_by_label("Notes")).to_have_value("typed meanwhile")
    assert page.locator(".savepoint-kept").count() == 0
