"""Signing in to the pages at an OpenID Connect issuer, by code flow with PKCE."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests.browser.watched import people
from tests.browser.workbench.conftest import Visitor
from tests.support.node import NODE
from tests.support.storage import on_sqlite

OIDC = Path(__file__).resolve().parents[2] / "oidc"
LONG = 3_600

pytestmark = pytest.mark.skipif(
    not (OIDC / "node_modules").is_dir() and os.environ.get("CI") != "true",
    reason="the issuer of the tests is not installed: run `make setup`",
)


@dataclass(frozen=True)
class Issuer:
    """A running issuer. `pages` is the address of a server that trusts it."""

    address: str
    pages: str

    def rotate(self) -> None:
        httpx.post(f"{self.address}/rotate").raise_for_status()

    def tokens_live(self, seconds: int) -> None:
        httpx.post(f"{self.address}/seconds?{seconds}").raise_for_status()


@pytest.fixture(scope="module")
def issuer(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer, and a server whose people sign in there."""
    assert NODE is not None
    process = subprocess.Popen(
        [NODE, "server.mjs", str(LONG)], cwd=OIDC, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if line.startswith("http"))
        storage = on_sqlite(tmp_path_factory.mktemp("issuer") / "data")
        environ = {
            **{**storage.environ, "AUTH_MODE": "jwt", "JWT_ISSUERS": address, "JWT_AUDIENCE": "api://savepoint"},
            **{"JWT_SIGN_IN_CLIENT": "pages", "JWT_SIGN_IN_SCOPE": "profile user_impersonation"},
        }
        with type(storage)(environ).serve() as server:
            yield Issuer(address, server.base_url)
            assert "Traceback" not in server.stderr()
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def somebody(chromium: Browser, issuer: Issuer) -> Iterator[Visitor]:
    with people(Visitor, chromium, issuer.pages, {}) as one:
        yield one()


def opened(somebody: Visitor, path: str = "/api/workbench") -> Page:
    page = somebody.tab()
    page.goto(f"{somebody.origin}{path}")
    return page


def sign_in(page: Page, name: str) -> None:
    """Signs in by the pages of the issuer, and comes back."""
    page.locator("#who").get_by_role("button", name="Sign in").click()
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#who")).to_contain_text(f"Signed in as The person {name}")


def editor(page: Page) -> Locator:
    return page.locator("workbench-editor").get_by_role("textbox")


def save(page: Page, text: str) -> None:
    editor(page).fill(text)
    expect(page.locator("main savepoint-status").get_by_role("button").first).to_have_text("Saved")


def test_people_sign_in_come_back_to_their_place_and_work(somebody: Visitor) -> None:
    page = opened(somebody, "/api/workbench#/new")
    sign_in(page, somebody.name)
    assert page.url.endswith("/api/workbench#/new")
    save(page, "typed by somebody who signed in")
    page.reload()
    expect(editor(page)).to_have_text("typed by somebody who signed in")
    other = opened(somebody)
    expect(other.locator("#who")).to_contain_text("Signed in as")


def test_tokens_are_renewed_without_a_frame_also_under_a_new_key(somebody: Visitor, issuer: Issuer) -> None:
    issuer.tokens_live(30)  # less than the time before the end at which they are renewed
    page = opened(somebody, "/api/workbench#/new")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    frames: list[str] = []
    page.on("frameattached", lambda frame: frames.append(frame.url))
    sign_in(page, somebody.name)
    save(page, "one")
    issuer.rotate()
    asked.clear()
    save(page, "two")
    renewals = [each for each in asked if each.url == f"{issuer.address}/token"]
    assert renewals and all("grant_type=refresh_token" in (each.post_data or "") for each in renewals)
    assert frames == []
    issuer.tokens_live(LONG)


def test_no_server_of_ours_sees_a_code(somebody: Visitor) -> None:
    page = opened(somebody)
    sign_in(page, somebody.name)
    sent = [each.path + str(each.headers) for each in somebody.line.sent]
    assert sent and not any("code=" in each or "state=" in each for each in sent)


def test_signing_in_on_an_example_app_leads_back_to_it(somebody: Visitor) -> None:
    page = opened(somebody, "/api/workbench/race-prep")
    sign_in(page, somebody.name)
    assert "/api/workbench/race-prep" in page.url
    page.get_by_label("Track").fill("Thunder Alley")
    expect(page.locator("savepoint-status").get_by_role("button").first).to_have_text("Saved")


def test_who_cancels_is_told_so(somebody: Visitor) -> None:
    page = opened(somebody)
    page.locator("#who").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("You are not signed in:")).to_be_visible()
    assert page.url.endswith("#/sessions")


def test_signed_out_in_one_tab_and_in_again_in_another_saves_what_was_typed(somebody: Visitor) -> None:
    page = opened(somebody, "/api/workbench#/new")
    sign_in(page, somebody.name)
    save(page, "one")
    other = opened(somebody)
    other.get_by_role("button", name="Sign out").click()
    other.get_by_role("button", name="Yes, sign me out").click()
    light = page.locator("main savepoint-status").get_by_role("button").first
    editor(page).fill("two")
    expect(light).to_contain_text("Sign in to save")
    other.goto(f"{somebody.origin}/api/workbench")
    sign_in(other, somebody.name)
    page.bring_to_front()
    expect(light).to_have_text("Saved", timeout=40_000)
    page.reload()
    expect(editor(page)).to_have_text("two")
