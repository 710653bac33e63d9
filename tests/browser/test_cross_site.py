"""A page of another site in a browser that is signed in: it changes nothing, and learns nothing of its visitor."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Queue

import httpx
import pytest
from playwright.sync_api import Browser

from settings import PLATFORM_AUTHENTICATION
from tests.browser.line import Answer, Forward, Line, Sent, line_to
from tests.devhost.server import DevhostServer
from tests.support.storage import Storage, on_sqlite

SNAPSHOTS, SESSIONS = "/api/persistence/snapshots", "/api/persistence/sessions"


def principal(user: str) -> str:
    """Returns the header that Static Web Apps sends for a person."""
    fields = {"identityProvider": "aad", "userId": user, "userDetails": "", "userRoles": ["authenticated"]}
    return base64.b64encode(json.dumps(fields).encode()).decode()


@dataclass(frozen=True)
class Front:
    """A site whose platform signs in every call of a browser, whichever page made it, as a cookie does."""

    origin: str
    line: Line
    served: Queue[tuple[str, str | None, int]]

    def sign_in(self, sent: Sent, forward: Forward) -> Answer:
        assert isinstance(sent.headers, dict)
        sent.headers["X-MS-CLIENT-PRINCIPAL"] = principal("visitor")
        answer = forward()
        self.served.put((sent.method, sent.headers.get("Sec-Fetch-Site"), answer.status))
        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    settings = {"AUTH_MODE": "swa", "AUTH_PROVIDERS": "aad", PLATFORM_AUTHENTICATION: "true"}
    on_disk = on_sqlite(tmp_path_factory.mktemp("site") / "data")
    with Storage({**on_disk.environ, **settings}).serve() as server:
        yield server


@pytest.fixture
def front(server: DevhostServer) -> Iterator[Front]:
    with line_to(server.base_url, {"/": "<!doctype html><p>Home"}) as (origin, line):
        front = Front(origin, line, Queue())
        line.breaks(front.sign_in)
        yield front


def client(server: DevhostServer, user: str) -> httpx.Client:
    headers = {"X-MS-CLIENT-PRINCIPAL": principal(user)}
    return httpx.Client(base_url=server.base_url, headers=headers, trust_env=False)


def test_an_image_and_a_form_of_another_site_count_no_visit_and_save_nothing(
    chromium: Browser, server: DevhostServer, front: Front
) -> None:
    origin = front.origin
    new = {"title": "Bait", "description": None, "content": "x"}
    with client(server, "author") as author, client(server, "visitor") as visitor:
        bait = author.post(SNAPSHOTS, json=new).raise_for_status().json()
        mine = visitor.post(SESSIONS, json={**new, "title": "Mine"}).raise_for_status().json()
        before = author.get(f"{SNAPSHOTS}/{bait}/stats").json()
        # Another site, for a browser: localhost is not 127.0.0.1.
        page = (
            f'<!doctype html><img src="{origin}{SNAPSHOTS}/{bait}"><iframe name="frame"></iframe>'
            f'<form target="frame" method="post" action="{origin}{SESSIONS}/{mine}/close"></form>'
            "<script>document.forms[0].submit()</script>"
        )
        with line_to(server.base_url, {"/": page}) as (elsewhere, _):
            tab = chromium.new_context().new_page()
            tab.goto(elsewhere.replace("127.0.0.1", "localhost"))
            served = sorted(front.served.get(timeout=20) for _ in range(2))
            tab.context.close()
        assert served == [("GET", "cross-site", 403), ("POST", "cross-site", 403)]
        assert author.get(f"{SNAPSHOTS}/{bait}/stats").json() == before
        assert visitor.get(f"{SESSIONS}/metadata/{mine}").json()["status"] == "active"
        assert visitor.get("/api/persistence/snapshot_access_logs").json()["items"] == []


def test_a_page_of_the_same_site_reads_it(chromium: Browser, server: DevhostServer, front: Front) -> None:
    with client(server, "author") as author:
        id = author.post(SNAPSHOTS, json={"title": "T", "description": None, "content": "x"}).json()
    tab = chromium.new_context().new_page()
    tab.goto(front.origin)
    status = tab.evaluate(f"fetch('{SNAPSHOTS}/{id}').then(response => response.status)")
    assert status == 200
    tab.context.close()


def test_a_link_of_another_site_opens_the_workbench_which_then_reads_for_its_visitor(
    chromium: Browser, server: DevhostServer, front: Front
) -> None:
    workbench = f"{front.origin}/api/workbench"
    with line_to(server.base_url, {"/": f'<!doctype html><a href="{workbench}">Open</a>'}) as (elsewhere, _):
        tab = chromium.new_context().new_page()
        tab.goto(elsewhere.replace("127.0.0.1", "localhost"))
        with tab.expect_response(workbench) as opened:
            tab.get_by_role("link", name="Open").click()
        assert opened.value.request.all_headers()["sec-fetch-site"] == "cross-site"
        assert opened.value.status == 200
        method, site, status = front.served.get(timeout=20)
        assert (method, site, status) == ("GET", "same-origin", 200)
        tab.context.close()
