"""A site with one form, and a person who fills it in."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.line import Line, line_to
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
    page.wait_for_function("() => document.querySelector('form').savepoint?.doc.state.safe === 'device'")


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
