"""Who one is: another person of one's own in `local`, else the person of the platform, or a way to sign in."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watched import people
from tests.browser.workbench.conftest import Visitor
from tests.support.storage import on_sqlite

PLATFORM = {"AUTH_MODE": "easyauth", "AUTH_PROVIDERS": "aad", "WEBSITE_AUTH_ENABLED": "True"}
PRINCIPAL = {"auth_typ": "aad", "claims": [{"typ": "oid", "val": "ann-of-the-platform"}]}
SIGNED_IN = {
    "X-MS-CLIENT-PRINCIPAL-ID": "ann-of-the-platform",
    "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(PRINCIPAL).encode()).decode(),
}


def test_in_the_mode_local_a_tab_can_be_another_person(visitor: Visitor) -> None:
    visitor.server.create("mine", "Of the first person")
    page = visitor.page()
    listed = page.locator("savepoint-open")
    expect(listed.get_by_text("Of the first person")).to_be_visible()
    person = page.get_by_label("Person", exact=True)
    person.fill(f"{visitor.name}-two")
    page.get_by_role("button", name="Switch").click()
    expect(person).to_have_value(f"{visitor.name}-two")
    expect(listed.get_by_text("What you save lands here.")).to_be_visible()
    expect(listed.get_by_text("Of the first person")).to_be_hidden()
    expect(visitor.page().get_by_label("Person", exact=True)).to_have_value(visitor.name)


@pytest.fixture
def on_platform(chromium: Browser, built: Path, tmp_path: Path) -> Iterator[Callable[..., Visitor]]:
    """Makes people in front of a server that trusts App Service Authentication."""
    storage = on_sqlite(tmp_path / "data")
    with replace(storage, environ={**storage.environ, **PLATFORM}).serve() as server:
        with people(Visitor, chromium, server.base_url, {}) as one:
            yield one


def test_who_is_not_signed_in_gets_a_link_to_the_platform_s_page(on_platform: Callable[..., Visitor]) -> None:
    page = on_platform().page("/api/workbench#/usage")
    link = page.get_by_role("link", name="Sign in")
    back = quote("/api/workbench#/usage", safe="")
    expect(link).to_have_attribute("href", f"/.auth/login/aad?post_login_redirect_uri={back}")


def test_who_is_signed_in_is_named_and_cannot_be_another(on_platform: Callable[..., Visitor]) -> None:
    page = on_platform(extra_http_headers=SIGNED_IN).page()
    expect(page.get_by_text("Signed in as ann-of-the-platform")).to_be_visible()
    expect(page.get_by_role("button", name="Switch")).to_be_hidden()
