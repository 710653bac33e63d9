"""The page of the API description: it is complete, fetches nothing, and runs nothing."""

import base64
import hashlib
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from functions.openapi.docs_page import page
from persistence import stores_over
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS
from tests.openapi.conftest import operations
from tests.support.browser import CHROMIUM, visit
from tests.support.http import Client, assert_ok
from tests.support.storage import on_sqlite

# In CI these tests are not skipped: without Chromium, they fail.
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="no Chromium is installed"
)
TAGS = set("html head meta title style body h1 h2 p a nav ul li details summary".split())
TAGS |= set("code pre div table tr th td span small br".split())
EVIL = "</p><script>alert(1)</script>'\"&"


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    engine = SqliteEngine(tmp_path / "unused")
    yield Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS)
    await engine.close()


async def test_the_page_has_every_operation_every_parameter_and_every_schema(
    client: Client, document: dict[str, Any]
) -> None:
    response = assert_ok(await client.get("docs"))
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    elements = Elements(response.body.decode())
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(operations(document)) | {f"schema-{name}" for name in document["components"]["schemas"]} <= set(ids)
    for operation in operations(document).values():
        assert operation["path"] in elements.text and operation["summary"].replace("`", "") in elements.text
        assert all(each["name"] in elements.text for each in operation["parameters"] if "name" in each)
    assert elements.text.count("curl ") == len(operations(document))


async def test_links_of_the_page_stay_within_it(client: Client) -> None:
    elements = Elements((await client.get("docs")).body.decode())
    ids = {attributes.get("id") for _, attributes in elements.tags}
    links = {attributes["href"] or "" for tag, attributes in elements.tags if tag == "a"}
    assert {link.removeprefix("#") for link in links} - {"openapi.json"} <= ids
    assert {tag for tag, _ in elements.tags} <= TAGS
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith(("on", "src"))]


async def test_the_policy_allows_the_pages_own_style_and_nothing_else(client: Client) -> None:
    response = await client.get("docs")
    [style] = re.findall(r"<style>(.*?)</style>", response.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    directives = response.headers["content-security-policy"].split("; ")
    assert directives[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert set(directives[2:]) == {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}
    assert "unsafe" not in response.headers["content-security-policy"] and "url(" not in style


def test_whatever_stands_in_the_description_is_text_on_the_page(document: dict[str, Any]) -> None:
    html = page(_spoilt(document))
    assert "alert(1)" in html
    assert "script" not in {tag for tag, _ in Elements(html).tags}
    attributes = {name for _, given in Elements(html).tags for name in given}
    assert attributes <= {"id", "href", "class", "lang", "charset", "name", "content", "scope"}


def _spoilt(value: Any) -> Any:
    """Returns the description with hostile HTML in every text."""
    if isinstance(value, dict):
        words = ("description", "summary", "title", "pattern", "default")
        return {k: v + EVIL if k in words and isinstance(v, str) else _spoilt(v) for k, v in value.items()}
    return [_spoilt(each) for each in value] if isinstance(value, list) else value


async def test_the_description_is_made_once_and_served_as_json(client: Client) -> None:
    first, second = await client.get("openapi.json"), await client.get("openapi.json")
    assert assert_ok(first).headers["content-type"] == "application/json"
    assert first.body is second.body
    assert first.json["openapi"] == "3.1.0"


@needs_chromium
def test_a_browser_shows_the_page_and_fetches_nothing_for_it(tmp_path: Path, document: dict[str, Any]) -> None:
    with on_sqlite(tmp_path / "data").serve() as server:
        shown = visit(f"{server.base_url}/api/docs", tmp_path)
    assert shown.asked_for == frozenset()
    text = Elements(shown.dom).text
    assert "Savepoint API" in text
    assert all(operation["path"] in text for operation in operations(document).values())


@needs_chromium
@pytest.mark.parametrize("place", ["putDraft", "schema-NewSession"])
def test_a_link_opens_what_it_leads_to(tmp_path: Path, place: str) -> None:
    with on_sqlite(tmp_path / "data").serve() as server:
        shown = visit(f"{server.base_url}/api/docs#{place}", tmp_path)
    [opened] = re.findall(r"<details open[^>]*>.*?</details>", shown.dom, re.DOTALL)
    assert f'id="{place}"' in opened


class _Greedy(BaseHTTPRequestHandler):
    """A page that fetches something, as ours must not."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>Hello</p><img src='https://elsewhere.example/x.png'>")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def greedy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Greedy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@needs_chromium
def test_a_page_that_fetches_something_would_be_found_out(tmp_path: Path, greedy: str) -> None:
    shown = visit(greedy, tmp_path)
    assert "Hello" in shown.dom
    assert "https://elsewhere.example/x.png" in shown.asked_for
