"""Plain forms: what was typed comes back exactly, and nothing that is secret is ever kept (F35, F36, F38, F39)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.conftest import launch
from tests.browser.line import Line, answers, line_to, never_arrives
from tests.browser.server_side import ServerSide

FORM = """
<label>Name <input name="name"></label>
<label>Mail <input name="mail" type="email"></label>
<label>Day <input name="day" type="date"></label>
<label>Time <input name="time" type="time"></label>
<label>Colour <input name="colour" type="color"></label>
<label>Range <input name="range" type="range" min="0" max="10"></label>
<label>Nameless <input></label>
<label>Nameless too <input></label>
<label>Small <input type="radio" name="size" value="s"></label>
<label>Large <input type="radio" name="size" value="l"></label>
<label>One <input type="checkbox" name="x[]" value="1,5"></label>
<label>Two <input type="checkbox" name="x[]" value="2"></label>
<label>Tags <select name="tags" multiple><option>a,b</option><option>c</option><option>d</option></select></label>
<label>Class <select name="class"><option></option><option>Stock</option><option>Truck</option></select></label>
<label>Notes <textarea name="notes"></textarea></label>
<div contenteditable role="textbox" aria-label="Rich" id="rich"></div>
<label>Password <input name="password" type="password"></label>
<label>Code <input name="code" autocomplete="one-time-code"></label>
<label>Card <input name="card" autocomplete="section-a billing cc-number"></label>
<label>Off <input name="off" autocomplete="off"></label>
<label>Skipped <input name="skipped" data-savepoint-skip></label>
<input type="hidden" name="token" value="TOKEN">
<button>Send</button>
"""
PAGE = """<!doctype html>
<html lang="en" data-base-url="/api/persistence">
<title>A form</title>
<form data-savepoint="{name}" action="/send" method="post">{form}</form>
<script>
  // The header of the person, as a cookie would be.
  const real = fetch;
  window.fetch = (url, options) =>
    real(url, {{ ...options, headers: {{ ...options?.headers, "X-User-Id": "{user}" }} }});
</script>
<script type="module" src="/api/client/forms.js"></script>
"""
SECRETS = {"Password": "hunter2-secret", "Code": "987654-secret", "Card": "4111-secret", "Off": "off-secret"}


@dataclass
class Site:
    """A site with one form, and a person who fills it in."""

    user: str
    name: str
    context: BrowserContext
    origin: str
    line: Line
    server: ServerSide

    def serves(self, form: str = FORM, opening: str = "<form ", around: tuple[str, str] = ("", "")) -> None:
        page = PAGE.format(name=self.name, user=self.user, form=form).replace("<form ", f"{around[0]}{opening}")
        self.line.pages = {"/form.html": page.replace("</form>", f"</form>{around[1]}")}

    def page(self) -> Page:
        page = self.context.new_page()
        page.goto(f"{self.origin}/form.html")
        ready(page)
        return page

    def kept(self) -> list[dict[str, Any]]:
        """Returns the values that the server has of each draft."""
        return [json.loads(self.server.content(each["id"]))["values"] for each in self.server.drafts()]


def ready(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('form').savepoint")


def saved(page: Page) -> None:
    page.wait_for_function(
        "() => (({ dirty, version }) => !dirty && version)(document.querySelector('form').savepoint.doc.state)"
    )


def on_device(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.safe === 'device'")


@pytest.fixture
def site(chromium: Browser, server_origin: str) -> Iterator[Site]:
    user = f"person-{uuid4().hex[:8]}"
    with line_to(server_origin, {}) as (origin, line):
        site = Site(
            user, f"f{uuid4().hex[:8]}", chromium.new_context(), origin, line, ServerSide(server_origin, user)
        )
        site.serves()
        yield site
        site.context.close()
        site.server.close()


def fill_everything(page: Page) -> None:
    for label, value in {
        **{"Name": "Ümit, O'Hara", "Mail": "a@b.example", "Day": "2026-11-26", "Time": "14:02"},
        **{"Colour": "#0b57d0", "Range": "7", "Nameless": "one", "Nameless too": "two", "Notes": "a\nb  c"},
        **{**SECRETS, "Skipped": "skipped-secret"},
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Large").check()
    page.get_by_label("One").check()
    page.get_by_label("Tags").select_option(["a,b", "d"])
    page.get_by_label("Class").select_option("Truck")
    page.get_by_label("Rich").press_sequentially("bold")


def everything(page: Page) -> dict[str, Any]:
    """Returns what each field shows."""
    shown: dict[str, Any] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("input,select,textarea,[contenteditable]")].map(
            (field, at) => [`${at} ${field.name ?? field.id}`,
                [field.value ?? field.innerHTML, field.checked ?? null,
                 field.selectedOptions ? [...field.selectedOptions].map(({ value }) => value) : null]]))"""
    )
    return shown


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


def test_nothing_secret_is_on_the_device_or_on_the_server(
    playwright: Playwright, server_origin: str, tmp_path: Path
) -> None:
    user = f"person-{uuid4().hex[:8]}"
    with line_to(server_origin, {}) as (origin, line):
        context = launch(playwright, tmp_path / "profile")
        site = Site(user, "secrets", context, origin, line, ServerSide(server_origin, user))
        site.serves()
        page = site.page()
        fill_everything(page)
        saved(page)
        [values] = site.kept()
        context.close()
        site.server.close()
    wanted = [*SECRETS.values(), "skipped-secret", "TOKEN"]
    assert not [secret for secret in wanted if secret in json.dumps(values)]
    sent = b"".join(each.body for each in line.sent)
    assert not [secret for secret in wanted if secret.encode() in sent]
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file()]
    journal = [path for path in files if "IndexedDB" in str(path) or "Local Storage" in str(path)]
    assert journal
    for path in journal:
        data = path.read_bytes()
        for secret in wanted:
            assert secret.encode() not in data and secret.encode("utf-16-le") not in data, (path, secret)


def test_the_token_of_a_form_is_that_of_the_page(site: Site) -> None:
    page = site.page()
    page.get_by_label("Name", exact=True).fill("x")
    saved(page)
    page.close()
    site.serves(FORM.replace("TOKEN", "NEWER"))
    again = site.page()
    assert again.locator("[name=token]").input_value() == "NEWER"


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


def test_without_a_connection_it_is_on_the_device(site: Site) -> None:
    page = site.page()
    site.line.breaks(never_arrives)
    page.get_by_label("Name", exact=True).fill("offline")
    on_device(page)
    page.close()
    page = site.context.new_page()
    page.goto(f"{site.origin}/form.html")
    expect(page.get_by_label("Name", exact=True)).to_have_value("offline")


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


def test_a_password_that_is_shown_stays_a_secret(site: Site) -> None:
    page = site.page()
    page.get_by_label("Password").fill("hunter2-secret")
    page.evaluate("document.querySelector('[name=password]').type = 'text'")
    page.evaluate(
        """() => {
          document.querySelector("form").insertAdjacentHTML("beforeend", "<input type=password name=again>");
          const field = document.querySelector("[name=again]");
          field.value = "again-secret";
          field.type = "text";
        }"""
    )
    page.get_by_label("Name", exact=True).fill("open")
    saved(page)
    [values] = site.kept()
    assert not [each for each in values.values() if "secret" in str(each)]


def test_secrets_are_known_by_the_form_and_by_their_names(site: Site) -> None:
    names = ["userPass", "passwd", "new-password", "otp", "loginOtp", "card_cvc", "CVV2", "pwd"]
    open_names = ["passenger", "compass", "bypass", "hotplate", "spotprice", "passport"]
    site.serves("".join(f'<input name="{name}">' for name in [*names, *open_names]) + '<input name="Name">')
    page = site.page()
    for name in [*names, *open_names]:
        page.locator(f"[name={name}]").fill(f"of {name}")
    saved(page)
    [values] = site.kept()
    assert {key.partition(":")[0] for key in values} == {*open_names, "Name"}
    page.close()
    site.serves('<input name="one"><input name="other" autocomplete="on">', '<form autocomplete="off" ')
    page = site.page()
    page.get_by_role("button", name="Discard").click()
    page.locator("[name=one]").fill("secret")
    page.locator("[name=other]").fill("open")
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.dirty")
    saved(page)
    [values] = site.kept()
    assert (values["other:text:false"], "one:text:false" in values) == ("open", False)


def test_what_was_kept_of_a_field_that_is_a_secret_now_is_given_up(site: Site) -> None:
    site.serves('<input name="key"><input name="name">')
    page = site.page()
    page.locator("[name=key]").fill("hunter2-secret")
    saved(page)
    page.close()
    site.serves('<input name="key" type="password"><input name="name">')
    page = site.page()
    page.locator("[name=name]").fill("x")
    page.wait_for_function("() => document.querySelector('form').savepoint.doc.state.version > 1")
    saved(page)
    assert site.kept() == [{"name:text:false": "x"}]


def test_editable_text_comes_back_without_what_could_run(site: Site) -> None:
    page = site.page()
    evil = """<p dir="rtl" style="x" onclick="ran()">a <b>b</b><font>kept</font></p><img src=x onerror="ran()">
<a href="https://a.example/" onclick="ran()">good</a><a href="jav&#9;ascript:ran()">bad</a>
<form action="//b"></form>
<svg><a xlink:href="javascript:ran()"><animate attributeName="href" values="javascript:ran()"/>c</a></svg>
<script>ran()</script><ol start="3" type="a"><li>d</li></ol>
<math><mtext><table><mglyph><style><img src onerror=ran()>"""
    page.evaluate(
        "(text) => { const one = document.createElement('template'); one.innerHTML = text;"
        " document.querySelector('#rich').append(one.content); }",
        evil,
    )
    saved(page)
    page.close()
    again = site.page()
    expect(again.get_by_label("Rich")).to_contain_text("kept")
    html = again.locator("#rich").inner_html()
    assert '<p dir="rtl">a <b>b</b>kept</p>' in html and '<a href="https://a.example/">good</a><a>bad</a>' in html
    assert '<ol start="3" type="a"><li>d</li></ol>' in html
    assert not re.search(r"<(script|svg|math|img|style|form)|ran\(|on\w+=|style=", html)


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
