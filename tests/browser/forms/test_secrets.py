"""Plain forms keep nothing that is secret, and put nothing back that could run (F35)."""

import json
import re
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Playwright, expect

from tests.browser.conftest import launch
from tests.browser.forms.conftest import (
    FORM,
    SECRETS,
    Site,
    fill_everything,
    saved,
)
from tests.browser.line import line_to
from tests.browser.server_side import ServerSide


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
