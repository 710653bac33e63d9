"""Plain forms: whatever a person fills in comes back exactly (F36, F38, F39)."""

from playwright.sync_api import expect

from tests.browser.forms.conftest import FORM, Site, everything, fill_everything, on_device, ready, saved
from tests.browser.line import answers, never_arrives


def test_every_kind_of_field_comes_back_and_secrets_do_not(site: Site) -> None:
    page = site.page()
    fill_everything(page)
    saved(page)
    before = everything(page)
    page.close()
    again = site.page()
    expect(again.get_by_label("Name", exact=True)).to_have_value("Ümit, O'Hara")
    after = everything(again)
    differing = {name for name in before if before[name] != after[name]}
    assert {name.partition(" ")[2] for name in differing} == {"password", "code", "card", "off", "skipped"}
    assert all(after[name][0] == "" for name in differing)


def test_fields_that_are_added_later_are_kept_and_filled_when_they_come(site: Site) -> None:
    add = "(name) => document.querySelector('form').insertAdjacentHTML('beforeend', `<input name='${name}'>`)"
    page = site.page()
    page.evaluate(add, "row-1")
    page.locator("[name=row-1]").fill("added")
    saved(page)
    page.close()
    again = site.page()
    again.get_by_label("Name", exact=True).fill("meanwhile")
    saved(again)
    again.close()
    third = site.page()
    third.evaluate(add, "row-1")
    expect(third.locator("[name=row-1]")).to_have_value("added")


def test_what_a_script_sets_is_kept(site: Site) -> None:
    page = site.page()
    page.evaluate("document.querySelector('[name=name]').value = 'by script'")
    saved(page)
    page.close()
    expect(site.page().get_by_label("Name", exact=True)).to_have_value("by script")


def test_a_submit_that_fails_loses_nothing(site: Site) -> None:
    site.line.breaks(answers(500, "<h1>Sorry"), "POST", "/send")
    page = site.page()
    page.get_by_label("Name", exact=True).fill("precious")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Sorry")).to_be_visible()
    page.close()
    expect(site.page().get_by_label("Name", exact=True)).to_have_value("precious")


def test_after_a_success_that_the_server_tells_by_a_cookie_nothing_comes_back(site: Site) -> None:
    done = f"savepoint-done={site.name}; path=/"
    site.line.breaks(answers(200, "<h1>Thanks", **{"Set-Cookie": done}), "POST", "/send")
    page = site.page()
    page.get_by_label("Name", exact=True).fill("sent")
    saved(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thanks")).to_be_visible()
    again = site.page()
    assert again.get_by_label("Name", exact=True).input_value() == ""
    assert site.server.drafts() == [] and "savepoint-done" not in str(site.context.cookies())


def test_without_a_connection_it_is_on_the_device(site: Site) -> None:
    page = site.page()
    site.line.breaks(never_arrives)
    page.get_by_label("Name", exact=True).fill("offline")
    on_device(page)
    page.close()
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    expect(page.get_by_label("Name", exact=True)).to_have_value("offline")


def test_after_it_is_done_the_form_is_kept_again(site: Site) -> None:
    site.serves(opening="<form data-savepoint-address ")
    page = site.page()
    page.get_by_label("Name", exact=True).fill("first")
    saved(page)
    first = page.url
    page.evaluate("document.querySelector('form').savepoint.done()")
    assert page.url.endswith("#new") and site.server.drafts() == []
    page.evaluate("document.querySelector('form').reset()")
    page.wait_for_timeout(1_500)  # longer than the form waits between two looks
    assert page.evaluate("document.querySelector('form').savepoint.doc.state.dirty") is False
    page.get_by_label("Name", exact=True).fill("second")
    saved(page)
    assert [values["name:text:false"] for values in site.kept()] == ["second"] and page.url != first


def test_a_form_that_leaves_the_page_is_saved_and_let_go_and_is_kept_when_it_returns(site: Site) -> None:
    page = site.page()
    page.get_by_label("Name", exact=True).fill("before it left")
    page.evaluate(
        """() => {
          window.form = document.querySelector("form");
          window.first = form.savepoint.doc;
          form.remove();
        }"""
    )
    page.wait_for_function("() => first.state.version && !first.state.dirty")
    page.evaluate("form.elements.name.value = 'in no page'")
    page.wait_for_timeout(1_500)  # longer than the form waits between two looks
    assert page.evaluate("first.state.dirty") is False
    page.evaluate("form.elements.name.value = 'before it left'; document.body.append(form)")
    page.wait_for_function("() => form.savepoint.doc !== first")
    page.get_by_label("Name", exact=True).fill("after it returned")
    saved(page)
    assert "after it returned" in [values["name:text:false"] for values in site.kept()]


def test_a_form_can_be_locked_by_a_button_with_a_title(site: Site) -> None:
    button = '<button type="button" data-savepoint-lock>Lock</button>'
    site.serves(f"{FORM}{button}", '<form data-savepoint-title="name" ')
    page = site.page()
    page.get_by_label("Name", exact=True).fill("Thunder Alley")
    page.get_by_role("button", name="Lock").click()
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.draft === false")
    [session] = site.server.sessions()
    assert (session["title"], session["status"]) == ("Thunder Alley", "active")


def test_a_form_that_is_added_later_is_kept_too(site: Site) -> None:
    site.serves(around=("<template>", "</template>"))
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    page.evaluate("document.body.append(document.querySelector('template').content)")
    ready(page)
    page.get_by_label("Name", exact=True).fill("late")
    saved(page)
    assert [values for values in site.kept() if "late" in values.values()]
