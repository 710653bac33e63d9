"""Stored content in a real browser: no page of our origin can run it, apply it or frame it."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx
import pytest

from tests.devhost.server import DevhostServer
from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.storage import on_sqlite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response, Route

SCRIPT, STYLE = "text/javascript", "text/css"
MARK = "globalThis.ran = true; globalThis.postMessage?.('ran');"
PAGE = "/page"
POLICY = "default-src 'self'; worker-src 'self' blob:"

# By Sec-Fetch-Dest: the media type of the content, the content, and what a page does with its URL.
SHOWN = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
STYLESHEET = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'/>"
LOADED = "await new Promise(done => { element.onload = element.onerror = done; setTimeout(done, 2000); %s });"
ADDED = LOADED % "document.body.append(element)"
USES: dict[str, tuple[str, str, str]] = {
    "script": (
        SCRIPT,
        MARK,
        f"const element = document.createElement('script'); element.src = url; {ADDED} return globalThis.ran;",
    ),
    "script (module)": (SCRIPT, MARK, "await import(url); return globalThis.ran;"),
    "script (in a worker)": (
        SCRIPT,
        MARK,
        "const text = `try { importScripts('${location.origin}${url}') } catch (e) { postMessage('refused') }`;"
        "const worker = new Worker(URL.createObjectURL(new Blob([text])));"
        "return await new Promise(done => { worker.onmessage = e => done(e.data === 'ran'); });",
    ),
    "style": (
        STYLE,
        "body { color: rgb(1, 2, 3) }",
        f"const element = document.createElement('link'); element.rel = 'stylesheet'; element.href = url; {ADDED}"
        "return getComputedStyle(document.body).color === 'rgb(1, 2, 3)';",
    ),
    "worker": (
        SCRIPT,
        MARK,
        "const worker = new Worker(url); return await new Promise("
        "done => { worker.onmessage = () => done(true); worker.onerror = () => done(false); });",
    ),
    "sharedworker": (
        SCRIPT,
        "onconnect = e => e.ports[0].postMessage('ran');",
        "const worker = new SharedWorker(url); return await new Promise("
        "done => { worker.port.onmessage = () => done(true); worker.onerror = () => done(false); });",
    ),
    "serviceworker": (
        SCRIPT,
        MARK,
        "await navigator.serviceWorker.register(url, {scope: url}); return true;",
    ),
    "audioworklet": (
        SCRIPT,
        "registerProcessor('p', class extends AudioWorkletProcessor { process() { return false } })",
        "await new OfflineAudioContext(1, 9, 8000).audioWorklet.addModule(url); return true;",
    ),
    "iframe": (
        "text/html",
        "<p>framed",
        f"const element = document.createElement('iframe'); element.src = url; {ADDED}",
    ),
    "frame": (
        "text/html",
        "<p>framed",
        "const set = document.createElement('frameset'), element = document.createElement('frame');"
        f"element.src = url; set.append(element); {LOADED % 'document.documentElement.append(set)'}",
    ),
    "object": (
        "text/html",
        "<p>framed",
        f"const element = document.createElement('object'); element.data = url; {ADDED}",
    ),
    "embed": (
        "text/html",
        "<p>framed",
        f"const element = document.createElement('embed'); element.src = url; {ADDED}",
    ),
    "xslt": (
        "text/xsl",
        STYLESHEET,
        "const element = document.createElement('iframe'); element.src = `/xml?${encodeURIComponent(url)}`;"
        + ADDED,
    ),
}


SEEN = {"script", "script (module)", "iframe", "frame", "object", "embed", "xslt"}
"""The uses whose responses Playwright shows, and which may look the same to the page either way."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    with on_sqlite(tmp_path_factory.mktemp("data")).serve() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium is installed")
    # Not above, because machines without a browser need no Playwright.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root cannot use the sandbox, and the pages are our own.
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@pytest.fixture
def page(server: DevhostServer, browser: "Browser") -> Iterator["Page"]:
    """A page of the origin of the API, which trusts scripts, styles and frames of its own origin only."""
    with browser.new_page() as page:
        headers = {"Content-Security-Policy": POLICY}
        page.route(
            f"**{PAGE}", lambda route: route.fulfill(content_type="text/html", headers=headers, body="<body>")
        )
        page.route("**/xml?*", _xml)
        page.goto(server.base_url + PAGE)
        yield page


def _xml(route: "Route") -> None:
    href = unquote(route.request.url.partition("?")[2])
    body = f"<?xml-stylesheet type='text/xsl' href='{href}'?><a/>"
    route.fulfill(content_type="text/xml", body=body)


def stored(server: DevhostServer, media_type: str, content: str) -> str:
    """Saves content with its media type. Returns the path of its raw form."""
    api = f"{server.base_url}/api/persistence"
    new = {"title": "First", "description": None, "content": content, "mediaType": media_type}
    created = httpx.post(f"{api}/sessions", json=new, trust_env=False)
    assert created.status_code == 201
    return f"/api/persistence/sessions/{created.json()}/content"


@pytest.mark.parametrize("use", USES)
def test_no_page_can_use_stored_content_as(server: DevhostServer, page: "Page", use: str) -> None:
    media_type, content, script = USES[use]
    url = stored(server, media_type, content)
    statuses: set[int] = set()

    def note(response: "Response") -> None:
        if response.url.endswith(url):
            statuses.add(response.status)

    page.context.on("response", note)
    tried = f"try {{ return await (async () => {{ {script} }})() ?? 'loaded' }} catch (e) {{ return false }}"
    assert page.evaluate(f"async url => {{ {tried} }}", url) in (False, "loaded"), "the content ran"
    if use in SEEN:
        for _ in range(100):
            if statuses:
                break
            page.wait_for_timeout(50)  # events come a little later
        assert statuses == {403}


def test_a_page_can_fetch_stored_content_and_show_it_as_an_image(server: DevhostServer, page: "Page") -> None:
    url = stored(server, "image/svg+xml", SHOWN)
    assert page.evaluate("async url => (await fetch(url)).text()", url) == SHOWN
    show = "const image = new Image(); image.src = url; await image.decode(); return image.naturalWidth;"
    assert page.evaluate(f"async url => {{ {show} }}", url) == 9
    opened = page.goto(server.base_url + url)
    assert opened is not None and opened.status == 200
